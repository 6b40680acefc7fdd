import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { chosenLanguage, keepLanguage } from '../app/choices';
import de from './de.json';
import en from './en.json';

export const kLanguages = ['de', 'en'] as const;
export type Language = (typeof kLanguages)[number];

function ofBrowser(): Language {
  return navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en';
}

function mark(language: string): void {
  document.documentElement.lang = language;
}

/** Before the session is known, the browser's language: an error page must be readable too. */
export function startI18n(): void {
  i18next.on('languageChanged', mark);
  void i18next.use(initReactI18next).init({
    lng: chosenLanguage() ?? ofBrowser(),
    fallbackLng: 'en',
    resources: { de: { translation: de }, en: { translation: en } },
    // React escapes what it prints.
    interpolation: { escapeValue: false },
    initAsync: false,
    showSupportNotice: false,
  });
}

/** The session's language holds until somebody chooses one. */
export function followSession(language: Language): void {
  if (chosenLanguage() === null && i18next.language !== language) {
    void i18next.changeLanguage(language);
  }
}

export function chooseLanguage(language: Language): void {
  keepLanguage(language);
  void i18next.changeLanguage(language);
}
