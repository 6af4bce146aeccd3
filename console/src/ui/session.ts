// Who is signed in, for whatever shows or hides what they may do.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import type { Session } from '../types';

const NOBODY: Session = { name: null, role: 'viewer', payloads: false, needs_token: true, version: '' };

export const SessionContext = createContext<Session>(NOBODY);

export function useSession(): Session {
  return useContext(SessionContext);
}

/** Whether they may change anything; the daemon judges each change again. */
export function useMayAct(): boolean {
  return useSession().role !== 'viewer';
}
