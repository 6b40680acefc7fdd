import { Modal } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ChooseStep } from './ChooseStep';
import { type DeskView, useDesk } from './desk';
import { RestoreList } from './RestoreList';
import { WatchStep } from './WatchStep';

/** One dialog from the choice to the report: closing it leaves running restores alone. */
export function RestoreDialog() {
  const { t } = useTranslation();
  const { view, show } = useDesk();
  // While it fades out, the dialog still shows what it showed.
  const [last, setLast] = useState<DeskView | null>(view);
  if (view !== null && view !== last) setLast(view);
  const shown = view ?? last;
  const titles = {
    choose: t('restore.title'),
    watch: t('restore.watching'),
    list: t('restore.list'),
  };
  return (
    <Modal
      opened={view !== null}
      onClose={() => show(null)}
      size={640}
      title={shown === null ? '' : titles[shown.kind]}
      closeButtonProps={{ 'aria-label': t('restore.close') }}
    >
      {shown?.kind === 'choose' && (
        <ChooseStep basket={shown.basket} fromBasket={shown.fromBasket} />
      )}
      {shown?.kind === 'watch' && <WatchStep ids={shown.ids} />}
      {shown?.kind === 'list' && <RestoreList />}
    </Modal>
  );
}
