import { ActionIcon, Button, Popover, Progress } from '@mantine/core';
import { IconBasket, IconRestore, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useShownPath } from '../app/session';
import { usePointText } from '../points/usePointText';
import { useAnnounce } from '../shared/announce';
import { EntryIcon } from '../shared/EntryIcon';
import { useFormat } from '../shared/format';
import { nameOf } from '../shared/paths';
import css from './BasketBar.module.css';
import { useDesk } from './desk';
import { isUnderWay, useRestores } from './useRestores';

/** What is picked, whatever folder is looked at now, and what is being restored meanwhile. */
export function BasketBar() {
  const { t } = useTranslation();
  const { data: restores = [] } = useRestores();
  const { basket } = useDesk();
  if (basket.length === 0 && restores.length === 0) return null;
  return (
    <section className={css.bar} aria-label={t('basket.label')}>
      <RestoresButton />
      <span className={css.gap} />
      {basket.length > 0 && <PickedPart />}
    </section>
  );
}

function PickedPart() {
  const { t } = useTranslation();
  const format = useFormat();
  const announce = useAnnounce();
  const { basket, change, show } = useDesk();
  const bytes = basket.reduce((sum, it) => sum + (it.size ?? 0), 0);
  const folders = basket.some((it) => it.size === null);
  const size = bytes === 0 ? '' : folders ? `> ${format.bytes(bytes)}` : format.bytes(bytes);
  return (
    <>
      <PickedList />
      {size !== '' && <span className={css.size}>{size}</span>}
      <Button
        variant="subtle"
        onClick={() => {
          change({ do: 'clear' });
          announce(t('basket.cleared'));
          document.getElementById('content')?.focus();
        }}
      >
        {t('basket.clear')}
      </Button>
      <Button
        leftSection={<IconRestore size={18} aria-hidden="true" />}
        onClick={() => show({ kind: 'choose', basket, fromBasket: true })}
      >
        {t('basket.restore')}
      </Button>
    </>
  );
}

/** So many are listed; a basket of thousands is better read in its folders. */
const kListed = 200;

function PickedList() {
  const { t } = useTranslation();
  const format = useFormat();
  const text = usePointText();
  const shown = useShownPath();
  const { basket, change } = useDesk();
  const [opened, setOpened] = useState(false);
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="top-end"
      shadow="md"
      withinPortal
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <Button
          variant="subtle"
          leftSection={<IconBasket size={18} aria-hidden="true" />}
          onClick={() => setOpened(!opened)}
        >
          {t('basket.picked', { count: basket.length, number: format.count(basket.length) })}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('basket.label')}>
        <ul className={css.list}>
          {basket.slice(0, kListed).map((it) => (
            <li key={`${it.location} ${it.path}`} className={css.item}>
              <EntryIcon type={it.type} name={it.path} />
              <span className={css.words}>
                <span className={css.path}>{shown(it.path)}</span>
                <span className={css.when}>{text.moment(it.time)}</span>
              </span>
              <ActionIcon
                variant="subtle"
                color="brand"
                aria-label={t('basket.drop', { name: nameOf(it.path) })}
                onClick={() => change({ do: 'drop', entries: [it] })}
              >
                <IconX size={16} />
              </ActionIcon>
            </li>
          ))}
        </ul>
        {basket.length > kListed && (
          <p className={css.when}>
            {t('basket.more', { number: format.count(basket.length - kListed) })}
          </p>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function RestoresButton() {
  const { t } = useTranslation();
  const format = useFormat();
  const { show } = useDesk();
  const { data: restores = [] } = useRestores();
  if (restores.length === 0) return null;
  const open = restores.filter(isUnderWay);
  const only = open.length === 1 ? open[0] : undefined;
  const percent =
    open.length === 0 ? 100 : open.reduce((sum, it) => sum + it.progress.percent, 0) / open.length;
  return (
    <button
      type="button"
      className={css.running}
      onClick={() =>
        show(only === undefined ? { kind: 'list' } : { kind: 'watch', ids: [only.id] })
      }
    >
      <span>
        {open.length === 0
          ? t('basket.ended', { count: restores.length })
          : t('basket.running', { count: open.length, percent: format.percent(percent) })}
      </span>
      {open.length > 0 && <Progress value={percent} size="sm" aria-hidden="true" />}
    </button>
  );
}
