import { token } from './token';
import type {
  Changes,
  EntriesPage,
  Folders,
  Point,
  PreviewContent,
  Restore,
  RestoreRequest,
  SearchPage,
  Session,
  Version,
} from './types';

/** `session-over` and `window-closed` are ours: a refused token, and nobody answering at all. */
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

type Query = Record<string, string | null | undefined>;

function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) params.set(name, value);
  }
  const text = params.toString();
  return text === '' ? path : `${path}?${text}`;
}

async function errorOf(response: Response): Promise<ApiError> {
  if (response.status === 401) return new ApiError('session-over', '');
  try {
    const body = (await response.json()) as { error: { kind: string; message: string } };
    return new ApiError(body.error.kind, body.error.message);
  } catch {
    return new ApiError('failed', `HTTP ${response.status}`);
  }
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      headers: {
        'X-Obhut-Token': token(),
        ...(init.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError('window-closed', '');
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await ask(address(path, query), { signal });
  return (await response.json()) as T;
}

async function send<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const response = await ask(path, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

export const api = {
  session: (signal?: AbortSignal) => get<Session>('/api/session', {}, signal),
  points: (location: string, signal?: AbortSignal) =>
    get<{ points: Point[] }>('/api/points', { location }, signal).then((it) => it.points),
  changes: (location: string, point: string, signal?: AbortSignal) =>
    get<Changes>('/api/changes', { location, point }, signal),
  entries: (
    at: { location: string; point: string; path: string },
    cursor: string | null,
    limit: number,
    signal?: AbortSignal,
  ) => get<EntriesPage>('/api/entries', { ...at, cursor, limit: String(limit) }, signal),
  search: (location: string, text: string, cursor: string | null, signal?: AbortSignal) =>
    get<SearchPage>('/api/search', { location, text, cursor }, signal),
  /** Whoever goes to the search field will look for a name: until it is typed the names are known. */
  prepareSearch: (location: string) => {
    get<SearchPage>('/api/search', { location, text: '' }).catch(() => undefined);
  },
  versions: (location: string, path: string, signal?: AbortSignal) =>
    get<{ versions: Version[] }>('/api/versions', { location, path }, signal).then(
      (it) => it.versions,
    ),
  preview: (location: string, point: string, path: string, signal?: AbortSignal) =>
    get<PreviewContent>('/api/preview', { location, point, path }, signal),
  picture: (url: string, signal?: AbortSignal) => ask(url, { signal }).then((it) => it.blob()),
  folders: (path: string, signal?: AbortSignal) => get<Folders>('/api/folders', { path }, signal),
  makeFolder: (path: string) => send<unknown>('POST', '/api/folders', { path }),
  startRestore: (request: RestoreRequest) =>
    send<{ id: string }>('POST', '/api/restores', request).then((it) => it.id),
  restore: (id: string, signal?: AbortSignal) =>
    get<Restore>(`/api/restores/${encodeURIComponent(id)}`, {}, signal),
  restores: (signal?: AbortSignal) =>
    get<{ restores: Restore[] }>('/api/restores', {}, signal).then((it) => it.restores),
  steerRestore: (id: string, verb: 'pause' | 'resume' | 'cancel') =>
    send<unknown>('POST', `/api/restores/${encodeURIComponent(id)}/${verb}`),
  takeGrant: (grant: { document: string } | { code: string }) =>
    send<Session>('POST', '/api/grants', grant),
  giveGrantBack: () => send<unknown>('DELETE', '/api/grants'),
  mount: (location: string, point: string) =>
    send<{ folder: string }>('POST', '/api/mounts', { location, point }),
};
