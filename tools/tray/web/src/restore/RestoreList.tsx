import { Button } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useErrorText } from '../api/errors';
import type { Restore } from '../api/types';
import { usePointText } from '../points/usePointText';
import { useFormat } from '../shared/format';
import { nameOf } from '../shared/paths';
import { useDesk } from './desk';
import { useReportPlace, useReportWords } from './Report';
import css from './Restore.module.css';
import { isUnderWay, useRestores } from './useRestores';

/** Every restore of this session, the newest first. */
export function RestoreList() {
  const errorText = useErrorText();
  const { data = [], error } = useRestores();
  const top = useRef<HTMLDivElement>(null);
  useEffect(() => top.current?.focus(), []);
  return (
    <div className={css.step} ref={top} tabIndex={-1}>
      {error !== null && (
        <p className={css.error} role="alert">
          {errorText(error)}
        </p>
      )}
      <ul className={css.restores}>
        {[...data].reverse().map((restore) => (
          <RestoreRow key={restore.id} restore={restore} />
        ))}
      </ul>
    </div>
  );
}

function RestoreRow({ restore }: { restore: Restore }) {
  const { t } = useTranslation();
  const format = useFormat();
  const place = useReportPlace();
  const words = useReportWords();
  const text = usePointText();
  const { show } = useDesk();
  const state =
    restore.state === 'paused'
      ? t('restore.paused')
      : isUnderWay(restore)
        ? t('restore.spoken', { percent: format.percent(restore.progress.percent) })
        : words.headline(restore);
  const name = nameOf(restore.paths[0] ?? '');
  const more = restore.paths_total - 1;
  const what =
    more < 1 ? name : t('restore.andMore', { count: more, name, number: format.count(more) });
  return (
    <li className={css.restore}>
      <span className={css.restoreWords}>
        <span className={css.restoreName}>{what}</span>
        <span>{state}</span>
        <span className={css.hint}>
          {t('restore.startedAt', { time: text.moment(restore.started) })}
          {restore.report !== null && `, ${place(restore.report.to)}`}
        </span>
      </span>
      <Button
        variant="default"
        size="xs"
        onClick={() => show({ kind: 'watch', ids: [restore.id] })}
      >
        {t('restore.open')}
      </Button>
    </li>
  );
}
