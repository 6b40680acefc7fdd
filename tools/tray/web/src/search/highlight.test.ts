import { expect, it } from 'vitest';
import { highlight } from './highlight';

const marked = (name: string, query: string) =>
  highlight(name, query)
    .map((part) => (part.hit ? `[${part.text}]` : part.text))
    .join('');

it.each([
  ['Angebot Dachausbau.txt', 'dach angebot', '[Angebot] [Dach]ausbau.txt'],
  ['a.b(c)', '.b(', 'a[.b(]c)'],
  ['<b>', 'x', '<b>'],
  ['anything', '  ', 'anything'],
])('%s searched for %j', (name, query, expected) => {
  expect(marked(name, query)).toBe(expected);
});
