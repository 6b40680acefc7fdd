import { expect, it } from 'vitest';
import type { Version } from '../api/types';
import { groupVersions } from './groups';

function version(point: string, same: boolean): Version {
  return { point, time: '', size: 1, modified: '', type: 'file', same };
}

it('points in which nothing changed are one version, named after the newest', () => {
  const groups = groupVersions([
    version('e', true),
    version('d', true),
    version('c', false),
    version('b', false),
    version('a', false),
  ]);

  expect(groups.map((it) => [it.newest.point, it.oldest.point, it.points])).toEqual([
    ['e', 'c', 3],
    ['b', 'b', 1],
    ['a', 'a', 1],
  ]);
});
