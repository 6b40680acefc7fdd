import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import de from './de.json';
import en from './en.json';

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string' ? [[prefix + key, value]] : [...flat(value, `${prefix}${key}.`)],
    ) as [string, string][],
  );
}

const german = flat(de);
const english = flat(en);
const base = (key: string) => key.replace(/_(one|other)$/, '');
const placeholders = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((it) => it[1]).sort();

function sources(): string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => `src/${name}`);
}

describe('the texts', () => {
  it('have the same keys in both languages', () => {
    expect([...german.keys()]).toEqual([...english.keys()]);
  });

  it('fill in the same values in both languages', () => {
    for (const [key, text] of english) {
      expect(placeholders(german.get(key) ?? ''), key).toEqual(placeholders(text));
    }
  });

  it('have a singular for each plural', () => {
    for (const key of english.keys()) {
      if (key.endsWith('_other')) expect(english.has(`${base(key)}_one`), key).toBe(true);
    }
  });

  it('are all used, and none is missing', () => {
    const used = new Set<string>();
    for (const file of sources()) {
      for (const [, key] of readFileSync(file, 'utf8').matchAll(/\bt\(\s*'([\w.]+)'/g)) {
        used.add(key as string);
      }
    }

    expect([...new Set([...english.keys()].map(base))].sort()).toEqual([...used].sort());
  });
});
