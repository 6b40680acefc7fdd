import { ActionIcon, Tooltip } from '@mantine/core';
import { IconArrowUp, IconDeviceDesktop, IconHome } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { usePlace } from '../app/place';
import { useSession } from '../app/session';
import { crumbsOf, parentOf } from '../shared/paths';
import css from './Browser.module.css';

export function Crumbs() {
  const { t } = useTranslation();
  const { place, go } = usePlace();
  const session = useSession();
  const crumbs = crumbsOf(place.path, session.windows);
  return (
    <nav className={css.crumbs} aria-label={t('browse.crumbs')}>
      <Tooltip label={t('browse.up')}>
        <ActionIcon
          variant="subtle"
          color="brand"
          aria-label={t('browse.up')}
          disabled={place.path === '/'}
          onClick={() => go({ path: parentOf(place.path) })}
        >
          <IconArrowUp size={18} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t('browse.toHome')}>
        <ActionIcon
          variant="subtle"
          color="brand"
          aria-label={t('browse.toHome')}
          onClick={() => go({ path: session.home })}
        >
          <IconHome size={18} />
        </ActionIcon>
      </Tooltip>
      <ol className={css.list}>
        <li>
          <button
            type="button"
            className={css.crumb}
            aria-label={t('browse.root', { device: session.device.name })}
            aria-current={place.path === '/' ? 'page' : undefined}
            onClick={() => go({ path: '/' })}
          >
            <IconDeviceDesktop size={17} stroke={1.7} />
          </button>
        </li>
        {crumbs.map((crumb) => (
          <li key={crumb.path}>
            <span className={css.slash} aria-hidden="true">
              ›
            </span>
            <button
              type="button"
              className={css.crumb}
              aria-current={crumb.path === place.path ? 'page' : undefined}
              onClick={() => go({ path: crumb.path })}
            >
              {crumb.name}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
