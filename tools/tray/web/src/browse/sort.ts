import type { Entry } from '../api/types';

export type SortKey = 'name' | 'size' | 'modified';

export interface Sort {
  by: SortKey;
  descending: boolean;
}

/** What a click on a column means: names begin with A, sizes and dates with the largest. */
export function nextSort(sort: Sort, by: SortKey): Sort {
  if (sort.by === by) return { by, descending: !sort.descending };
  return { by, descending: by !== 'name' };
}

/**
 * Folders stay above files. By name, the server's order stands: comparing 50,000 names again
 * with each page that arrives would freeze the page.
 */
export function sortEntries(entries: readonly Entry[], sort: Sort, language: string): Entry[] {
  const factor = sort.descending ? -1 : 1;
  const collator = new Intl.Collator(language, { numeric: true });
  const compare = {
    name: (a: Entry, b: Entry) => collator.compare(a.name, b.name),
    size: (a: Entry, b: Entry) => a.size - b.size,
    modified: (a: Entry, b: Entry) => Date.parse(a.modified) - Date.parse(b.modified),
  }[sort.by];
  return [...entries].sort(
    (a, b) =>
      Number(b.type === 'directory') - Number(a.type === 'directory') || factor * compare(a, b),
  );
}
