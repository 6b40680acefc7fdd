import { useTranslation } from 'react-i18next';
import type { Entry } from '../api/types';
import { EntryIcon } from '../shared/EntryIcon';
import { useFormat } from '../shared/format';
import css from './Browser.module.css';

interface Props {
  entry: Entry;
  picked: boolean;
  /** A picked folder above brings it along. */
  held: boolean;
  onOpen(): void;
  onPick(picked: boolean): void;
}

export function EntryCells({ entry, picked, held, onOpen, onPick }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>
      <div role="gridcell">
        <PickBox
          name={entry.name}
          picked={picked}
          held={held}
          denied={entry.denied}
          onPick={onPick}
        />
      </div>
      <div role="gridcell" className={css.name}>
        <EntryIcon type={entry.type} name={entry.name} />
        <button type="button" className={css.open} tabIndex={-1} onClick={onOpen}>
          {entry.name}
        </button>
        {entry.target !== undefined && <span className={css.why}>→ {entry.target}</span>}
        {entry.denied && (
          <span className={css.why}>{t('browse.denied', { user: entry.user })}</span>
        )}
        {held && <span className={css.why}>{t('browse.held')}</span>}
      </div>
      <div role="gridcell" className={css.number}>
        {entry.type === 'directory' ? '' : format.bytes(entry.size)}
      </div>
      <div role="gridcell" className={css.number}>
        {format.dateTime(entry.modified)}
      </div>
    </>
  );
}

interface BoxProps {
  name: string;
  picked: boolean;
  held: boolean;
  denied: boolean;
  onPick(picked: boolean): void;
}

/** Reached by the space bar on the row; by itself only for the mouse. */
export function PickBox({ name, picked, held, denied, onPick }: BoxProps) {
  const { t } = useTranslation();
  return (
    // Mantine's costs ten times as much to draw, which a scrolled list of thousands shows.
    <input
      type="checkbox"
      className={css.box}
      tabIndex={-1}
      aria-label={t('browse.pick', { name })}
      checked={picked || held}
      disabled={held || denied}
      onClick={(event) => event.stopPropagation()}
      onDoubleClick={(event) => event.stopPropagation()}
      onChange={(event) => onPick(event.currentTarget.checked)}
    />
  );
}
