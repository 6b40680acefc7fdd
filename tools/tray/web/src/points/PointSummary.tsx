import { Button, Tooltip } from '@mantine/core';
import {
  IconAlertTriangle,
  IconChevronDown,
  IconChevronUp,
  IconFolderOpen,
} from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import type { ChangeKind, Changes, Point } from '../api/types';
import { usePlace } from '../app/place';
import { useSession, useShownPath } from '../app/session';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import { parentOf } from '../shared/paths';
import css from './PointSummary.module.css';
import { usePointText } from './usePointText';

/** Says which state of the machine is looked at, and what is special about it. */
export function PointSummary({ point }: { point: Point }) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = usePointText();
  const session = useSession();
  const [open, setOpen] = useState(false);
  return (
    <section className={css.summary} aria-label={t('summary.label')}>
      <div className={css.line}>
        <div className={css.words}>
          <h1 className={css.title}>{t('summary.title', { moment: text.moment(point.time) })}</h1>
          <p className={css.facts}>
            {t('summary.facts', {
              count: point.files,
              number: format.count(point.files),
              size: format.bytes(point.bytes),
            })}
          </p>
        </div>
        <Button
          variant="subtle"
          size="compact-sm"
          aria-expanded={open}
          rightSection={open ? <IconChevronUp size={16} /> : <IconChevronDown size={16} />}
          onClick={() => setOpen(!open)}
        >
          {t('summary.changes')}
        </Button>
        {session.mount && <MountButton point={point} />}
      </div>
      {point.skipped > 0 && (
        <p className={css.warning}>
          <IconAlertTriangle size={16} aria-hidden="true" />
          {t('points.skipped', { count: point.skipped, number: format.count(point.skipped) })}
        </p>
      )}
      {point.consistency === 'best-effort' && <p className={css.note}>{t('summary.bestEffort')}</p>}
      {open && <ChangeList point={point} />}
    </section>
  );
}

function MountButton({ point }: { point: Point }) {
  const { t } = useTranslation();
  const { place } = usePlace();
  const announce = useAnnounce();
  const errorText = useErrorText();
  const shown = useShownPath();
  const mount = useMutation({
    mutationFn: () => api.mount(place.location, point.id),
    onSuccess: ({ folder }) => announce(t('summary.mounted', { folder: shown(folder) })),
  });
  return (
    <>
      <Tooltip label={t('summary.mountHint')}>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconFolderOpen size={16} />}
          loading={mount.isPending}
          onClick={() => mount.mutate()}
        >
          {t('summary.mount')}
        </Button>
      </Tooltip>
      {mount.isSuccess && (
        <p className={css.result}>{t('summary.mounted', { folder: shown(mount.data.folder) })}</p>
      )}
      {mount.isError && (
        <p className={css.result} role="alert">
          {errorText(mount.error)}
        </p>
      )}
    </>
  );
}

function ChangeList({ point }: { point: Point }) {
  const { t } = useTranslation();
  const { place } = usePlace();
  const errorText = useErrorText();
  const { data, error } = useQuery({
    queryKey: ['changes', place.location, point.id],
    queryFn: ({ signal }) => api.changes(place.location, point.id, signal),
  });
  if (error !== null) return <p className={css.note}>{errorText(error)}</p>;
  if (data === undefined) return <p className={css.note}>{t('summary.comparing')}</p>;
  if (data.since === null) return <p className={css.note}>{t('summary.first')}</p>;
  if (data.added + data.changed + data.removed === 0) {
    return <p className={css.note}>{t('summary.nothing')}</p>;
  }
  return <ChangeDetails changes={data} />;
}

function ChangeDetails({ changes }: { changes: Changes }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { go } = usePlace();
  const shown = useShownPath();
  const words: Record<ChangeKind, string> = {
    added: t('summary.added'),
    changed: t('summary.changed'),
    removed: t('summary.removed'),
  };
  return (
    <div className={css.changes}>
      <p className={css.counts}>
        {(['added', 'changed', 'removed'] as const).map((kind) => (
          <span key={kind} data-change={kind}>
            {t('summary.count', { number: format.count(changes[kind]), what: words[kind] })}
          </span>
        ))}
      </p>
      <ul className={css.examples}>
        {changes.examples.map((example) => (
          <li key={example.path}>
            <span className={css.kind} data-change={example.change}>
              {words[example.change]}
            </span>
            <button
              type="button"
              className={css.path}
              title={t('summary.showFolder')}
              onClick={() =>
                example.change === 'removed'
                  ? go({ file: example.path })
                  : go({ path: parentOf(example.path) })
              }
            >
              {shown(example.path)}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
