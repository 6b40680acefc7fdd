/** Paths travel with '/' on every system; only what a person reads is turned into `C:\…`. */
export function displayPath(path: string, windows: boolean): string {
  if (!windows) return path;
  const [, drive, rest] = /^\/([A-Za-z])(\/.*)?$/.exec(path) ?? [];
  if (drive === undefined) return path.replaceAll('/', '\\');
  return `${drive.toUpperCase()}:${(rest ?? '/').replaceAll('/', '\\')}`;
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}

export function isWithin(path: string, folder: string): boolean {
  if (folder === '/') return path !== '/';
  return path.startsWith(`${folder}/`);
}

export interface Crumb {
  name: string;
  path: string;
}

/** The folders from the root down to `path`, without the root itself. */
export function crumbsOf(path: string, windows: boolean): Crumb[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((name, index) => ({
    name: windows && index === 0 && /^[A-Za-z]$/.test(name) ? `${name.toUpperCase()}:` : name,
    path: `/${names.slice(0, index + 1).join('/')}`,
  }));
}
