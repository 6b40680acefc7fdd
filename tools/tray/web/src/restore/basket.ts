import type { EntryType } from '../api/types';
import { parentOf } from '../shared/paths';

export interface Picked {
  location: string;
  point: string;
  time: string;
  path: string;
  type: EntryType;
  /** null where a folder's size is not known. */
  size: number | null;
}

export type Basket = readonly Picked[];

export type BasketAction =
  | { do: 'pick'; entries: Picked[] }
  | { do: 'drop'; entries: { location: string; path: string }[] }
  | { do: 'clear' };

type Spot = { location: string; point: string; path: string };

const keyOf = (it: { location: string; path: string }) => `${it.location}\n${it.path}`;

/** Answers for every row of a folder of 50,000, so it never walks the basket. */
export class BasketIndex {
  private readonly points = new Map<string, string>();
  private readonly folders = new Map<string, Picked>();

  constructor(basket: Basket) {
    for (const it of basket) {
      this.points.set(keyOf(it), it.point);
      if (it.type === 'directory') this.folders.set(keyOf(it), it);
    }
  }

  has(spot: Spot): boolean {
    return this.points.get(keyOf(spot)) === spot.point;
  }

  get empty(): boolean {
    return this.points.size === 0;
  }

  /** Picked itself, or brought along by a folder. */
  covers(spot: Spot): boolean {
    return this.has(spot) || this.holderOf(spot) !== null;
  }

  /** The picked folder that already brings this entry along, if there is one. */
  holderOf(spot: Spot): Picked | null {
    if (this.folders.size === 0) return null;
    for (let path = spot.path; path !== '/'; ) {
      path = parentOf(path);
      const holder = this.folders.get(keyOf({ location: spot.location, path }));
      if (holder?.point === spot.point) return holder;
    }
    return null;
  }
}

/**
 * A path is in the basket once: picking it from another point replaces the earlier choice, for
 * nobody means to restore two states of one file over each other.
 */
function pick(basket: Basket, entries: Picked[]): Basket {
  const before = new BasketIndex(basket);
  const wanted = entries.filter((entry) => before.holderOf(entry) === null);
  if (wanted.length === 0) return basket;
  const replaced = new Set(wanted.map(keyOf));
  const added = new BasketIndex(wanted);
  const left = basket.filter((it) => !replaced.has(keyOf(it)) && added.holderOf(it) === null);
  return [...left, ...wanted.filter((it) => added.holderOf(it) === null)];
}

export function basketAfter(basket: Basket, action: BasketAction): Basket {
  switch (action.do) {
    case 'pick':
      return pick(basket, action.entries);
    case 'drop': {
      const dropped = new Set(action.entries.map(keyOf));
      return basket.filter((it) => !dropped.has(keyOf(it)));
    }
    case 'clear':
      return [];
  }
}

export interface Batch {
  location: string;
  point: string;
  time: string;
  paths: string[];
}

/** A restore reads one point: picked entries of several points become as many restores. */
export function batchesOf(basket: Basket): Batch[] {
  const batches = new Map<string, Batch>();
  for (const it of basket) {
    const key = `${it.location}\n${it.point}`;
    const batch = batches.get(key) ?? {
      location: it.location,
      point: it.point,
      time: it.time,
      paths: [],
    };
    batch.paths.push(it.path);
    batches.set(key, batch);
  }
  return [...batches.values()];
}
