import { Button } from '@mantine/core';
import { IconZoomQuestion } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import type { SearchResult } from '../api/types';
import { usePlace } from '../app/place';
import { StatePage } from '../app/StatePage';
import { useDesk } from '../restore/desk';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import { nameOf } from '../shared/paths';
import { VirtualGrid } from '../shared/VirtualGrid';
import { FoundCells } from './FoundCells';
import css from './Search.module.css';

const kRowHeight = 50;
const pathOf = (result: SearchResult) => result.path;

/** Over all points: a file that was deleted weeks ago is found like one of today. */
export function SearchResults({ text }: { text: string }) {
  const { t } = useTranslation();
  const { place, previous, go } = usePlace();
  const { index, change } = useDesk();
  const format = useFormat();
  const announce = useAnnounce();
  const errorText = useErrorText();
  const { data, error, isPlaceholderData, isFetching, hasNextPage, fetchNextPage, refetch } =
    useInfiniteQuery({
      queryKey: ['search', place.location, text],
      queryFn: ({ pageParam, signal }) => api.search(place.location, text, pageParam, signal),
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next,
      placeholderData: keepPreviousData,
      gcTime: 60_000,
    });
  const results = useMemo(() => data?.pages.flatMap((page) => page.results) ?? [], [data]);
  const ready = data !== undefined && !isPlaceholderData;

  const count = results.length;
  const number = format.count(count) + (hasNextPage ? '+' : '');
  const summary = ready ? t('search.count', { count, number }) : t('search.running');
  useEffect(() => {
    if (ready) announce(summary);
  }, [ready, summary, announce]);

  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);

  const spot = (result: SearchResult) => ({
    location: place.location,
    point: result.newest.point,
    path: result.path,
  });
  const open = (result: SearchResult) => {
    if (result.type === 'directory') {
      go({ path: result.path, point: result.in_latest ? null : result.newest.point, search: '' });
    } else go({ file: result.path });
  };
  const pick = (picked: SearchResult[], on: boolean) => {
    const able = picked.filter((it) => index.holderOf(spot(it)) === null);
    if (!on) change({ do: 'drop', entries: able.map(spot) });
    else {
      change({
        do: 'pick',
        entries: able.map((it) => ({
          ...spot(it),
          time: it.newest.time,
          type: it.type,
          size: it.type === 'directory' ? null : it.newest.size,
        })),
      });
    }
    const name = nameOf(able[0]?.path ?? '');
    if (able.length > 0) {
      announce(
        on
          ? t('browse.picked', { count: able.length, name })
          : t('browse.dropped', { count: able.length, name }),
      );
    }
  };

  if (error !== null) {
    return (
      <StatePage
        title={t('search.failed')}
        text={errorText(error)}
        actions={<Button onClick={() => void refetch()}>{t('state.retry')}</Button>}
      />
    );
  }
  if (ready && count === 0) {
    return (
      <StatePage
        icon={<IconZoomQuestion size={40} stroke={1.4} />}
        title={t('search.none.title', { text })}
        text={t('search.none.text')}
      />
    );
  }
  return (
    <>
      <div className={css.head}>
        <h1 className={css.title}>{t('search.title', { text })}</h1>
        <p className={css.hint}>{summary}</p>
      </div>
      <VirtualGrid
        id="found"
        label={t('search.results')}
        rows={results}
        listKey={text}
        startAt={previous?.file}
        takesFocus={previous !== null}
        rowHeight={kRowHeight}
        columns="found"
        keyOf={pathOf}
        nameOf={(result) => nameOf(result.path)}
        isPicked={(result) => index.covers(spot(result))}
        onOpen={open}
        onPick={pick}
        onUp={() => go({ search: '' })}
        onNearEnd={more}
        header={<FoundHeader />}
        cells={(result) => (
          <FoundCells
            result={result}
            text={text}
            picked={index.has(spot(result))}
            held={index.holderOf(spot(result)) !== null}
            onOpen={() => open(result)}
            onPick={(on) => pick([result], on)}
          />
        )}
      />
    </>
  );
}

function FoundHeader() {
  const { t } = useTranslation();
  const columns = [
    { label: t('browse.name'), end: false },
    { label: t('search.versions'), end: true },
    { label: t('browse.size'), end: true },
    { label: t('search.lastSeen'), end: true },
  ];
  return (
    <>
      <div role="columnheader" aria-label={t('browse.pickColumn')} />
      {columns.map((column) => (
        <div key={column.label} role="columnheader" className={column.end ? css.number : undefined}>
          {column.label}
        </div>
      ))}
    </>
  );
}
