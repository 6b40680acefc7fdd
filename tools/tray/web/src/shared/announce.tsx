import { VisuallyHidden } from '@mantine/core';
import { createContext, type ReactNode, useCallback, useContext, useState } from 'react';

const AnnounceContext = createContext<(text: string) => void>(() => {});

/** One polite live region for the whole window: several would speak over each other. */
export function AnnounceProvider({ children }: { children: ReactNode }) {
  const [message, setMessage] = useState({ text: '', odd: false });
  const announce = useCallback((text: string) => {
    setMessage((before) => ({ text, odd: !before.odd }));
  }, []);
  return (
    <AnnounceContext value={announce}>
      {children}
      <VisuallyHidden role="status" aria-live="polite">
        {/* The trailing space makes a repeated message a change, which is what gets spoken. */}
        {message.odd ? message.text : `${message.text} `}
      </VisuallyHidden>
    </AnnounceContext>
  );
}

export function useAnnounce(): (text: string) => void {
  return useContext(AnnounceContext);
}
