import { describe, expect, it } from 'vitest';
import { accentOf, contrast, kOwnAccent } from './accent';

describe('the accent', () => {
  // Pale, dark, pure and grey: what partners have as house colours.
  const colours = [
    '#ffe000',
    '#003366',
    '#ff0000',
    '#00ff00',
    '#0000ff',
    '#777777',
    '#ffffff',
    '#000000',
  ];

  it.each(colours)('%s stays readable as text and under text', (hex) => {
    const accent = accentOf(hex);

    expect(contrast(accent.on, accent.fill)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(accent.on, accent.fillHover)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(accent.textOnLight, '#f0f2f5')).toBeGreaterThanOrEqual(4.5);
    expect(contrast(accent.textOnDark, '#262a31')).toBeGreaterThanOrEqual(4.5);
  });

  it.each([null, '', 'red', '#12', 'url(x)'])('is our own where %j is none', (given) => {
    expect(accentOf(given).fill).toBe(kOwnAccent);
  });
});
