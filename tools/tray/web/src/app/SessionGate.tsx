import { Button, Loader } from '@mantine/core';
import { IconPlugConnectedX, IconShieldLock } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useLayoutEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import { followSession } from '../i18n';
import { DeskProvider } from '../restore/desk';
import { accentOf, paintAccent } from './accent';
import { PlaceProvider } from './place';
import { StatePage } from './StatePage';
import css from './StatePage.module.css';
import { SessionProvider } from './session';
import { Window } from './Window';

interface Props {
  ending: string | null;
  startAgain(): void;
}

export function SessionGate({ ending, startAgain }: Props) {
  const { data: session, error } = useQuery({
    queryKey: ['session'],
    queryFn: ({ signal }) => api.session(signal),
    enabled: ending === null,
    // A grant runs out by itself.
    refetchInterval: (query) => (query.state.data?.grant ? 60_000 : false),
  });
  const accent = session?.brand.accent ?? null;
  const language = session?.language;
  const name = session?.brand.name;

  useLayoutEffect(() => paintAccent(accentOf(accent), document.documentElement), [accent]);
  useLayoutEffect(() => {
    if (language !== undefined) followSession(language);
  }, [language]);
  useLayoutEffect(() => {
    if (name !== undefined) document.title = name;
  }, [name]);

  if (ending !== null) return <EndingPage ending={ending} startAgain={startAgain} />;
  if (error !== null && session === undefined)
    return <FailedPage error={error} startAgain={startAgain} />;
  if (session === undefined) return <WaitingPage />;
  const start = {
    location: session.locations[0]?.id ?? '',
    point: null,
    path: session.home,
    file: null,
    search: '',
  };
  return (
    <SessionProvider session={session}>
      <PlaceProvider start={start}>
        <DeskProvider>
          <Window />
        </DeskProvider>
      </PlaceProvider>
    </SessionProvider>
  );
}

function WaitingPage() {
  const { t } = useTranslation();
  return (
    <main className={css.page}>
      <Loader aria-label={t('state.loading')} />
    </main>
  );
}

function EndingPage({ ending, startAgain }: { ending: string; startAgain(): void }) {
  const { t } = useTranslation();
  switch (ending) {
    case 'session-over':
      return (
        <StatePage
          page
          icon={<IconShieldLock size={40} stroke={1.4} />}
          title={t('state.sessionOver.title')}
          text={t('state.sessionOver.text')}
        />
      );
    case 'daemon-stopped':
      return (
        <StatePage
          page
          icon={<IconPlugConnectedX size={40} stroke={1.4} />}
          title={t('state.daemonStopped.title')}
          text={t('state.daemonStopped.text')}
          actions={<Button onClick={startAgain}>{t('state.retry')}</Button>}
        />
      );
    default:
      return (
        <StatePage
          page
          icon={<IconPlugConnectedX size={40} stroke={1.4} />}
          title={t('state.windowClosed.title')}
          text={t('state.windowClosed.text')}
          actions={<Button onClick={startAgain}>{t('state.retry')}</Button>}
        />
      );
  }
}

function FailedPage({ error, startAgain }: { error: Error; startAgain(): void }) {
  const { t } = useTranslation();
  const text = useErrorText();
  return (
    <StatePage
      page
      title={t('state.failed.title')}
      text={text(error)}
      actions={<Button onClick={startAgain}>{t('state.retry')}</Button>}
    />
  );
}
