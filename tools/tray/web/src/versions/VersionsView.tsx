import { ActionIcon, Button, Loader, Switch, Tooltip } from '@mantine/core';
import { IconArrowLeft, IconFolder, IconRestore } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import { usePlace } from '../app/place';
import { StatePage } from '../app/StatePage';
import { useShownPath } from '../app/session';
import { Preview } from '../preview/Preview';
import { useDesk } from '../restore/desk';
import { EntryIcon } from '../shared/EntryIcon';
import { useFormat } from '../shared/format';
import { nameOf, parentOf } from '../shared/paths';
import { groupVersions, type VersionGroup } from './groups';
import { VersionList } from './VersionList';
import css from './Versions.module.css';

/** One file through time: its versions, what each holds, and two beside each other. */
export function VersionsView({ path }: { path: string }) {
  const { t } = useTranslation();
  const { place, back, adjust } = usePlace();
  const errorText = useErrorText();
  const { data, error, refetch } = useQuery({
    queryKey: ['versions', place.location, path],
    queryFn: ({ signal }) => api.versions(place.location, path, signal),
  });
  const groups = useMemo(() => (data === undefined ? undefined : groupVersions(data)), [data]);

  if (error !== null || groups?.length === 0) {
    return (
      <StatePage
        title={t('versions.failed')}
        text={error === null ? t('versions.none') : errorText(error)}
        actions={
          <>
            <Button onClick={back}>{t('versions.back')}</Button>
            <Button variant="default" onClick={() => void refetch()}>
              {t('state.retry')}
            </Button>
          </>
        }
      />
    );
  }
  return (
    <div className={css.view}>
      <FileHead
        path={path}
        onBack={back}
        onFolder={() => adjust({ file: null, search: '', path: parentOf(path) })}
      />
      {groups === undefined ? (
        <div className={css.waiting}>
          <Loader aria-label={t('state.loading')} />
        </div>
      ) : (
        <Sides path={path} groups={groups} />
      )}
    </div>
  );
}

interface HeadProps {
  path: string;
  onBack(): void;
  onFolder(): void;
}

function FileHead({ path, onBack, onFolder }: HeadProps) {
  const { t } = useTranslation();
  const shown = useShownPath();
  return (
    <div className={css.head}>
      <Tooltip label={t('versions.back')}>
        <ActionIcon
          variant="subtle"
          color="brand"
          size="lg"
          aria-label={t('versions.back')}
          onClick={onBack}
        >
          <IconArrowLeft size={20} />
        </ActionIcon>
      </Tooltip>
      <EntryIcon type="file" name={nameOf(path)} />
      <div className={css.words}>
        <h1 className={css.title}>{nameOf(path)}</h1>
        <p className={css.folder}>{shown(parentOf(path))}</p>
      </div>
      <Button
        variant="subtle"
        size="compact-sm"
        leftSection={<IconFolder size={16} />}
        onClick={onFolder}
      >
        {t('versions.showFolder')}
      </Button>
    </div>
  );
}

function Sides({ path, groups }: { path: string; groups: VersionGroup[] }) {
  const { t } = useTranslation();
  const { place } = usePlace();
  const desk = useDesk();
  // The version of the point that was looked at, not just the newest.
  const [chosen, setChosen] = useState(() => {
    const at = groups.findIndex(
      (it) => it.newest.point === place.point || it.oldest.point === place.point,
    );
    return Math.max(0, at);
  });
  const [comparing, setComparing] = useState(false);
  const group = groups[chosen] as VersionGroup;
  const other = groups[chosen + 1] ?? groups[chosen - 1];

  const restore = (version: VersionGroup) =>
    desk.show({
      kind: 'choose',
      fromBasket: false,
      basket: [
        {
          location: place.location,
          point: version.newest.point,
          time: version.newest.time,
          path,
          type: version.newest.type,
          size: version.newest.size,
        },
      ],
    });

  return (
    <div className={css.sides}>
      <section className={css.side} aria-label={t('versions.list')}>
        <div className={css.sideHead}>
          <h2 className={css.subtitle}>{t('versions.list')}</h2>
          {other !== undefined && (
            <Switch
              size="sm"
              label={t('versions.compare')}
              checked={comparing}
              onChange={(event) => setComparing(event.currentTarget.checked)}
            />
          )}
        </div>
        <VersionList groups={groups} chosen={chosen} onChoose={setChosen} />
      </section>
      <div className={css.panes}>
        <Pane path={path} group={group} main small={comparing} onRestore={() => restore(group)} />
        {comparing && other !== undefined && (
          <Pane path={path} group={other} small onRestore={() => restore(other)} />
        )}
      </div>
    </div>
  );
}

interface PaneProps {
  path: string;
  group: VersionGroup;
  main?: boolean;
  small: boolean;
  onRestore(): void;
}

function Pane({ path, group, main = false, small, onRestore }: PaneProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { place } = usePlace();
  const date = format.dateTime(group.newest.modified);
  const label = t('preview.label', { name: nameOf(path), date });
  return (
    <section className={css.pane} aria-label={label}>
      <div className={css.paneHead}>
        <div className={css.words}>
          <h2 className={css.subtitle}>{t('versions.modified', { date })}</h2>
          <p className={css.folder}>{format.bytes(group.newest.size)}</p>
        </div>
        <Button
          variant={main ? 'filled' : 'light'}
          size={small ? 'xs' : 'sm'}
          leftSection={<IconRestore size={17} aria-hidden="true" />}
          onClick={onRestore}
        >
          {t('versions.restore')}
        </Button>
      </div>
      <Preview
        key={group.newest.point}
        location={place.location}
        point={group.newest.point}
        path={path}
        label={label}
      />
    </section>
  );
}
