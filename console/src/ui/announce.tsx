// What an act has come to, seen and heard.
import { useEffect, useState } from 'preact/hooks';

import { ApiError } from '../api';

interface Notice {
  text: string;
  isError: boolean;
}

const SHOWN_MS = 8_000;

let show: (notice: Notice) => void = () => undefined;

export function announce(text: string): void {
  show({ text, isError: false });
}

export function announceError(error: unknown): void {
  const text = error instanceof ApiError ? `${error.code}: ${error.message}` : String(error);
  show({ text, isError: true });
}

/** The region that stands once on the page. It is always there, since readers only notice changes within one. */
export function Announcer() {
  const [notice, setNotice] = useState<Notice | null>(null);
  useEffect(() => {
    show = setNotice;
    return () => {
      show = () => undefined;
    };
  }, []);
  useEffect(() => {
    // An error stays until it is dismissed or something else happens.
    if (notice === null || notice.isError) return;
    const timer = setTimeout(() => setNotice(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class="announcer">
      <div role="status" aria-live="polite" aria-atomic="true">
        {notice && !notice.isError && <p class="notice">{notice.text}</p>}
      </div>
      <div role="alert" aria-live="assertive" aria-atomic="true">
        {notice?.isError && (
          <p class="notice error">
            {notice.text}{' '}
            <button type="button" onClick={() => setNotice(null)}>
              Dismiss
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
