import { expect, it } from 'vitest';
import type { Entry } from '../api/types';
import { nextSort, sortEntries } from './sort';

function entry(name: string, size: number, type: Entry['type'] = 'file'): Entry {
  const modified = `2026-01-0${size}T00:00:00Z`;
  return {
    name,
    path: `/${name}`,
    type,
    size,
    modified,
    mode: '',
    user: '',
    group: '',
    denied: false,
  };
}
const entries = [entry('b10', 1), entry('b9', 3), entry('ä', 2), entry('z', 4, 'directory')];
const names = (by: 'name' | 'size' | 'modified', descending: boolean) =>
  sortEntries(entries, { by, descending }, 'de').map((it) => it.name);

it('folders stay above files, numbers in names count as numbers', () => {
  expect(names('name', false)).toEqual(['z', 'ä', 'b9', 'b10']);
  expect(names('name', true)).toEqual(['z', 'b10', 'b9', 'ä']);
  expect(names('size', true)).toEqual(['z', 'b9', 'ä', 'b10']);
  expect(names('modified', false)).toEqual(['z', 'b10', 'ä', 'b9']);
});

it('a column that is clicked begins with what is looked for, and turns with the next click', () => {
  expect(nextSort({ by: 'name', descending: false }, 'size')).toEqual({
    by: 'size',
    descending: true,
  });
  expect(nextSort({ by: 'size', descending: true }, 'size')).toEqual({
    by: 'size',
    descending: false,
  });
  expect(nextSort({ by: 'size', descending: true }, 'name')).toEqual({
    by: 'name',
    descending: false,
  });
});
