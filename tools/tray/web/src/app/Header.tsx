import {
  ActionIcon,
  Button,
  Popover,
  Tooltip,
  useMantineColorScheme,
  VisuallyHidden,
} from '@mantine/core';
import { IconHelp, IconKey, IconMoon, IconSun, IconSunMoon } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { GrantDialog } from '../grants/GrantDialog';
import { chooseLanguage } from '../i18n';
import { SearchField } from '../search/SearchField';
import css from './Header.module.css';
import { usePlace } from './place';
import { useSession } from './session';

export function Header() {
  const { t } = useTranslation();
  const session = useSession();
  const [entering, setEntering] = useState(false);
  return (
    <header className={css.header}>
      <Brand />
      <SearchField />
      <div className={css.tools}>
        <Tooltip label={t('grant.enter')}>
          <ActionIcon
            variant="subtle"
            color="brand"
            size="lg"
            aria-label={t('grant.enter')}
            onClick={() => setEntering(true)}
          >
            <IconKey size={20} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
        <SchemeSwitch />
        <LanguageSwitch />
        <Help support={session.brand.support} />
      </div>
      <GrantDialog opened={entering} onClose={() => setEntering(false)} />
    </header>
  );
}

/** Brings back the first view, as a logo is expected to. */
function Brand() {
  const { t } = useTranslation();
  const { brand, home, device } = useSession();
  const { go } = usePlace();
  return (
    <button
      type="button"
      className={css.brand}
      onClick={() => go({ point: null, path: home, file: null, search: '' })}
    >
      {brand.logo === null ? (
        <span className={css.mark} aria-hidden="true">
          {brand.name.slice(0, 1)}
        </span>
      ) : (
        <img className={css.logo} src={brand.logo} alt="" />
      )}
      <span className={css.names}>
        <span className={css.name}>{brand.name}</span>
        <span className={css.device}>{t('window.device', { device: device.name })}</span>
      </span>
      <VisuallyHidden>{t('window.home')}</VisuallyHidden>
    </button>
  );
}

function SchemeSwitch() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = colorScheme === 'auto' ? 'light' : colorScheme === 'light' ? 'dark' : 'auto';
  const label = {
    auto: t('window.scheme.auto'),
    light: t('window.scheme.light'),
    dark: t('window.scheme.dark'),
  }[colorScheme];
  const Icon = { auto: IconSunMoon, light: IconSun, dark: IconMoon }[colorScheme];
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="brand"
        size="lg"
        aria-label={label}
        onClick={() => setColorScheme(next)}
      >
        <Icon size={20} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  );
}

/** Names the other language in that language: whoever needs it cannot read this one. */
function LanguageSwitch() {
  const { i18n } = useTranslation();
  const german = i18n.language === 'de';
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      lang={german ? 'en' : 'de'}
      onClick={() => chooseLanguage(german ? 'en' : 'de')}
    >
      {german ? 'English' : 'Deutsch'}
    </Button>
  );
}

function Help({
  support,
}: {
  support: { email: string | null; phone: string | null; url: string | null };
}) {
  const { t } = useTranslation();
  const { brand } = useSession();
  return (
    <Popover position="bottom-end" shadow="md" withinPortal trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon variant="subtle" color="brand" size="lg" aria-label={t('help.title')}>
          <IconHelp size={20} stroke={1.7} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('help.title')}>
        <div className={css.help}>
          <h2 className={css.helpTitle}>{t('help.from', { name: brand.name })}</h2>
          {support.phone !== null && (
            <a href={`tel:${support.phone.replaceAll(' ', '')}`}>{support.phone}</a>
          )}
          {support.email !== null && <a href={`mailto:${support.email}`}>{support.email}</a>}
          {support.url !== null && (
            <a href={support.url} target="_blank" rel="noreferrer noopener">
              {support.url}
            </a>
          )}
          <h2 className={css.helpTitle}>{t('help.keys')}</h2>
          <dl className={css.keys}>
            <dt>/</dt>
            <dd>{t('help.keySearch')}</dd>
            <dt>↑ ↓</dt>
            <dd>{t('help.keyMove')}</dd>
            <dt>Enter</dt>
            <dd>{t('help.keyOpen')}</dd>
            <dt>⌫</dt>
            <dd>{t('help.keyUp')}</dd>
            <dt>{t('help.space')}</dt>
            <dd>{t('help.keyPick')}</dd>
            <dt>⇧ ↑ ↓</dt>
            <dd>{t('help.keyRange')}</dd>
          </dl>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
