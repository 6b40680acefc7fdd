import { MantineProvider } from '@mantine/core';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError } from '../api/client';
import { AnnounceProvider } from '../shared/announce';
import { schemeInTab } from './choices';
import { ErrorBoundary } from './ErrorBoundary';
import { SessionGate } from './SessionGate';
import { theme } from './theme';

/** What ends every view at once, whichever request met it. */
const kEndings = ['session-over', 'window-closed', 'daemon-stopped'];

export function App() {
  const [ending, setEnding] = useState<string | null>(null);
  const [client] = useState(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError: (error) => {
            if (error instanceof ApiError && kEndings.includes(error.kind)) setEnding(error.kind);
          },
        }),
        // The server is this machine: a request that failed fails again, and a person should
        // hear of it now. A recovery point never changes, so nothing turns stale by itself.
        defaultOptions: {
          queries: {
            retry: false,
            staleTime: Number.POSITIVE_INFINITY,
            refetchOnWindowFocus: false,
          },
        },
      }),
  );

  const startAgain = () => {
    setEnding(null);
    client.clear();
  };

  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      colorSchemeManager={schemeInTab}
      // Both would inject style elements, which the page's policy forbids: see theme.css.
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={client}>
        <ErrorBoundary>
          <AnnounceProvider>
            <SessionGate ending={ending} startAgain={startAgain} />
          </AnnounceProvider>
        </ErrorBoundary>
      </QueryClientProvider>
    </MantineProvider>
  );
}
