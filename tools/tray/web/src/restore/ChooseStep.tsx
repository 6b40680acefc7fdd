import { Button, Radio } from '@mantine/core';
import { IconFolder, IconRestore, IconTestPipe } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import type { Destination, Existing } from '../api/types';
import { useSession, useShownPath } from '../app/session';
import { usePointText } from '../points/usePointText';
import { useFormat } from '../shared/format';
import { nameOf } from '../shared/paths';
import { type Basket, batchesOf } from './basket';
import { useDesk } from './desk';
import { FolderPicker } from './FolderPicker';
import css from './Restore.module.css';
import { WouldHappen } from './WouldHappen';

interface Props {
  basket: Basket;
  fromBasket: boolean;
}

/** Where to, and what about what is already there. The safe answers are chosen beforehand. */
export function ChooseStep({ basket, fromBasket }: Props) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const shown = useShownPath();
  const session = useSession();
  const client = useQueryClient();
  const desk = useDesk();
  const [kind, setKind] = useState<'original' | 'folder'>('original');
  const [folder, setFolder] = useState(session.grant?.destination ?? session.home);
  const [picking, setPicking] = useState(false);
  const [existing, setExisting] = useState<Existing>('both');

  const to: Destination = kind === 'original' ? { kind } : { kind, folder };
  const start = (dry: boolean) =>
    Promise.all(
      batchesOf(basket).map(({ location, point, paths }) =>
        api.startRestore({ location, point, paths, to, existing, dry_run: dry }),
      ),
    );
  const tryOut = useMutation({ mutationFn: () => start(true) });
  const restore = useMutation({
    mutationFn: () => start(false),
    onSuccess: (ids) => {
      if (fromBasket) desk.change({ do: 'clear' });
      desk.show({ kind: 'watch', ids });
    },
    // Also after a failure: of several, some may have started.
    onSettled: () => client.invalidateQueries({ queryKey: ['restores'] }),
  });
  // What would happen is told for one choice, and stale with the next.
  const changed = (change: () => void) => {
    change();
    tryOut.reset();
  };

  if (picking) {
    return (
      <FolderPicker
        start={folder}
        onCancel={() => setPicking(false)}
        onChoose={(path) => {
          changed(() => setFolder(path));
          setPicking(false);
        }}
      />
    );
  }
  const error = restore.error ?? tryOut.error;
  return (
    <div className={css.step}>
      <WhatIsRestored basket={basket} />
      <Radio.Group
        label={t('restore.where')}
        value={kind}
        onChange={(value) => changed(() => setKind(value as 'original' | 'folder'))}
      >
        <div className={css.choices}>
          <Choice value="original" label={t('restore.original')} hint={t('restore.originalHint')} />
          <Choice value="folder" label={t('restore.folder')} hint={t('restore.folderHint')}>
            {kind === 'folder' && (
              <div className={css.folder}>
                <IconFolder size={18} aria-hidden="true" />
                <span className={css.path}>{shown(folder)}</span>
                <Button variant="default" size="xs" onClick={() => setPicking(true)}>
                  {t('restore.pickFolder')}
                </Button>
              </div>
            )}
          </Choice>
        </div>
      </Radio.Group>
      <Radio.Group
        label={t('restore.existing')}
        value={existing}
        onChange={(value) => changed(() => setExisting(value as Existing))}
      >
        <div className={css.choices}>
          <Choice value="both" label={t('restore.both')} hint={t('restore.bothHint')} />
          <Choice value="keep" label={t('restore.keep')} hint={t('restore.keepHint')} />
          <Choice
            value="overwrite"
            label={t('restore.overwrite')}
            hint={t('restore.overwriteHint')}
          />
        </div>
      </Radio.Group>
      {tryOut.data !== undefined && <WouldHappen ids={tryOut.data} />}
      {error !== null && (
        <p className={css.error} role="alert">
          {errorText(error)}
        </p>
      )}
      <div className={css.buttons}>
        <Button
          variant="default"
          leftSection={<IconTestPipe size={17} aria-hidden="true" />}
          loading={tryOut.isPending}
          onClick={() => tryOut.mutate()}
        >
          {t('restore.tryOut')}
        </Button>
        <Button
          data-autofocus
          leftSection={<IconRestore size={18} aria-hidden="true" />}
          loading={restore.isPending}
          onClick={() => restore.mutate()}
        >
          {t('restore.start')}
        </Button>
      </div>
    </div>
  );
}

interface ChoiceProps {
  value: string;
  label: string;
  hint: string;
  children?: ReactNode;
}

function Choice({ value, label, hint, children }: ChoiceProps) {
  return (
    <div>
      <Radio value={value} label={label} description={hint} />
      {children}
    </div>
  );
}

function WhatIsRestored({ basket }: { basket: Basket }) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = usePointText();
  const batches = batchesOf(basket);
  const only = basket.length === 1 ? basket[0] : undefined;
  return (
    <div className={css.what}>
      <p className={css.whatTitle}>
        {only === undefined
          ? t('restore.several', { count: basket.length, number: format.count(basket.length) })
          : nameOf(only.path)}
      </p>
      <p className={css.hint}>
        {batches.length === 1
          ? t('restore.fromPoint', { moment: text.moment(batches[0]?.time ?? '') })
          : t('restore.fromPoints', { count: batches.length })}
      </p>
    </div>
  );
}
