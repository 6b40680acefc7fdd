import type { Version } from '../api/types';

/** One content of a file, and the points that hold it. */
export interface VersionGroup {
  newest: Version;
  oldest: Version;
  points: number;
}

/** Newest first; points in which nothing changed are one version to a person. */
export function groupVersions(versions: readonly Version[]): VersionGroup[] {
  const groups: VersionGroup[] = [];
  let open: VersionGroup | null = null;
  for (const version of versions) {
    if (open === null) {
      open = { newest: version, oldest: version, points: 1 };
      groups.push(open);
    } else {
      open.oldest = version;
      open.points += 1;
    }
    if (!version.same) open = null;
  }
  return groups;
}
