import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  useCallback,
  useEffect,
  useRef,
  useState,
} from 'react';
import { matchTyped, shiftedStep } from './typeahead';
import css from './VirtualGrid.module.css';

interface Props<Row> {
  id: string;
  label: string;
  rows: readonly Row[];
  /** Another list: the active row starts again. */
  listKey: string;
  /** Where it starts: the folder that was just left, when going up. */
  startAt?: string | null;
  /** Takes the focus where it was lost with the view before, but never away from anything. */
  takesFocus: boolean;
  rowHeight: number;
  keyOf(row: Row): string;
  nameOf(row: Row): string;
  header: ReactNode;
  columns: string;
  cells(row: Row): ReactNode;
  isPicked(row: Row): boolean;
  isDimmed?(row: Row): boolean;
  onOpen(row: Row): void;
  onPick(rows: Row[], picked: boolean): void;
  onUp?(): void;
  onNearEnd?(): void;
  empty?: ReactNode;
}

const kTypingPause = 800;
const kPageStep = 10;

/**
 * A list of any length with a file manager's keys. The grid itself holds the focus and names the
 * active row, so that rows may come and go while scrolling without the focus going with them.
 */
export function VirtualGrid<Row>(props: Props<Row>) {
  const { rows, rowHeight, keyOf } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const anchor = useRef<number | null>(null);
  const typed = useRef({ text: '', at: 0 });
  const [active, setActive] = useState(0);
  const [listKey, setListKey] = useState(props.listKey);
  const [settled, setSettled] = useState(false);

  if (listKey !== props.listKey) {
    setListKey(props.listKey);
    setActive(0);
    setSettled(false);
  }

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    // The header sticks to the top and would cover the row that was scrolled to.
    scrollPaddingStart: 40,
    rangeExtractor: (range) => {
      const first = Math.max(0, range.startIndex - range.overscan);
      const last = Math.min(range.count - 1, range.endIndex + range.overscan);
      const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
      if (active < range.count && !indexes.includes(active)) indexes.push(active);
      return indexes.sort((a, b) => a - b);
    },
  });

  const { takesFocus } = props;
  useEffect(() => {
    if (takesFocus && document.activeElement === document.body) {
      scroller.current?.focus({ preventScroll: true });
    }
  }, [takesFocus]);

  // Once the first rows of another list are there: begin at its top, or where it was left.
  useEffect(() => {
    if (settled || rows.length === 0) return;
    const at = props.startAt == null ? 0 : rows.findIndex((row) => keyOf(row) === props.startAt);
    if (at < 0) return;
    setSettled(true);
    setActive(at);
    anchor.current = null;
    virtual.scrollToIndex(at, { align: at === 0 ? 'start' : 'center' });
  }, [settled, rows, props.startAt, keyOf, virtual]);

  const items = virtual.getVirtualItems();
  const lastShown = items[items.length - 1]?.index ?? 0;
  const { onNearEnd } = props;
  useEffect(() => {
    if (lastShown >= rows.length - 20) onNearEnd?.();
  }, [lastShown, rows.length, onNearEnd]);

  const moveTo = (index: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, index));
    setActive(next);
    virtual.scrollToIndex(next, { align: 'auto' });
    return next;
  };
  const between = (range: [number, number]) => rows.slice(range[0], range[1] + 1);
  const extendTo = (index: number) => {
    anchor.current ??= active;
    const to = Math.max(0, Math.min(rows.length - 1, index));
    const step = shiftedStep(anchor.current, active, to);
    if (step.drop !== null) props.onPick(between(step.drop), false);
    if (step.pick !== null) props.onPick(between(step.pick), true);
    moveTo(to);
  };
  const typeOn = (letter: string) => {
    const now = Date.now();
    const going = now - typed.current.at < kTypingPause ? typed.current.text : '';
    const text = going === letter ? letter : going + letter;
    typed.current = { text, at: now };
    const at = matchTyped(rows.length, (index) => props.nameOf(rows[index] as Row), active, text);
    if (at >= 0) moveTo(at);
  };
  const typing = () => Date.now() - typed.current.at < kTypingPause;

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return;
    const row = rows[active];
    const targets: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + kPageStep,
      PageUp: active - kPageStep,
      Home: 0,
      End: rows.length - 1,
    };
    const target = targets[event.key];
    if (target !== undefined) {
      event.preventDefault();
      if (event.shiftKey) extendTo(target);
      else {
        anchor.current = null;
        moveTo(target);
      }
    } else if (event.key === 'Enter' && row !== undefined) {
      event.preventDefault();
      props.onOpen(row);
    } else if (event.key === 'Backspace' && props.onUp !== undefined) {
      event.preventDefault();
      props.onUp();
    } else if (event.key === ' ' && row !== undefined && !typing()) {
      event.preventDefault();
      props.onPick([row], !props.isPicked(row));
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      props.onPick([...rows], true);
    } else if (event.key.length === 1 && event.key !== '/' && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      typeOn(event.key);
    }
  };

  const onRowClick = (event: MouseEvent, index: number) => {
    if (event.shiftKey) {
      window.getSelection()?.removeAllRanges();
      extendTo(index);
    } else {
      anchor.current = null;
      setActive(index);
    }
    scroller.current?.focus({ preventScroll: true });
  };
  const latest = useRef({ onRowClick, onOpen: props.onOpen });
  latest.current = { onRowClick, onOpen: props.onOpen };
  // Of one identity, so that scrolling draws the rows that come and leaves the others alone.
  const click = useCallback(
    (event: MouseEvent, index: number) => latest.current.onRowClick(event, index),
    [],
  );
  const open = useCallback((row: Row) => latest.current.onOpen(row), []);

  const activeRow = rows[active];
  return (
    <div
      ref={scroller}
      id={props.id}
      className={css.grid}
      role="grid"
      tabIndex={0}
      aria-label={props.label}
      aria-multiselectable="true"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={activeRow === undefined ? undefined : `${props.id}-row-${active}`}
      onKeyDown={onKeyDown}
    >
      <div className={css.header} role="row" aria-rowindex={1} data-columns={props.columns}>
        {props.header}
      </div>
      {rows.length === 0 && props.empty}
      <div className={css.rows} role="presentation" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <GridRow
              key={keyOf(row)}
              id={`${props.id}-row-${item.index}`}
              row={row}
              index={item.index}
              start={item.start}
              height={item.size}
              columns={props.columns}
              active={item.index === active}
              picked={props.isPicked(row)}
              dimmed={props.isDimmed?.(row) ?? false}
              cells={props.cells}
              onClick={click}
              onOpen={open}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowProps<Row> {
  id: string;
  row: Row;
  index: number;
  start: number;
  height: number;
  columns: string;
  active: boolean;
  picked: boolean;
  dimmed: boolean;
  cells(row: Row): ReactNode;
  onClick(event: MouseEvent, index: number): void;
  onOpen(row: Row): void;
}

function PlainRow<Row>(props: RowProps<Row>) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it has the keys
    <div
      id={props.id}
      className={css.row}
      role="row"
      tabIndex={-1}
      aria-rowindex={props.index + 2}
      aria-selected={props.picked}
      aria-disabled={props.dimmed || undefined}
      data-active={props.active || undefined}
      data-columns={props.columns}
      style={{ transform: `translateY(${props.start}px)`, height: props.height }}
      onClick={(event) => props.onClick(event, props.index)}
      onDoubleClick={() => props.onOpen(props.row)}
    >
      {props.cells(props.row)}
    </div>
  );
}

// memo() forgets that its component was generic.
const GridRow = memo(PlainRow) as typeof PlainRow;
