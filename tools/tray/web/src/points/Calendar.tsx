import { ActionIcon, NativeSelect } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../shared/format';
import css from './Calendar.module.css';
import { dateOfKey, dayKey } from './days';

interface Props {
  /** The days that have a point; the others cannot be chosen. */
  days: ReadonlySet<string>;
  chosen: string;
  onChoose(day: string): void;
}

const kMoves: Record<string, number> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -7,
  ArrowDown: 7,
};

/** Weeks from Monday, filled up with the neighbours' days. */
function weeksOf(month: Date): Date[][] {
  const first = new Date(month.getFullYear(), month.getMonth(), 1);
  const lead = (first.getDay() + 6) % 7;
  const length = new Date(month.getFullYear(), month.getMonth() + 1, 0).getDate();
  return Array.from({ length: Math.ceil((lead + length) / 7) }, (_, week) =>
    Array.from(
      { length: 7 },
      (_, day) => new Date(month.getFullYear(), month.getMonth(), 1 - lead + week * 7 + day),
    ),
  );
}

/** Years of points: the year is one choice, the month another, and days without a point are dim. */
export function Calendar({ days, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [focused, setFocused] = useState(() => dateOfKey(chosen));
  const grid = useRef<HTMLTableElement>(null);
  const moved = useRef(false);
  const sorted = [...days].sort();
  const firstYear = dateOfKey(sorted[0] ?? chosen).getFullYear();
  const lastYear = dateOfKey(sorted[sorted.length - 1] ?? chosen).getFullYear();
  const years = Array.from({ length: lastYear - firstYear + 1 }, (_, at) => String(lastYear - at));

  // biome-ignore lint/correctness/useExhaustiveDependencies: the focus follows the focused day
  useEffect(() => {
    if (moved.current) grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    moved.current = false;
  }, [focused]);

  const turn = (months: number) =>
    setFocused(new Date(focused.getFullYear(), focused.getMonth() + months, 1));

  const onKeyDown = (event: KeyboardEvent) => {
    const by = kMoves[event.key];
    if (by === undefined && event.key !== 'PageUp' && event.key !== 'PageDown') return;
    event.preventDefault();
    moved.current = true;
    if (by === undefined) turn(event.key === 'PageUp' ? -1 : 1);
    else {
      setFocused(new Date(focused.getFullYear(), focused.getMonth(), focused.getDate() + by));
    }
  };

  return (
    <div>
      <div className={css.head}>
        <ActionIcon variant="subtle" aria-label={t('calendar.before')} onClick={() => turn(-1)}>
          <IconChevronLeft size={18} />
        </ActionIcon>
        <span className={css.month} aria-live="polite">
          {format.month(focused)}
        </span>
        <NativeSelect
          size="xs"
          aria-label={t('calendar.year')}
          data={years}
          value={String(focused.getFullYear())}
          onChange={(event) =>
            setFocused(new Date(Number(event.currentTarget.value), focused.getMonth(), 1))
          }
        />
        <ActionIcon variant="subtle" aria-label={t('calendar.after')} onClick={() => turn(1)}>
          <IconChevronRight size={18} />
        </ActionIcon>
      </div>
      <table className={css.grid} ref={grid} onKeyDown={onKeyDown}>
        <thead>
          <tr>
            {format.weekdays().map((day) => (
              <th key={day.long} scope="col" abbr={day.long}>
                {day.short}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeksOf(focused).map((week) => (
            <tr key={dayKey(week[0] as Date)}>
              {week.map((day) => {
                const key = dayKey(day);
                const has = days.has(key);
                return (
                  <td key={key}>
                    <button
                      type="button"
                      className={css.day}
                      tabIndex={key === dayKey(focused) ? 0 : -1}
                      aria-disabled={!has}
                      aria-current={key === chosen ? 'date' : undefined}
                      aria-label={
                        has
                          ? format.longDay(day)
                          : t('calendar.without', { day: format.longDay(day) })
                      }
                      data-outside={day.getMonth() !== focused.getMonth() || undefined}
                      onClick={() => has && onChoose(key)}
                    >
                      {day.getDate()}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
