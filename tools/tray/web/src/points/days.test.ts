import { describe, expect, it } from 'vitest';
import type { Point } from '../api/types';
import { dateOfKey, dayKey, nearness, pointOfDay, timelineRows } from './days';

function point(id: string, time: Date): Point {
  return {
    id,
    time: time.toISOString(),
    sequence: 1,
    files: 0,
    directories: 0,
    bytes: 0,
    new_bytes: 0,
    consistency: 'snapshot',
    skipped: 0,
  };
}
const points = [
  point('a', new Date(2026, 0, 30, 22)),
  point('b', new Date(2026, 1, 1, 9)),
  point('c', new Date(2026, 1, 1, 18)),
];

describe('days', () => {
  it('are those of this zone, also around midnight', () => {
    expect(dayKey(new Date(2026, 0, 5, 0, 1))).toBe('2026-01-05');
    expect(dayKey(dateOfKey('2026-12-31'))).toBe('2026-12-31');
  });

  it('call the day before yesterday, across a month', () => {
    const now = new Date(2026, 2, 1, 0, 30);

    expect(nearness(new Date(2026, 2, 1, 0, 1), now)).toBe('today');
    expect(nearness(new Date(2026, 1, 28, 23), now)).toBe('yesterday');
    expect(nearness(new Date(2026, 1, 27, 23), now)).toBe('earlier');
  });

  it('head their points once, the newest first', () => {
    const rows = timelineRows(points).map((row) => (row.kind === 'day' ? row.day : row.point.id));

    expect(rows).toEqual(['2026-02-01', 'c', 'b', '2026-01-30', 'a']);
  });

  it('lead to their newest point, or to the one before them', () => {
    expect(pointOfDay(points, '2026-02-01')?.id).toBe('c');
    expect(pointOfDay(points, '2026-01-31')?.id).toBe('a');
    expect(pointOfDay(points, '2020-01-01')?.id).toBe('a');
  });
});
