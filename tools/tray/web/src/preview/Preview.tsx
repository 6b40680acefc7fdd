import { Loader } from '@mantine/core';
import { IconEyeOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import css from './Preview.module.css';

interface Props {
  location: string;
  point: string;
  path: string;
  label: string;
}

/**
 * What a version holds. Whatever the file is, it arrives here as characters of a text node or as
 * pixels of an <img>: neither runs anything that a hostile file brings along.
 */
export function Preview({ location, point, path, label }: Props) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const { data, error } = useQuery({
    queryKey: ['preview', location, point, path],
    queryFn: ({ signal }) => api.preview(location, point, path, signal),
    gcTime: 60_000,
  });
  if (error !== null) return <NoPreview text={errorText(error)} />;
  if (data === undefined) {
    return (
      <div className={css.none}>
        <Loader size="sm" aria-label={t('state.loading')} />
      </div>
    );
  }
  switch (data.kind) {
    case 'text':
      return (
        <div className={css.text}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
          <pre className={css.page} tabIndex={0} role="region" aria-label={label}>
            {data.text}
          </pre>
          {data.truncated && <p className={css.note}>{t('preview.truncated')}</p>}
        </div>
      );
    case 'image':
      return <Picture url={data.url} label={label} />;
    case 'none':
      return <NoPreview text={reasonText(t, data.reason)} />;
  }
}

function reasonText(t: ReturnType<typeof useTranslation>['t'], reason: string): string {
  switch (reason) {
    case 'too-large':
      return t('preview.tooLarge');
    case 'denied':
      return t('preview.denied');
    default:
      return t('preview.binary');
  }
}

function NoPreview({ text }: { text: string }) {
  return (
    <div className={css.none}>
      <IconEyeOff size={32} stroke={1.4} aria-hidden="true" />
      <p>{text}</p>
    </div>
  );
}

/** Fetched with the token, which an <img> cannot send, and shown from memory. */
function Picture({ url, label }: { url: string; label: string }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const { data: blob, error } = useQuery({
    queryKey: ['picture', url],
    queryFn: ({ signal }) => api.picture(url, signal),
    gcTime: 60_000,
  });
  const [source, setSource] = useState<string | null>(null);
  const [broken, setBroken] = useState(false);

  useEffect(() => {
    if (blob === undefined) return;
    const address = URL.createObjectURL(blob);
    setSource(address);
    setBroken(false);
    return () => URL.revokeObjectURL(address);
  }, [blob]);

  if (error !== null) return <NoPreview text={errorText(error)} />;
  if (broken) return <NoPreview text={t('preview.broken')} />;
  if (source === null) {
    return (
      <div className={css.none}>
        <Loader size="sm" aria-label={t('state.loading')} />
      </div>
    );
  }
  return (
    <div className={css.frame}>
      <img className={css.picture} src={source} alt={label} onError={() => setBroken(true)} />
    </div>
  );
}
