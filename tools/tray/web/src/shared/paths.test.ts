import { describe, expect, it } from 'vitest';
import { crumbsOf, displayPath, isWithin, nameOf, parentOf } from './paths';

describe('paths', () => {
  it.each([
    ['/C/Users/anna/x.txt', 'C:\\Users\\anna\\x.txt'],
    ['/c', 'C:\\'],
    ['/', '\\'],
    ['/Cloud/x', '\\Cloud\\x'],
  ])('%s is shown as %s on Windows', (path, shown) => {
    expect(displayPath(path, true)).toBe(shown);
  });

  it('are shown as they are elsewhere', () => {
    expect(displayPath('/C/Users', false)).toBe('/C/Users');
  });

  it('know their parts', () => {
    expect(nameOf('/home/anna/x')).toBe('x');
    expect(parentOf('/home/anna')).toBe('/home');
    expect(parentOf('/home')).toBe('/');
    expect(parentOf('/')).toBe('/');
    expect(crumbsOf('/C/Users', true)).toEqual([
      { name: 'C:', path: '/C' },
      { name: 'Users', path: '/C/Users' },
    ]);
  });

  it('do not take a longer name for a folder within', () => {
    expect(isWithin('/home/anna/x', '/home/anna')).toBe(true);
    expect(isWithin('/home/annabelle', '/home/anna')).toBe(false);
    expect(isWithin('/home/anna', '/home/anna')).toBe(false);
    expect(isWithin('/home', '/')).toBe(true);
  });
});
