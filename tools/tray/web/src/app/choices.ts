import type { MantineColorScheme, MantineColorSchemeManager } from '@mantine/core';

const kScheme = 'obhut-scheme';
const kLanguage = 'obhut-language';

/**
 * Choices live as long as the tab: the port is another one next time, so anything kept longer
 * would pile up in the browser's profile, one entry a port.
 */
export const schemeInTab: MantineColorSchemeManager = {
  get: (fallback) => (sessionStorage.getItem(kScheme) as MantineColorScheme | null) ?? fallback,
  set: (scheme) => sessionStorage.setItem(kScheme, scheme),
  subscribe: () => {},
  unsubscribe: () => {},
  clear: () => sessionStorage.removeItem(kScheme),
};

export function chosenLanguage(): string | null {
  return sessionStorage.getItem(kLanguage);
}

export function keepLanguage(language: string): void {
  sessionStorage.setItem(kLanguage, language);
}
