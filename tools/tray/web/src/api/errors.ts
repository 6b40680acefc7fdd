import { useTranslation } from 'react-i18next';
import { ApiError } from './client';

/**
 * A sentence for a person. The server's own message is technical and English: it follows in
 * brackets where it may help whoever is called for support.
 */
export function useErrorText(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) return t('error.unknown');
    const detail = error.message === '' ? '' : ` (${error.message})`;
    switch (error.kind) {
      case 'refused':
        return t('error.refused') + detail;
      case 'not-found':
        return t('error.notFound') + detail;
      case 'unavailable':
        return t('error.unavailable') + detail;
      case 'invalid-input':
        return t('error.invalidInput') + detail;
      case 'key-missing':
        return t('error.keyMissing') + detail;
      case 'session-over':
        return t('state.sessionOver.text');
      case 'window-closed':
        return t('state.windowClosed.text');
      case 'daemon-stopped':
        return t('state.daemonStopped.text');
      default:
        return t('error.unknown') + detail;
    }
  };
}

export function kindOf(error: unknown): string {
  return error instanceof ApiError ? error.kind : 'failed';
}
