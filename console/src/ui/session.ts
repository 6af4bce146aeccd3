// Who is signed in, for whatever shows or hides what they may do.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import type { Session } from '../types';

const NOBODY: Session = { name: null, role: 'viewer', payloads: false, operations: [], needs_token: true, version: '' };

export const SessionContext = createContext<Session>(NOBODY);

export function useSession(): Session {
  return useContext(SessionContext);
}

/** Whether they may do what the API calls so; the daemon judges each request again. */
export function useMay(): (operation: string) => boolean {
  const { operations } = useSession();
  return (operation) => operations.includes(operation);
}
