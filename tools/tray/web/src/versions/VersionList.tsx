import type { KeyboardEvent } from 'react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { usePointText } from '../points/usePointText';
import { useFormat } from '../shared/format';
import type { VersionGroup } from './groups';
import css from './Versions.module.css';

interface Props {
  groups: VersionGroup[];
  chosen: number;
  onChoose(index: number): void;
}

export function VersionList({ groups, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = usePointText();
  const list = useRef<HTMLDivElement>(null);

  // What opened the file is gone; arrow keys should walk through its versions at once.
  useEffect(() => list.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const onKeyDown = (event: KeyboardEvent) => {
    const targets: Record<string, number> = {
      ArrowDown: chosen + 1,
      ArrowUp: chosen - 1,
      Home: 0,
      End: groups.length - 1,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    onChoose(Math.max(0, Math.min(groups.length - 1, target)));
  };

  return (
    <div
      ref={list}
      className={css.list}
      role="listbox"
      tabIndex={0}
      aria-label={t('versions.list')}
      aria-activedescendant={`version-${chosen}`}
      onKeyDown={onKeyDown}
    >
      {groups.map((group, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list box around it has the keys
        <div
          key={group.newest.point}
          id={`version-${index}`}
          className={css.version}
          role="option"
          tabIndex={-1}
          aria-selected={index === chosen}
          onClick={() => onChoose(index)}
        >
          <span className={css.when}>{text.shortMoment(group.newest.modified)}</span>
          <span className={css.size}>{format.bytes(group.newest.size)}</span>
          <span className={css.span}>
            {group.points === 1
              ? t('versions.inOne', { date: format.dateTime(group.newest.time) })
              : t('versions.inMany', {
                  number: format.count(group.points),
                  days: format.dayRange(group.oldest.time, group.newest.time),
                })}
          </span>
        </div>
      ))}
    </div>
  );
}
