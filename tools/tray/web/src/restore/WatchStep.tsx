import { Button, Progress } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import type { Restore } from '../api/types';
import { useShownPath } from '../app/session';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import { useDesk } from './desk';
import { Report } from './Report';
import css from './Restore.module.css';
import { isUnderWay, useRestoresById } from './useRestores';

export function WatchStep({ ids }: { ids: string[] }) {
  const { t } = useTranslation();
  const { show } = useDesk();
  const client = useQueryClient();
  const errorText = useErrorText();
  const queries = useRestoresById(ids);
  const restores = queries.map((it) => it.data).filter((it) => it !== undefined);
  const error = queries.find((it) => it.error !== null)?.error ?? null;
  const ended = restores.length === ids.length && !restores.some(isUnderWay);
  const top = useRef<HTMLDivElement>(null);

  // The button that started this is gone, and so is "pause" once it has ended.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end is the occasion
  useEffect(() => top.current?.focus(), [ended]);
  useEffect(() => {
    if (ended) void client.invalidateQueries({ queryKey: ['restores'] });
  }, [ended, client]);

  return (
    <div className={css.step} ref={top} tabIndex={-1}>
      {error !== null && (
        <p className={css.error} role="alert">
          {errorText(error)}
        </p>
      )}
      {restores.map((restore) =>
        isUnderWay(restore) ? (
          <Running key={restore.id} restore={restore} />
        ) : (
          <Report key={restore.id} restore={restore} />
        ),
      )}
      <div className={css.buttons}>
        <Button variant="default" onClick={() => show({ kind: 'list' })}>
          {t('restore.allRestores')}
        </Button>
        <Button onClick={() => show(null)}>
          {ended ? t('restore.another') : t('restore.goOn')}
        </Button>
      </div>
    </div>
  );
}

/** Spoken at each quarter: every half second would drown everything else. */
function useSpokenProgress(restore: Restore): void {
  const { t } = useTranslation();
  const format = useFormat();
  const announce = useAnnounce();
  const quarter = Math.floor(restore.progress.percent / 25) * 25;
  const percent = format.percent(quarter);
  const paused = restore.state === 'paused';
  useEffect(() => {
    announce(paused ? t('restore.paused') : t('restore.spoken', { percent }));
  }, [announce, paused, percent, t]);
}

export function Running({ restore }: { restore: Restore }) {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = useShownPath();
  const client = useQueryClient();
  const errorText = useErrorText();
  useSpokenProgress(restore);
  const { progress } = restore;
  const paused = restore.state === 'paused';
  const steer = useMutation({
    mutationFn: (verb: 'pause' | 'resume' | 'cancel') => api.steerRestore(restore.id, verb),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['restore', restore.id] }),
        client.invalidateQueries({ queryKey: ['restores'] }),
      ]),
  });
  return (
    <section className={css.running} aria-label={t('restore.watching')}>
      <p className={css.percent}>
        {paused ? t('restore.paused') : format.percent(progress.percent)}
        {!paused && progress.seconds_left !== null && (
          <span className={css.left}>
            {t('restore.left', { time: format.duration(progress.seconds_left) })}
          </span>
        )}
      </p>
      <Progress.Root size="lg">
        <Progress.Section
          value={progress.percent}
          aria-label={t('restore.progress')}
          color={paused ? 'gray' : undefined}
        />
      </Progress.Root>
      <p className={css.hint}>
        {t('restore.done', {
          done: format.count(progress.files_done),
          total: format.count(progress.files_total),
          bytes: format.bytes(progress.bytes_done),
          speed: format.bytes(progress.bytes_per_second),
        })}
      </p>
      <p className={css.current}>{shown(progress.path)}</p>
      {steer.error !== null && (
        <p className={css.error} role="alert">
          {errorText(steer.error)}
        </p>
      )}
      <div className={css.steering}>
        <Button
          variant="light"
          leftSection={paused ? <IconPlayerPlay size={17} /> : <IconPlayerPause size={17} />}
          onClick={() => steer.mutate(paused ? 'resume' : 'pause')}
        >
          {paused ? t('restore.resume') : t('restore.pause')}
        </Button>
        <Button
          variant="default"
          leftSection={<IconX size={17} />}
          onClick={() => steer.mutate('cancel')}
        >
          {t('restore.cancel')}
        </Button>
      </div>
    </section>
  );
}
