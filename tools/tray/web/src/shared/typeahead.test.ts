import { describe, expect, it } from 'vitest';
import { matchTyped, shiftedStep } from './typeahead';

const names = ['Archiv', 'Bilder', 'Briefe', 'Dokumente', 'Äpfel'];
const match = (active: number, typed: string) =>
  matchTyped(names.length, (index) => names[index] as string, active, typed);

describe('typing ahead', () => {
  it('finds the next name that begins so, whatever the case', () => {
    expect(match(0, 'b')).toBe(1);
    expect(match(0, 'br')).toBe(2);
    expect(match(0, 'ä')).toBe(4);
  });

  it('walks on with the same letter, and around the end', () => {
    expect(match(1, 'b')).toBe(2);
    expect(match(2, 'b')).toBe(1);
  });

  it('stays where it is while the word still fits', () => {
    expect(match(2, 'bri')).toBe(2);
  });

  it('finds nothing where nothing fits', () => {
    expect(match(0, 'x')).toBe(-1);
  });
});

describe('a shifted step', () => {
  it('picks from the anchor on while it goes away from it', () => {
    expect(shiftedStep(2, 2, 3)).toEqual({ pick: [2, 3], drop: null });
    expect(shiftedStep(2, 2, 1)).toEqual({ pick: [1, 2], drop: null });
  });

  it('drops what it leaves while it comes back', () => {
    expect(shiftedStep(2, 5, 4)).toEqual({ pick: null, drop: [5, 5] });
    expect(shiftedStep(2, 0, 1)).toEqual({ pick: null, drop: [0, 0] });
  });

  it('drops one side and picks the other when it crosses the anchor', () => {
    expect(shiftedStep(2, 4, 0)).toEqual({ pick: [0, 2], drop: [3, 4] });
    expect(shiftedStep(2, 0, 4)).toEqual({ pick: [2, 4], drop: [0, 1] });
  });
});
