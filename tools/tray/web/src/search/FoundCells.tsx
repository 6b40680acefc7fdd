import { useTranslation } from 'react-i18next';
import type { SearchResult } from '../api/types';
import { useShownPath } from '../app/session';
import { PickBox } from '../browse/EntryCells';
import { EntryIcon } from '../shared/EntryIcon';
import { useFormat } from '../shared/format';
import { nameOf, parentOf } from '../shared/paths';
import { highlight } from './highlight';
import css from './Search.module.css';

interface Props {
  result: SearchResult;
  text: string;
  picked: boolean;
  held: boolean;
  onOpen(): void;
  onPick(picked: boolean): void;
}

export function FoundCells({ result, text, picked, held, onOpen, onPick }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = useShownPath();
  const name = nameOf(result.path);
  return (
    <>
      <div role="gridcell">
        <PickBox name={name} picked={picked} held={held} denied={false} onPick={onPick} />
      </div>
      <div role="gridcell" className={css.name}>
        <EntryIcon type={result.type} name={name} />
        <span className={css.words}>
          <button type="button" className={css.open} tabIndex={-1} onClick={onOpen}>
            {highlight(name, text).map((part, at) =>
              // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a name have no other key
              part.hit ? <mark key={at}>{part.text}</mark> : part.text,
            )}
          </button>
          <span className={css.folder} title={shown(parentOf(result.path))}>
            {shown(parentOf(result.path))}
          </span>
        </span>
      </div>
      <div role="gridcell" className={css.number}>
        {result.type === 'directory'
          ? ''
          : t('search.versionCount', {
              count: result.versions,
              number: format.count(result.versions),
            })}
      </div>
      <div role="gridcell" className={css.number}>
        {result.type === 'directory' ? '' : format.bytes(result.newest.size)}
      </div>
      <div role="gridcell" className={css.number}>
        {result.in_latest ? (
          t('search.stillThere')
        ) : (
          <span className={css.gone}>{t('search.gone')}</span>
        )}
        <br />
        {format.dateTime(result.newest.time)}
      </div>
    </>
  );
}
