import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Basket, type BasketAction, BasketIndex, basketAfter } from './basket';

const kKey = 'obhut-basket';

/** What the restore dialog shows: a choice to make, or restores under way. */
export type DeskView =
  | { kind: 'choose'; basket: Basket; fromBasket: boolean }
  | { kind: 'watch'; ids: string[] }
  | { kind: 'list' };

interface Desk {
  basket: Basket;
  index: BasketIndex;
  change(action: BasketAction): void;
  view: DeskView | null;
  show(view: DeskView | null): void;
}

const DeskContext = createContext<Desk | null>(null);

function kept(): Basket {
  try {
    return JSON.parse(sessionStorage.getItem(kKey) ?? '[]') as Basket;
  } catch {
    return [];
  }
}

/** Holds the basket, which outlives a reload, and which restore dialog is open. */
export function DeskProvider({ children }: { children: ReactNode }) {
  const [basket, setBasket] = useState(kept);
  const [view, show] = useState<DeskView | null>(null);

  useEffect(() => {
    try {
      sessionStorage.setItem(kKey, JSON.stringify(basket));
    } catch {
      // A basket of many thousands exceeds what a tab may store: it lasts until the next reload.
      sessionStorage.removeItem(kKey);
    }
  }, [basket]);

  const desk = useMemo(
    () => ({
      basket,
      index: new BasketIndex(basket),
      change: (action: BasketAction) => setBasket((before) => basketAfter(before, action)),
      view,
      show,
    }),
    [basket, view],
  );
  return <DeskContext value={desk}>{children}</DeskContext>;
}

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error('useDesk outside of DeskProvider');
  return desk;
}
