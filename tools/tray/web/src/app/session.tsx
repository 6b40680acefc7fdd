import { createContext, type ReactNode, useContext } from 'react';
import type { Session } from '../api/types';
import { displayPath } from '../shared/paths';

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('useSession outside of SessionProvider');
  return session;
}

/** A path as people of this system write it. */
export function useShownPath(): (path: string) => string {
  const { windows } = useSession();
  return (path) => displayPath(path, windows);
}
