import { Button } from '@mantine/core';
import { IconCloudOff, IconMoodSad } from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import css from './StatePage.module.css';

interface Props {
  icon?: ReactNode;
  title: string;
  text: string;
  actions?: ReactNode;
  /** The whole page, not a part of it. */
  page?: boolean;
}

/** Every empty or failed state: what it is, what it means, what to do now. */
export function StatePage({ icon, title, text, actions, page = false }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Where it replaced what had the focus; never away from the time line or the search.
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus();
  }, []);
  const Tag = page ? 'main' : 'div';
  return (
    <Tag className={page ? css.page : css.part}>
      <div className={css.icon} aria-hidden="true">
        {icon ?? <IconCloudOff size={40} stroke={1.4} />}
      </div>
      <h1 className={css.title} tabIndex={-1} ref={heading}>
        {title}
      </h1>
      <p className={css.text}>{text}</p>
      {actions !== undefined && <div className={css.actions}>{actions}</div>}
    </Tag>
  );
}

export function BrokenPage() {
  const { t } = useTranslation();
  return (
    <StatePage
      page
      icon={<IconMoodSad size={40} stroke={1.4} />}
      title={t('state.broken.title')}
      text={t('state.broken.text')}
      actions={<Button onClick={() => window.location.reload()}>{t('state.reload')}</Button>}
    />
  );
}
