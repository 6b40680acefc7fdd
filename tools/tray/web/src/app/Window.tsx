import { Button, Loader } from '@mantine/core';
import { IconCalendarOff, IconKeyOff } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { kindOf, useErrorText } from '../api/errors';
import type { Point } from '../api/types';
import { Browser } from '../browse/Browser';
import { GrantBanner } from '../grants/GrantBanner';
import { Timeline } from '../points/Timeline';
import { usePoints } from '../points/usePoints';
import { BasketBar } from '../restore/BasketBar';
import { RestoreDialog } from '../restore/RestoreDialog';
import { SearchResults } from '../search/SearchResults';
import { VersionsView } from '../versions/VersionsView';
import { Header } from './Header';
import { usePlace } from './place';
import { StatePage } from './StatePage';
import { useSession, useShownPath } from './session';
import css from './Window.module.css';

export function Window() {
  const { t } = useTranslation();
  return (
    <div className={css.window}>
      <button type="button" className={css.skip} onClick={toContent}>
        {t('window.skip')}
      </button>
      <Header />
      <GrantBanner />
      <Body />
      <BasketBar />
      <RestoreDialog />
    </div>
  );
}

/** A button, not a link to "#content": the address stays as it is. */
function toContent() {
  document.getElementById('content')?.focus();
}

function Body() {
  const { t } = useTranslation();
  const { place } = usePlace();
  const { data: points, error, refetch, isFetching } = usePoints(place.location);

  if (error !== null && !isFetching)
    return <PointsFailed error={error} retry={() => void refetch()} />;
  if (points === undefined) {
    return (
      <main className={css.waiting} id="content" tabIndex={-1}>
        <Loader aria-label={t('state.loading')} />
        <p>{t('points.reading')}</p>
      </main>
    );
  }
  if (points.length === 0) return <NoPoints retry={() => void refetch()} />;
  const point = points.find((it) => it.id === place.point) ?? (points[points.length - 1] as Point);
  return (
    <div className={css.body}>
      {/* Versions and search speak of all points, where one chosen point would mislead. */}
      {place.file === null && place.search.trim() === '' && (
        <aside className={css.side} aria-label={t('points.label')}>
          <Timeline points={points} chosen={point} />
        </aside>
      )}
      <main className={css.main} id="content" tabIndex={-1}>
        <Content point={point} />
      </main>
    </div>
  );
}

function Content({ point }: { point: Point }) {
  const { place } = usePlace();
  if (place.file !== null) return <VersionsView key={place.file} path={place.file} />;
  if (place.search.trim() !== '') return <SearchResults text={place.search.trim()} />;
  return <Browser point={point} />;
}

function PointsFailed({ error, retry }: { error: Error; retry(): void }) {
  const { t } = useTranslation();
  const text = useErrorText();
  const kind = kindOf(error);
  const { place } = usePlace();
  const { locations } = useSession();
  const cluster = locations.find((it) => it.id === place.location)?.kind === 'cluster';
  const actions = (
    <>
      <Button onClick={retry}>{t('state.retry')}</Button>
      <OtherLocations />
    </>
  );
  if (kind === 'key-missing') {
    return (
      <main className={css.waiting} id="content">
        <StatePage
          icon={<IconKeyOff size={40} stroke={1.4} />}
          title={t('state.keyMissing.title')}
          text={t('state.keyMissing.text')}
          actions={actions}
        />
      </main>
    );
  }
  const unavailable = kind === 'unavailable';
  const title = !unavailable
    ? t('state.failed.title')
    : cluster
      ? t('state.clusterAway.title')
      : t('state.localAway.title');
  const explanation = !unavailable
    ? text(error)
    : cluster
      ? t('state.clusterAway.text')
      : t('state.localAway.text');
  return (
    <main className={css.waiting} id="content">
      <StatePage title={title} text={explanation} actions={actions} />
    </main>
  );
}

function NoPoints({ retry }: { retry(): void }) {
  const { t } = useTranslation();
  return (
    <main className={css.waiting} id="content">
      <StatePage
        icon={<IconCalendarOff size={40} stroke={1.4} />}
        title={t('state.noPoints.title')}
        text={t('state.noPoints.text')}
        actions={
          <>
            <Button onClick={retry}>{t('state.lookAgain')}</Button>
            <OtherLocations />
          </>
        }
      />
    </main>
  );
}

/** The same files may well lie in another vault that is at hand. */
function OtherLocations() {
  const { t } = useTranslation();
  const { locations } = useSession();
  const { place, go } = usePlace();
  const shown = useShownPath();
  return locations
    .filter((it) => it.id !== place.location)
    .map((it) => (
      <Button
        key={it.id}
        variant="default"
        onClick={() => go({ location: it.id, point: null, file: null })}
      >
        {it.kind === 'cluster'
          ? t('points.useCluster')
          : t('points.useLocal', { folder: shown(it.id) })}
      </Button>
    ));
}
