import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';

/** Where the reader is. `point` null means the newest one. */
export interface Place {
  location: string;
  point: string | null;
  path: string;
  file: string | null;
  search: string;
}

interface PlaceValue {
  place: Place;
  /** Where the reader was before; null on a page that was just opened. */
  previous: Place | null;
  go(change: Partial<Place>): void;
  /** For typing: one step back leaves the search, not its last letter. */
  adjust(change: Partial<Place>): void;
  back(): void;
}

const PlaceContext = createContext<PlaceValue | null>(null);

function placeOf(state: unknown): Place | null {
  const place = (state as { place?: Place } | null)?.place;
  return place ?? null;
}

/**
 * Steps are kept in the browser's history as state, never in the address: browsers send
 * addresses to their maker's cloud, and names of files have no business there.
 */
export function PlaceProvider({ start, children }: { start: Place; children: ReactNode }) {
  const [{ place, previous }, setSteps] = useState<{ place: Place; previous: Place | null }>(
    () => ({ place: placeOf(history.state) ?? start, previous: null }),
  );
  const [depth, setDepth] = useState(0);
  const moveTo = useCallback((next: Place) => {
    setSteps((before) => ({ place: next, previous: before.place }));
  }, []);

  useEffect(() => {
    const onPop = (event: PopStateEvent) => {
      setDepth((before) => Math.max(0, before - 1));
      moveTo(placeOf(event.state) ?? start);
    };
    window.addEventListener('popstate', onPop);
    return () => window.removeEventListener('popstate', onPop);
  }, [start, moveTo]);

  const go = useCallback(
    (change: Partial<Place>) => {
      const next = { ...place, ...change };
      history.pushState({ place: next }, '');
      setDepth((before) => before + 1);
      moveTo(next);
    },
    [place, moveTo],
  );
  const adjust = useCallback(
    (change: Partial<Place>) => {
      const next = { ...place, ...change };
      history.replaceState({ place: next }, '');
      moveTo(next);
    },
    [place, moveTo],
  );
  const back = useCallback(() => {
    if (depth > 0) history.back();
    else adjust({ file: null });
  }, [depth, adjust]);

  return <PlaceContext value={{ place, previous, go, adjust, back }}>{children}</PlaceContext>;
}

export function usePlace(): PlaceValue {
  const value = useContext(PlaceContext);
  if (value === null) throw new Error('usePlace outside of PlaceProvider');
  return value;
}
