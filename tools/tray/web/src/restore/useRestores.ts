import { useQueries, useQuery } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Restore } from '../api/types';

const kPoll = 500;

export function isUnderWay(restore: Restore): boolean {
  return restore.state === 'running' || restore.state === 'paused';
}

/** All of this session's restores, so that a reloaded page finds what it had started. */
export function useRestores() {
  return useQuery({
    queryKey: ['restores'],
    queryFn: ({ signal }) => api.restores(signal),
    refetchInterval: (query) => (query.state.data?.some(isUnderWay) ? kPoll : false),
  });
}

export function useRestoresById(ids: readonly string[]) {
  return useQueries({
    queries: ids.map((id) => ({
      queryKey: ['restore', id],
      queryFn: ({ signal }: { signal: AbortSignal }) => api.restore(id, signal),
      refetchInterval: (query: { state: { data?: Restore; error: Error | null } }) =>
        query.state.error === null &&
        (query.state.data === undefined || isUnderWay(query.state.data))
          ? kPoll
          : false,
    })),
  });
}
