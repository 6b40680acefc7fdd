import { CloseButton, Kbd, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { usePlace } from '../app/place';
import css from './Search.module.css';

const kTypingPause = 150;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select');
}

/** The first thing on the page: who lost a file knows a part of its name. */
export function SearchField() {
  const { t } = useTranslation();
  const { place, go, adjust } = usePlace();
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<number | undefined>(undefined);
  const [text, setText] = useState(place.search);
  const [follows, setFollows] = useState(place.search);

  // The place changed by another way than typing: back, or the home button.
  if (follows !== place.search) {
    setFollows(place.search);
    setText(place.search);
  }

  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent) => {
      const plain = event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (!plain || isTyping(event.target) || document.querySelector('[aria-modal]')) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);

  const commit = (search: string) => {
    window.clearTimeout(timer.current);
    setFollows(search);
    const step = place.search === '' || place.file !== null ? go : adjust;
    step({ search, file: null });
  };
  const onChange = (search: string) => {
    setText(search);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => commit(search), kTypingPause);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && text !== '') {
      event.preventDefault();
      setText('');
      commit('');
    } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      if (text !== place.search) commit(text);
      document.getElementById('found')?.focus();
    }
  };

  return (
    <search className={css.field}>
      <TextInput
        ref={input}
        type="search"
        size="md"
        aria-label={t('search.label')}
        aria-keyshortcuts="/"
        placeholder={t('search.placeholder')}
        autoComplete="off"
        spellCheck={false}
        leftSection={<IconSearch size={18} aria-hidden="true" />}
        rightSection={
          text === '' ? (
            <Kbd aria-hidden="true">/</Kbd>
          ) : (
            <CloseButton
              aria-label={t('search.clear')}
              onClick={() => {
                setText('');
                commit('');
                input.current?.focus();
              }}
            />
          )
        }
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onFocus={() => api.prepareSearch(place.location)}
      />
    </search>
  );
}
