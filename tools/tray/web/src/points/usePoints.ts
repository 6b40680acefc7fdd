import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client';

export function usePoints(location: string) {
  return useQuery({
    queryKey: ['points', location],
    queryFn: ({ signal }) => api.points(location, signal),
    enabled: location !== '',
    // The window may stay open over the next backup.
    refetchInterval: (query) => (query.state.status === 'success' ? 5 * 60_000 : false),
  });
}
