import { ActionIcon, Button, Loader, TextInput, Tooltip } from '@mantine/core';
import { IconArrowUp, IconFolder, IconFolderPlus, IconLock } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import { useShownPath } from '../app/session';
import { useFormat } from '../shared/format';
import css from './Restore.module.css';

interface Props {
  start: string;
  onChoose(path: string): void;
  onCancel(): void;
}

/** Folders of this machine, as they are now. */
export function FolderPicker({ start, onChoose, onCancel }: Props) {
  const { t } = useTranslation();
  const shown = useShownPath();
  const errorText = useErrorText();
  const [path, setPath] = useState(start);
  const heading = useRef<HTMLHeadingElement>(null);
  const { data, error } = useQuery({
    queryKey: ['folders', path],
    queryFn: ({ signal }) => api.folders(path, signal),
    staleTime: 0,
  });

  // Also with each folder that is entered: the button that had the focus is gone.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is the occasion
  useEffect(() => heading.current?.focus(), [path]);

  return (
    <div className={css.step}>
      <div className={css.pickerHead}>
        <Tooltip label={t('browse.up')}>
          <ActionIcon
            variant="default"
            size="lg"
            aria-label={t('browse.up')}
            disabled={data?.parent == null}
            onClick={() => data?.parent != null && setPath(data.parent)}
          >
            <IconArrowUp size={18} />
          </ActionIcon>
        </Tooltip>
        <h3 className={css.pickerPath} tabIndex={-1} ref={heading}>
          {shown(path)}
        </h3>
      </div>
      {error !== null && (
        <p className={css.error} role="alert">
          {errorText(error)}
        </p>
      )}
      {error === null && data === undefined && <Loader size="sm" aria-label={t('state.loading')} />}
      {data !== undefined && (
        <ul className={css.folders} aria-label={t('picker.folders')}>
          {data.folders.length === 0 && <li className={css.hint}>{t('picker.none')}</li>}
          {data.folders.map((folder) => (
            <li key={folder.path}>
              <button
                type="button"
                className={css.folderButton}
                onClick={() => setPath(folder.path)}
              >
                <IconFolder size={18} stroke={1.6} aria-hidden="true" />
                {folder.name}
                {!folder.writable && (
                  <span className={css.locked}>
                    <IconLock size={14} aria-hidden="true" /> {t('picker.locked')}
                  </span>
                )}
              </button>
            </li>
          ))}
        </ul>
      )}
      <NewFolder parent={path} allowed={data?.writable === true} onMade={setPath} />
      {data?.writable === false && <p className={css.hint}>{t('picker.lockedHere')}</p>}
      <div className={css.buttons}>
        <Button variant="default" onClick={onCancel}>
          {t('picker.cancel')}
        </Button>
        <Button disabled={data?.writable !== true} onClick={() => onChoose(path)}>
          {t('picker.choose')}
        </Button>
      </div>
    </div>
  );
}

interface NewProps {
  parent: string;
  allowed: boolean;
  onMade(path: string): void;
}

function NewFolder({ parent, allowed, onMade }: NewProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const errorText = useErrorText();
  const client = useQueryClient();
  // A name that tells in a year where the folder came from.
  const [name, setName] = useState(() =>
    t('picker.newName', {
      date: new Date().toLocaleDateString(format.language === 'de' ? 'de' : 'en-CA'),
    }),
  );
  const path = `${parent === '/' ? '' : parent}/${name.trim()}`;
  const good = name.trim() !== '' && !/[/\\]/.test(name) && !/^\.{1,2}$/.test(name.trim());
  const make = useMutation({
    mutationFn: () => api.makeFolder(path),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['folders'] });
      onMade(path);
    },
  });
  return (
    <form
      className={css.newFolder}
      onSubmit={(event) => {
        event.preventDefault();
        if (good) make.mutate();
      }}
    >
      <TextInput
        className={css.newName}
        label={t('picker.newLabel')}
        value={name}
        error={make.error === null ? undefined : errorText(make.error)}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button
        type="submit"
        variant="default"
        leftSection={<IconFolderPlus size={17} aria-hidden="true" />}
        disabled={!allowed || !good}
        loading={make.isPending}
      >
        {t('picker.make')}
      </Button>
    </form>
  );
}
