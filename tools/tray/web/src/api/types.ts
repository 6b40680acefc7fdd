/** What the window's server answers. README.md holds the same contract as a table. */

export type LocationKind = 'cluster' | 'local';

export interface VaultLocation {
  id: string;
  kind: LocationKind;
}

export interface Support {
  email: string | null;
  phone: string | null;
  url: string | null;
}

export interface Grant {
  id: string;
  scope: string[];
  destination: string;
  expires: string;
  reason: string;
}

export interface Session {
  brand: { name: string; logo: string | null; accent: string | null; support: Support };
  language: 'de' | 'en';
  device: { name: string };
  account: string;
  administrator: boolean;
  windows: boolean;
  home: string;
  locations: VaultLocation[];
  grant: Grant | null;
  mount: boolean;
}

export interface Point {
  id: string;
  time: string;
  sequence: number;
  files: number;
  directories: number;
  bytes: number;
  new_bytes: number;
  consistency: string;
  skipped: number;
}

export type ChangeKind = 'added' | 'changed' | 'removed';

export interface Changes {
  since: string | null;
  added: number;
  changed: number;
  removed: number;
  examples: { path: string; change: ChangeKind }[];
}

export type EntryType = 'file' | 'directory' | 'symlink' | 'other';

export interface Entry {
  name: string;
  path: string;
  type: EntryType;
  size: number;
  modified: string;
  mode: string;
  user: string;
  group: string;
  target?: string;
  denied: boolean;
}

export interface EntriesPage {
  path: string;
  entries: Entry[];
  next: string | null;
}

export interface SearchResult {
  path: string;
  type: EntryType;
  versions: number;
  newest: { point: string; time: string; size: number; modified: string };
  in_latest: boolean;
}

export interface SearchPage {
  results: SearchResult[];
  next: string | null;
}

export interface Version {
  point: string;
  time: string;
  size: number;
  modified: string;
  type: EntryType;
  same: boolean;
}

export type PreviewContent =
  | { kind: 'text'; text: string; truncated: boolean; encoding: string }
  | { kind: 'image'; url: string }
  | { kind: 'none'; reason: string };

export interface Folders {
  /** May this account put files into the folder itself? */
  writable: boolean;
  path: string;
  parent: string | null;
  folders: { name: string; path: string; writable: boolean }[];
}

export type Existing = 'keep' | 'overwrite' | 'both';

export type Destination = { kind: 'original' } | { kind: 'folder'; folder: string };

export interface RestoreRequest {
  location: string;
  point: string;
  paths: string[];
  to: Destination;
  existing: Existing;
  dry_run: boolean;
}

export type RestoreState = 'running' | 'paused' | 'done' | 'failed' | 'cancelled';

export type WouldAction = 'create' | 'overwrite' | 'keep' | 'rename';

export interface WouldHappen {
  create: number;
  overwrite: number;
  keep: number;
  rename: number;
  examples: { path: string; action: WouldAction }[];
}

/** `kind` is for the reader, in the reader's language; `reason` is what the system said. */
export interface Problem {
  path: string;
  kind?: string;
  reason: string;
}

export interface RestoreReport {
  files: number;
  directories: number;
  bytes: number;
  kept: number;
  renamed: number;
  missing: number;
  problems: Problem[];
  would: WouldHappen | null;
  to: string;
}

export interface Restore {
  id: string;
  state: RestoreState;
  dry_run: boolean;
  started: string;
  /** The first of the paths that were asked for, and how many there are. */
  paths: string[];
  paths_total: number;
  progress: {
    files_done: number;
    files_total: number;
    bytes_done: number;
    bytes_total: number;
    percent: number;
    seconds_left: number | null;
    bytes_per_second: number;
    path: string;
  };
  report: RestoreReport | null;
  error: { kind: string; message: string } | null;
}
