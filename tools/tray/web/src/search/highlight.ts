export interface Part {
  text: string;
  hit: boolean;
}

/** Cuts a name where the searched words stand in it. */
export function highlight(name: string, query: string): Part[] {
  const words = query
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (words.length === 0) return [{ text: name, hit: false }];
  return name
    .split(new RegExp(`(${words.join('|')})`, 'gi'))
    .map((text, index) => ({ text, hit: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}
