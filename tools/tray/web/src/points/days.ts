import type { Point } from '../api/types';

/** A calendar day of this machine's zone; sorts as text. */
export function dayKey(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function dateOfKey(key: string): Date {
  const [year = 1970, month = 1, day = 1] = key.split('-').map(Number);
  return new Date(year, month - 1, day);
}

export type Nearness = 'today' | 'yesterday' | 'earlier';

export function nearness(at: Date, now: Date): Nearness {
  if (dayKey(at) === dayKey(now)) return 'today';
  const before = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return dayKey(at) === dayKey(before) ? 'yesterday' : 'earlier';
}

export type TimelineRow = { kind: 'day'; day: string } | { kind: 'point'; point: Point };

/** Newest first, each day headed once: what the time line shows from top to bottom. */
export function timelineRows(points: readonly Point[]): TimelineRow[] {
  const rows: TimelineRow[] = [];
  let day = '';
  for (let index = points.length - 1; index >= 0; index -= 1) {
    const point = points[index] as Point;
    const own = dayKey(new Date(point.time));
    if (own !== day) {
      day = own;
      rows.push({ kind: 'day', day });
    }
    rows.push({ kind: 'point', point });
  }
  return rows;
}

/** The newest point of that day or, failing one, of the nearest day before it. */
export function pointOfDay(points: readonly Point[], day: string): Point | undefined {
  return points.findLast((point) => dayKey(new Date(point.time)) <= day) ?? points[0];
}
