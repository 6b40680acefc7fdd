import { ActionIcon, NativeSelect, Popover, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconAlertTriangle, IconCalendar } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Point } from '../api/types';
import { usePlace } from '../app/place';
import { useSession, useShownPath } from '../app/session';
import { useFormat } from '../shared/format';
import { Calendar } from './Calendar';
import { dateOfKey, dayKey, pointOfDay, timelineRows } from './days';
import css from './Timeline.module.css';
import { usePointText } from './usePointText';

interface Props {
  points: readonly Point[];
  chosen: Point;
}

const kDayHeight = 38;
const kPointHeight = 44;

/** Newest at the top. Arrow keys choose at once: looking is free, nothing is changed by it. */
export function Timeline({ points, chosen }: Props) {
  const { t } = useTranslation();
  const { go } = usePlace();
  const text = usePointText();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => timelineRows(points), [points]);
  const newest = points[points.length - 1]?.id;

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (rows[index]?.kind === 'day' ? kDayHeight : kPointHeight),
    overscan: 12,
    // The option that has the focus must exist, however far it was scrolled away.
    rangeExtractor: (range) => {
      const at = rows.findIndex((row) => row.kind === 'point' && row.point.id === chosen.id);
      const first = Math.max(0, range.startIndex - range.overscan);
      const last = Math.min(range.count - 1, range.endIndex + range.overscan);
      const indexes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      return at >= 0 && !indexes.includes(at) ? [...indexes, at].sort((a, b) => a - b) : indexes;
    },
  });

  const chosenRow = rows.findIndex((row) => row.kind === 'point' && row.point.id === chosen.id);
  useEffect(() => {
    if (chosenRow >= 0) virtual.scrollToIndex(chosenRow, { align: 'auto' });
  }, [chosenRow, virtual]);

  const choose = (point: Point | undefined) => {
    if (point === undefined || point.id === chosen.id) return;
    // A path is followed through time: the same folder in the chosen point.
    go({ point: point.id === newest ? null : point.id, search: '' });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const at = points.indexOf(chosen);
    const steps: Record<string, number> = {
      ArrowDown: at - 1,
      ArrowUp: at + 1,
      PageDown: Math.max(0, at - 10),
      PageUp: Math.min(points.length - 1, at + 10),
      Home: points.length - 1,
      End: 0,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(points[next]);
  };

  return (
    <>
      <div className={css.head}>
        <h2 className={css.title}>{t('points.title')}</h2>
        <DatePicker points={points} chosen={chosen} onChoose={choose} />
      </div>
      <LocationSelect />
      <div
        ref={scroller}
        className={css.scroller}
        role="listbox"
        tabIndex={0}
        aria-label={t('points.title')}
        aria-activedescendant={`point-${chosen.id}`}
        onKeyDown={onKeyDown}
      >
        <div className={css.rail} role="presentation" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const style = { transform: `translateY(${item.start}px)`, height: item.size };
            return row.kind === 'day' ? (
              <div key={row.day} className={css.day} style={style} role="presentation">
                {text.day(dateOfKey(row.day))}
              </div>
            ) : (
              <PointRow
                key={row.point.id}
                point={row.point}
                chosen={row.point.id === chosen.id}
                newest={row.point.id === newest}
                style={style}
                onChoose={() => choose(row.point)}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

interface RowProps {
  point: Point;
  chosen: boolean;
  newest: boolean;
  style: { transform: string; height: number };
  onChoose(): void;
}

function PointRow({ point, chosen, newest, style, onChoose }: RowProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = usePointText();
  const skipped =
    point.skipped === 0
      ? ''
      : t('points.skipped', { count: point.skipped, number: format.count(point.skipped) });
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box around it has the keys
    <div
      id={`point-${point.id}`}
      className={css.point}
      style={style}
      role="option"
      tabIndex={-1}
      aria-selected={chosen}
      onClick={onChoose}
    >
      <span className={css.dot} aria-hidden="true" />
      <VisuallyHidden>{text.day(new Date(point.time))}, </VisuallyHidden>
      <span className={css.time}>{format.time(point.time)}</span>
      {newest && <span className={css.badge}>{t('points.newest')}</span>}
      {point.skipped > 0 && (
        <Tooltip label={skipped}>
          <IconAlertTriangle className={css.warning} size={16} stroke={1.8} aria-hidden="true" />
        </Tooltip>
      )}
      {skipped !== '' && <VisuallyHidden>{skipped}</VisuallyHidden>}
      <span className={css.size}>
        +{format.bytes(point.new_bytes)}
        <VisuallyHidden> {t('points.newBytes')}</VisuallyHidden>
      </span>
    </div>
  );
}

interface PickerProps extends Props {
  onChoose(point: Point | undefined): void;
}

function DatePicker({ points, chosen, onChoose }: PickerProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const days = useMemo(
    () => new Set(points.map((point) => dayKey(new Date(point.time)))),
    [points],
  );
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      shadow="md"
      withinPortal
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <Tooltip label={t('points.goToDate')}>
          <ActionIcon
            variant="subtle"
            color="brand"
            size="lg"
            aria-label={t('points.goToDate')}
            onClick={() => setOpened(!opened)}
          >
            <IconCalendar size={20} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('points.goToDate')}>
        <Calendar
          days={days}
          chosen={dayKey(new Date(chosen.time))}
          onChoose={(day) => {
            setOpened(false);
            onChoose(pointOfDay(points, day));
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}

function LocationSelect() {
  const { t } = useTranslation();
  const { locations } = useSession();
  const { place, go } = usePlace();
  const shown = useShownPath();
  if (locations.length < 2) return null;
  return (
    <NativeSelect
      className={css.location}
      aria-label={t('points.location')}
      value={place.location}
      onChange={(event) => go({ location: event.currentTarget.value, point: null })}
      data={locations.map((it) => ({
        value: it.id,
        label:
          it.kind === 'cluster' ? t('points.cluster') : t('points.local', { folder: shown(it.id) }),
      }))}
    />
  );
}
