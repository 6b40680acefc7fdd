import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { api } from '../api/client';
import type { Entry } from '../api/types';
import { type Sort, sortEntries } from './sort';

export interface Folder {
  entries: readonly Entry[];
  /** All pages are here. Until then only the order by name can be shown. */
  complete: boolean;
  loading: boolean;
  error: Error | null;
  retry(): void;
}

/** Small, to be on screen at once; the rest in few requests, since each draws the list again. */
const kFirstPage = 500;
const kNextPages = 5000;

/** A whole folder, page after page without being asked: sorting and typing ahead need it all. */
export function useFolder(
  at: { location: string; point: string; path: string },
  sort: Sort,
  language: string,
): Folder {
  const query = useInfiniteQuery({
    queryKey: ['entries', at.location, at.point, at.path],
    queryFn: ({ pageParam, signal }) =>
      api.entries(at, pageParam, pageParam === null ? kFirstPage : kNextPages, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    structuralSharing: false,
    // 50,000 entries are some 15 MB: not worth keeping of every folder that was looked into.
    gcTime: 60_000,
  });
  const { data, hasNextPage, isFetching, error, fetchNextPage } = query;

  useEffect(() => {
    if (hasNextPage && !isFetching && error === null) void fetchNextPage();
  }, [hasNextPage, isFetching, error, fetchNextPage]);

  const read = useMemo(() => data?.pages.flatMap((page) => page.entries) ?? [], [data]);
  const complete = data !== undefined && !hasNextPage;
  const entries = useMemo(
    () =>
      !complete || (sort.by === 'name' && !sort.descending)
        ? read
        : sortEntries(read, sort, language),
    [read, complete, sort, language],
  );
  return { entries, complete, loading: query.isPending, error, retry: () => void query.refetch() };
}
