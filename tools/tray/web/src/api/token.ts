const kKey = 'obhut-token';

/**
 * Moves the token from the address into this tab's storage, so that neither the history nor a
 * copied address carries it, and a reloaded page still has it.
 */
export function takeToken(): void {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (token === null) return;
  sessionStorage.setItem(kKey, token);
  history.replaceState(history.state, '', window.location.pathname);
}

export function token(): string {
  return sessionStorage.getItem(kKey) ?? '';
}
