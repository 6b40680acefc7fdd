import { describe, expect, it } from 'vitest';
import { type Basket, BasketIndex, basketAfter, batchesOf, type Picked } from './basket';

function picked(path: string, more: Partial<Picked> = {}): Picked {
  return {
    location: 'cluster',
    point: 'p1',
    time: '2026-01-01T00:00:00Z',
    path,
    type: 'file',
    size: 1,
    ...more,
  };
}
const folder = (path: string) => picked(path, { type: 'directory', size: null });
const pick = (basket: Basket, ...entries: Picked[]) => basketAfter(basket, { do: 'pick', entries });
const paths = (basket: Basket) => basket.map((it) => it.path);

describe('the basket', () => {
  it('takes a picked folder for everything in it', () => {
    const basket = pick([picked('/a/x'), picked('/a/b/y'), picked('/ab')], folder('/a'));

    expect(paths(basket)).toEqual(['/ab', '/a']);
    expect(paths(pick(basket, picked('/a/z')))).toEqual(['/ab', '/a']);
  });

  it('holds a path once, as of the point it was picked from last', () => {
    const basket = pick([picked('/a')], picked('/a', { point: 'p2' }));

    expect(basket).toEqual([picked('/a', { point: 'p2' })]);
  });

  it('does not take a folder of another point for a file of this one', () => {
    const basket = pick([folder('/a')], picked('/a/x', { point: 'p2' }));

    expect(paths(basket)).toEqual(['/a', '/a/x']);
    expect(new BasketIndex(basket).holderOf(picked('/a/y', { point: 'p2' }))).toBeNull();
  });

  it('drops and clears', () => {
    const basket = [picked('/a'), picked('/b')];

    expect(paths(basketAfter(basket, { do: 'drop', entries: [picked('/a')] }))).toEqual(['/b']);
    expect(basketAfter(basket, { do: 'clear' })).toEqual([]);
  });

  it('becomes one restore for each point', () => {
    const basket = [picked('/a'), picked('/b', { point: 'p2' }), picked('/c')];

    expect(batchesOf(basket).map((it) => [it.point, it.paths])).toEqual([
      ['p1', ['/a', '/c']],
      ['p2', ['/b']],
    ]);
  });
});
