import { Button } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import { useSession, useShownPath } from '../app/session';
import { useAnnounce } from '../shared/announce';
import { useFormat } from '../shared/format';
import css from './Grants.module.css';

/** While a grant is in force nobody should forget that more than the own files is open. */
export function GrantBanner() {
  const { t } = useTranslation();
  const { grant } = useSession();
  const format = useFormat();
  const shown = useShownPath();
  const announce = useAnnounce();
  const errorText = useErrorText();
  const client = useQueryClient();
  const giveBack = useMutation({
    mutationFn: api.giveGrantBack,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['session'] });
      void client.resetQueries({ queryKey: ['entries'] });
      announce(t('grant.givenBack'));
      document.getElementById('content')?.focus();
    },
  });
  if (grant === null) return null;
  return (
    <section className={css.banner} aria-label={t('grant.inForce')}>
      <IconKey size={20} stroke={1.7} aria-hidden="true" />
      <div className={css.words}>
        <p>
          <strong>{t('grant.inForce')}</strong>{' '}
          {t('grant.until', { time: format.dateTime(grant.expires) })}
        </p>
        <p className={css.scope}>
          {t('grant.scope', { paths: grant.scope.map(shown).join(', ') })}
          {grant.destination !== '' &&
            ` ${t('grant.destination', { folder: shown(grant.destination) })}`}
        </p>
        <p className={css.scope}>{t('grant.reason', { reason: grant.reason })}</p>
        {giveBack.error !== null && <p role="alert">{errorText(giveBack.error)}</p>}
      </div>
      <Button
        variant="default"
        size="xs"
        loading={giveBack.isPending}
        onClick={() => giveBack.mutate()}
      >
        {t('grant.giveBack')}
      </Button>
    </section>
  );
}
