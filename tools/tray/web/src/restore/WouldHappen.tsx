import { Loader } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import { useErrorText } from '../api/errors';
import type { WouldAction } from '../api/types';
import { useShownPath } from '../app/session';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import css from './Restore.module.css';
import { useRestoresById } from './useRestores';

const kActions = ['create', 'rename', 'keep', 'overwrite'] as const;

/** The dry run in a few lines: nothing was touched yet. */
export function WouldHappen({ ids }: { ids: string[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = useShownPath();
  const announce = useAnnounce();
  const errorText = useErrorText();
  const queries = useRestoresById(ids);
  const failure =
    queries.find((it) => it.error !== null)?.error ??
    queries
      .map((it) => it.data?.error)
      .filter((it) => it != null)
      .map((it) => new ApiError(it.kind, it.message))[0];
  const reports = queries.map((it) => it.data?.report).filter((it) => it != null);
  const ready = reports.length === ids.length;

  const words: Record<WouldAction, (count: number) => string> = {
    create: (count) => t('would.create', { count, number: format.count(count) }),
    rename: (count) => t('would.rename', { count, number: format.count(count) }),
    keep: (count) => t('would.keep', { count, number: format.count(count) }),
    overwrite: (count) => t('would.overwrite', { count, number: format.count(count) }),
  };
  const lines = kActions
    .map((action) => ({
      action,
      count: reports.reduce((sum, report) => sum + (report.would?.[action] ?? 0), 0),
    }))
    .filter((line) => line.count > 0)
    .map((line) => ({ action: line.action, text: words[line.action](line.count) }));
  const spoken = lines.map((line) => line.text).join(' ');
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!ready) return;
    announce(spoken);
    box.current?.scrollIntoView({ block: 'nearest' });
  }, [ready, spoken, announce]);

  if (failure !== undefined) {
    return (
      <p className={css.error} role="alert">
        {errorText(failure)}
      </p>
    );
  }
  if (!ready) {
    return (
      <p className={css.would}>
        <Loader size="xs" /> {t('would.running')}
      </p>
    );
  }
  const names: Record<WouldAction, string> = {
    create: t('would.created'),
    rename: t('would.renamed'),
    keep: t('would.kept'),
    overwrite: t('would.overwritten'),
  };
  const examples = reports.flatMap((report) => report.would?.examples ?? []).slice(0, 20);
  const problems = reports.flatMap((report) => report.problems);
  return (
    <section className={css.would} ref={box} aria-label={t('would.title')}>
      <h3 className={css.wouldTitle}>{t('would.title')}</h3>
      <ul className={css.lines}>
        {lines.length === 0 && <li>{t('would.nothing')}</li>}
        {lines.map((line) => (
          <li key={line.action} data-action={line.action}>
            {line.text}
          </li>
        ))}
        {problems.length > 0 && (
          <li data-action="overwrite">
            {t('would.problems', { count: problems.length, number: format.count(problems.length) })}
          </li>
        )}
      </ul>
      {examples.length > 0 && (
        <details className={css.details}>
          <summary>{t('would.examples')}</summary>
          <ul className={css.paths}>
            {examples.map((example) => (
              <li key={example.path}>
                <span className={css.reason}>{names[example.action]}</span> {shown(example.path)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
