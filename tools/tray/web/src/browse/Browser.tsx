import { Button } from '@mantine/core';
import { IconFolderOff, IconLock } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { kindOf, useErrorText } from '../api/errors';
import type { Entry, Point } from '../api/types';
import { type Place, usePlace } from '../app/place';
import { StatePage } from '../app/StatePage';
import { useSession } from '../app/session';
import { PointSummary } from '../points/PointSummary';
import { useDesk } from '../restore/desk';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import { isWithin, parentOf } from '../shared/paths';
import { VirtualGrid } from '../shared/VirtualGrid';
import css from './Browser.module.css';
import { Crumbs } from './Crumbs';
import { EntryCells } from './EntryCells';
import { FolderHeader } from './FolderHeader';
import type { Sort } from './sort';
import { useFolder } from './useFolder';

const kRowHeight = 38;

/** The chosen point as a file manager shows a disk. */
export function Browser({ point }: { point: Point }) {
  const { t } = useTranslation();
  const { place, previous, go } = usePlace();
  const { index, change } = useDesk();
  const format = useFormat();
  const announce = useAnnounce();
  const [sort, setSort] = useState<Sort>({ by: 'name', descending: false });
  const at = { location: place.location, point: point.id, path: place.path };
  const folder = useFolder(at, sort, format.language);
  const left = leftIn(place.path, previous);

  const spot = (entry: Entry) => ({ ...at, path: entry.path });
  const open = (entry: Entry) => {
    if (entry.denied) announce(t('browse.deniedLong', { name: entry.name, user: entry.user }));
    else if (entry.type === 'directory') go({ path: entry.path });
    else go({ file: entry.path });
  };
  const pick = (entries: Entry[], on: boolean) => {
    const able = entries.filter((it) => !it.denied && index.holderOf(spot(it)) === null);
    if (on) {
      change({
        do: 'pick',
        entries: able.map((it) => ({
          ...spot(it),
          time: point.time,
          type: it.type,
          size: it.type === 'directory' ? null : it.size,
        })),
      });
    } else change({ do: 'drop', entries: able.map(spot) });
    const only = entries.length === 1 ? entries[0] : undefined;
    if (only?.denied) announce(t('browse.deniedLong', { name: only.name, user: only.user }));
    else if (able.length > 0) {
      announce(
        on
          ? t('browse.picked', { count: able.length, name: able[0]?.name ?? '' })
          : t('browse.dropped', { count: able.length, name: able[0]?.name ?? '' }),
      );
    }
  };

  const { location, point: pointId } = at;
  const { able, picked } = useMemo(() => {
    const free = folder.entries.filter((it) => !it.denied);
    const taken = (it: Entry) => index.covers({ location, point: pointId, path: it.path });
    return { able: free, picked: index.empty ? 0 : free.filter(taken).length };
  }, [folder.entries, index, location, pointId]);
  return (
    <>
      <PointSummary key={`${point.id} ${place.path}`} point={point} />
      <Crumbs />
      {folder.error !== null ? (
        <FolderFailed error={folder.error} retry={folder.retry} />
      ) : (
        <VirtualGrid
          id="files"
          label={t('browse.label', { folder: place.path })}
          rows={folder.entries}
          listKey={place.path}
          startAt={left}
          takesFocus={previous !== null}
          rowHeight={kRowHeight}
          columns="files"
          keyOf={pathOf}
          nameOf={(entry) => entry.name}
          isPicked={(entry) => index.covers(spot(entry))}
          isDimmed={(entry) => entry.denied}
          onOpen={open}
          onPick={pick}
          onUp={() => place.path !== '/' && go({ path: parentOf(place.path) })}
          header={
            <FolderHeader
              sort={sort}
              onSort={setSort}
              all={able.length > 0 && picked === able.length}
              some={picked > 0}
              onPickAll={(on) => pick(able, on)}
            />
          }
          cells={(entry) => (
            <EntryCells
              entry={entry}
              picked={index.has(spot(entry))}
              held={index.holderOf(spot(entry)) !== null}
              onOpen={() => open(entry)}
              onPick={(on) => pick([entry], on)}
            />
          )}
          empty={
            <p className={css.empty}>{folder.loading ? t('browse.reading') : t('browse.empty')}</p>
          }
        />
      )}
      <p className={css.count}>
        {folder.error !== null
          ? ''
          : folder.complete
            ? t('browse.count', {
                count: folder.entries.length,
                number: format.count(folder.entries.length),
              })
            : t('browse.readingCount', { number: format.count(folder.entries.length) })}
      </p>
    </>
  );
}

const pathOf = (entry: Entry) => entry.path;

/** What was left to come here: the list starts at it, so that nobody loses the place. */
function leftIn(path: string, previous: Place | null): string | null {
  if (previous === null) return null;
  if (previous.file !== null) return previous.file;
  if (!isWithin(previous.path, path)) return null;
  const start = path === '/' ? '' : path;
  return `${start}/${previous.path.slice(start.length + 1).split('/')[0]}`;
}

function FolderFailed({ error, retry }: { error: Error; retry(): void }) {
  const { t } = useTranslation();
  const text = useErrorText();
  const { place, go } = usePlace();
  const { home } = useSession();
  const ways = (
    <>
      {place.path !== '/' && (
        <Button onClick={() => go({ path: parentOf(place.path) })}>{t('browse.up')}</Button>
      )}
      <Button variant="default" onClick={() => go({ path: home })}>
        {t('browse.toHome')}
      </Button>
    </>
  );
  switch (kindOf(error)) {
    case 'not-found':
      return (
        <StatePage
          icon={<IconFolderOff size={40} stroke={1.4} />}
          title={t('browse.notThere.title')}
          text={t('browse.notThere.text')}
          actions={ways}
        />
      );
    case 'refused':
      return (
        <StatePage
          icon={<IconLock size={40} stroke={1.4} />}
          title={t('browse.refused.title')}
          text={t('browse.refused.text')}
          actions={ways}
        />
      );
    default:
      return (
        <StatePage
          title={t('state.failed.title')}
          text={text(error)}
          actions={<Button onClick={retry}>{t('state.retry')}</Button>}
        />
      );
  }
}
