/**
 * The row that typed letters mean: the next one that begins with them, from the active row on.
 * A single letter typed again walks on to the following match, as file managers do.
 */
export function matchTyped(
  count: number,
  nameAt: (index: number) => string,
  active: number,
  typed: string,
): number {
  const wanted = typed.toLocaleLowerCase();
  const start = typed.length === 1 ? active + 1 : active;
  for (let step = 0; step < count; step += 1) {
    const index = (start + step) % count;
    if (nameAt(index).toLocaleLowerCase().startsWith(wanted)) return index;
  }
  return -1;
}

/** Which rows a shifted step picks and drops, given where the range began. */
export function shiftedStep(
  anchor: number,
  from: number,
  to: number,
): { pick: [number, number] | null; drop: [number, number] | null } {
  const away = Math.abs(to - anchor) >= Math.abs(from - anchor);
  const crossed = (from - anchor) * (to - anchor) < 0;
  const pick: [number, number] = [Math.min(anchor, to), Math.max(anchor, to)];
  if (away && !crossed) return { pick, drop: null };
  if (crossed) {
    return { pick, drop: from > anchor ? [anchor + 1, from] : [from, anchor - 1] };
  }
  return { pick: null, drop: to > from ? [from, to - 1] : [to + 1, from] };
}
