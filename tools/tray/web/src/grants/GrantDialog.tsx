import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { IconFileUpload } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { useErrorText } from '../api/errors';
import { useAnnounce } from '../shared/announce';
import css from './Grants.module.css';

interface Props {
  opened: boolean;
  onClose(): void;
}

/** A signed grant is a few hundred bytes: whatever is larger was dropped by mistake. */
const kLargest = 256 * 1024;

/** A code that was read out on the telephone, or the grant itself as text or file. */
export function GrantDialog({ opened, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('grant.enter')}
      size={520}
      closeButtonProps={{ 'aria-label': t('restore.close') }}
    >
      <GrantForm onDone={onClose} />
    </Modal>
  );
}

function GrantForm({ onDone }: { onDone(): void }) {
  const { t } = useTranslation();
  const announce = useAnnounce();
  const errorText = useErrorText();
  const client = useQueryClient();
  const [code, setCode] = useState('');
  const [document, setDocument] = useState('');
  const [tooLarge, setTooLarge] = useState(false);
  const take = useMutation({
    mutationFn: api.takeGrant,
    onSuccess: (session) => {
      client.setQueryData(['session'], session);
      // What was refused may be readable now.
      void client.resetQueries({ queryKey: ['entries'] });
      announce(t('grant.taken'));
      onDone();
    },
  });
  const readFile = async (file: File | undefined) => {
    if (file === undefined) return;
    setTooLarge(file.size > kLargest);
    if (file.size <= kLargest) setDocument(await file.text());
  };
  const complete = code.replaceAll('-', '').length === 8;
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (complete) take.mutate({ code });
        else if (document.trim() !== '') take.mutate({ document });
      }}
    >
      <p className={css.text}>{t('grant.explain')}</p>
      <TextInput
        data-autofocus
        label={t('grant.code')}
        description={t('grant.codeHint')}
        placeholder="XXXX-XXXX"
        autoComplete="off"
        spellCheck={false}
        classNames={{ input: css.code }}
        value={code}
        onChange={(event) => setCode(shapeCode(event.currentTarget.value))}
      />
      <p className={css.or}>{t('grant.or')}</p>
      <DropArea onFile={(file) => void readFile(file)}>
        <Textarea
          label={t('grant.document')}
          description={t('grant.documentHint')}
          rows={4}
          spellCheck={false}
          classNames={{ input: css.document }}
          error={tooLarge ? t('grant.tooLarge') : undefined}
          value={document}
          onChange={(event) => setDocument(event.currentTarget.value)}
        />
      </DropArea>
      {take.error !== null && (
        <p className={css.error} role="alert">
          {errorText(take.error)}
        </p>
      )}
      <div className={css.buttons}>
        <Button
          type="submit"
          disabled={!complete && document.trim() === ''}
          loading={take.isPending}
        >
          {t('grant.use')}
        </Button>
      </div>
    </form>
  );
}

/** As it is read out: two groups of four, without what only looks like a letter. */
function shapeCode(typed: string): string {
  const plain = typed
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .slice(0, 8);
  return plain.length > 4 ? `${plain.slice(0, 4)}-${plain.slice(4)}` : plain;
}

interface DropProps {
  onFile(file: File | undefined): void;
  children: ReactNode;
}

function DropArea({ onFile, children }: DropProps) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is for the mouse; the button does the same
    <div
      className={css.drop}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      {children}
      <input
        ref={input}
        type="file"
        hidden
        aria-label={t('grant.file')}
        onChange={(event) => onFile(event.currentTarget.files?.[0])}
      />
      <Button
        variant="default"
        size="xs"
        leftSection={<IconFileUpload size={16} aria-hidden="true" />}
        onClick={() => input.current?.click()}
      >
        {t('grant.file')}
      </Button>
    </div>
  );
}
