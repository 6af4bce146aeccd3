// Where the page is: everything behind the `#`, so that the daemon serves one document and a link says all.
import { useEffect, useState } from 'preact/hooks';

export interface Place {
  /** The decoded segments: `#/functions/a%2Fb?x=1` has `functions` and `a/b`. */
  path: string[];
  query: URLSearchParams;
}

/** Reads a hash; what cannot be decoded is taken as it stands. */
export function parse(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { path: path.split('/').filter((part) => part !== '').map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The link to a place. Empty values are left out. */
export function href(path: string[], query: Record<string, string | null | undefined> = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) words.set(name, value);
  const text = words.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

export function go(link: string): void {
  location.hash = link;
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => parse(location.hash));
  useEffect(() => {
    const moved = () => setPlace(parse(location.hash));
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  return place;
}
