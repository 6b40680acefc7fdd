import { Button } from '@mantine/core';
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconCopy,
  IconPlayerStop,
} from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import { useErrorText } from '../api/errors';
import type { Problem, Restore } from '../api/types';
import { useShownPath } from '../app/session';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import css from './Restore.module.css';

/** The end of a restore: first whether all is well, then everything that is not, with its reason. */
export function Report({ restore }: { restore: Restore }) {
  const { t } = useTranslation();
  const announce = useAnnounce();
  const errorText = useErrorText();
  const words = useReportWords();
  const headline = words.headline(restore);
  useEffect(() => announce(headline), [announce, headline]);
  const { report } = restore;
  const problems = report?.problems ?? [];
  const tone =
    restore.state === 'failed'
      ? 'bad'
      : restore.state === 'cancelled' || problems.length > 0
        ? 'warn'
        : 'good';
  const Icon = {
    bad: IconCircleX,
    warn: restore.state === 'cancelled' ? IconPlayerStop : IconAlertTriangle,
    good: IconCircleCheck,
  }[tone];
  return (
    <section className={css.report} aria-label={t('report.title')}>
      <h3 className={css.headline} data-tone={tone}>
        <Icon size={24} stroke={1.7} aria-hidden="true" />
        {headline}
      </h3>
      {restore.error !== null && (
        <p className={css.error}>
          {errorText(new ApiError(restore.error.kind, restore.error.message))}
        </p>
      )}
      <ul className={css.lines}>
        {words.lines(restore).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {problems.length > 0 && <Problems problems={problems} />}
      <div>
        <CopyButton text={() => words.whole(restore)} />
      </div>
    </section>
  );
}

function useReason(): (problem: Problem) => string {
  const { t } = useTranslation();
  const words: Record<string, string> = {
    busy: t('reason.busy'),
    denied: t('reason.denied'),
    missing: t('reason.missing'),
    corrupt: t('reason.corrupt'),
    full: t('reason.full'),
    unsupported: t('reason.unsupported'),
  };
  return ({ kind, reason }) => {
    const word = kind === undefined ? undefined : words[kind];
    if (word === undefined) return reason;
    return reason === '' ? word : `${word} (${reason})`;
  };
}

/** Beyond these the copied report is the place to read. */
const kListed = 500;

function Problems({ problems }: { problems: Problem[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = useShownPath();
  const reasonOf = useReason();
  return (
    <div>
      <h4 className={css.problemsTitle}>{t('report.problems')}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <ul className={css.paths} tabIndex={0} aria-label={t('report.problems')}>
        {problems.slice(0, kListed).map((problem) => (
          <li key={problem.path}>
            {shown(problem.path)}
            <span className={css.reason}>{reasonOf(problem)}</span>
          </li>
        ))}
        {problems.length > kListed && (
          <li>{t('report.more', { number: format.count(problems.length - kListed) })}</li>
        )}
      </ul>
    </div>
  );
}

function CopyButton({ text }: { text(): string }) {
  const { t } = useTranslation();
  const announce = useAnnounce();
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  const labels = {
    idle: t('report.copy'),
    copied: t('report.copied'),
    failed: t('report.copyFailed'),
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setState('copied');
      announce(labels.copied);
    } catch {
      setState('failed');
      announce(labels.failed);
    }
  };
  return (
    <Button
      variant="default"
      size="xs"
      leftSection={<IconCopy size={15} aria-hidden="true" />}
      onClick={() => void copy()}
    >
      {labels[state]}
    </Button>
  );
}

/** Where restored files went. The root stands for the places that they were backed up from. */
export function useReportPlace(): (to: string) => string {
  const { t } = useTranslation();
  const shown = useShownPath();
  return (to) => (to === '/' ? t('report.toOriginal') : t('report.to', { folder: shown(to) }));
}

export function useReportWords() {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = useShownPath();
  const reasonOf = useReason();
  const place = useReportPlace();

  const headline = (restore: Restore): string => {
    if (restore.state === 'failed') return t('report.failed');
    if (restore.state === 'cancelled') return t('report.cancelled');
    const problems = restore.report?.problems.length ?? 0;
    return problems === 0
      ? t('report.good')
      : t('report.withProblems', { count: problems, number: format.count(problems) });
  };
  const lines = (restore: Restore): string[] => {
    const { report } = restore;
    if (report === null) return [];
    const found = [
      t('report.files', {
        count: report.files,
        number: format.count(report.files),
        size: format.bytes(report.bytes),
      }),
    ];
    if (report.renamed > 0) {
      found.push(
        t('report.renamed', { count: report.renamed, number: format.count(report.renamed) }),
      );
    }
    if (report.kept > 0) {
      found.push(t('report.kept', { count: report.kept, number: format.count(report.kept) }));
    }
    if (report.missing > 0) {
      found.push(
        t('report.missing', { count: report.missing, number: format.count(report.missing) }),
      );
    }
    found.push(place(report.to));
    return found;
  };
  const whole = (restore: Restore): string =>
    [
      headline(restore),
      ...lines(restore),
      ...(restore.report?.problems.map((it) => `${shown(it.path)}: ${reasonOf(it)}`) ?? []),
      ...(restore.error === null ? [] : [restore.error.message]),
    ].join('\n');
  return { headline, lines, whole };
}
