// Light or dark: as the system has it, or as chosen here, which this browser then remembers.
import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'invoked-theme';
const CHANGED = 'invoked-theme-changed';

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
    return 'system';
  }
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  dispatchEvent(new Event(CHANGED));
}

/** Puts the remembered choice in force, before anything is painted. */
export function applyKept(): void {
  apply(read());
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(read);
  const choose = (chosen: Theme) => {
    setTheme(chosen);
    apply(chosen);
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // As above.
    }
  };
  return [theme, choose];
}

/** Grows whenever the colours change, so that what is painted can be painted anew. */
export function useColours(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const changed = () => setTurn((before) => before + 1);
    const system = matchMedia('(prefers-color-scheme: dark)');
    addEventListener(CHANGED, changed);
    system.addEventListener('change', changed);
    return () => {
      removeEventListener(CHANGED, changed);
      system.removeEventListener('change', changed);
    };
  }, []);
  return turn;
}
