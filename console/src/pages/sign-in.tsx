// The way in. The token becomes a session that scripts cannot read; it is not kept here.
import { useEffect, useRef, useState } from 'preact/hooks';

import { ApiError, signIn } from '../api';
import type { Session } from '../types';
import { Refused } from '../ui/load';

export function SignIn({ wasSignedIn, onSession }: { wasSignedIn: boolean; onSession: (session: Session) => void }) {
  const [token, setToken] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Sign in · invoked';
    field.current?.focus();
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onSession(await signIn(token));
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused.status === 401 ? new ApiError(400, 'Wrong token', 'No token of the daemon reads so.', null) : refused);
      setBusy(false);
      field.current?.select();
    }
  };
  return (
    <main class="sign-in" id="main">
      <form onSubmit={(event) => void submit(event)}>
        <h1 id="title" tabIndex={-1}>
          <span class="mark">invoked</span> Sign in
        </h1>
        {wasSignedIn && <p role="status">Your session has ended.</p>}
        <label class="field wide">
          <span>Token</span>
          <input
            ref={field}
            type="password"
            name="token"
            autocomplete="current-password"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {error && <Refused error={error} />}
        <button type="submit" class="primary" disabled={isBusy}>
          Sign in
        </button>
        <p class="faint">
          One of <code>[admin.tokens]</code> in the daemon’s configuration.
        </p>
      </form>
    </main>
  );
}
