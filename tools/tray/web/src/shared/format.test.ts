import { describe, expect, it } from 'vitest';
import { formatOf } from './format';

describe('formatting', () => {
  // The same steps as the command line tool's human_bytes.
  it.each([
    [0, '0 B', '0 B'],
    [999, '999 B', '999 B'],
    [1000, '1,00 kB', '1.00 kB'],
    [15_300, '15,3 kB', '15.3 kB'],
    [999_499, '999 kB', '999 kB'],
    [999_500, '1,00 MB', '1.00 MB'],
    [20_600_000_000, '20,6 GB', '20.6 GB'],
  ])('%i bytes in both languages', (bytes, german, english) => {
    expect(formatOf('de').bytes(bytes).replace('\u00a0', ' ')).toBe(german);
    expect(formatOf('en').bytes(bytes).replace('\u00a0', ' ')).toBe(english);
  });

  it('writes numbers and durations in the language', () => {
    expect(formatOf('de').count(1234567)).toBe('1.234.567');
    expect(formatOf('en').count(1234567)).toBe('1,234,567');
    expect(formatOf('de').duration(45)).toContain('45');
    expect(formatOf('en').duration(7500)).toMatch(/2.*5/);
  });

  it('begins the week on Monday', () => {
    expect(formatOf('de').weekdays()[0]?.long).toBe('Montag');
    expect(formatOf('en').weekdays()[6]?.long).toBe('Sunday');
  });
});
