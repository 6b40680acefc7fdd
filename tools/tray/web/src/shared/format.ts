import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

const kUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

export interface Format {
  language: string;
  count(value: number): string;
  bytes(value: number): string;
  percent(value: number): string;
  time(at: string): string;
  dateTime(at: string): string;
  dayRange(from: string, to: string): string;
  longDay(at: Date): string;
  shortDay(at: Date): string;
  month(at: Date): string;
  weekdays(): { short: string; long: string }[];
  duration(seconds: number): string;
}

/** Sizes are decimal, as in the command line tool, so that both say the same of one file. */
export function formatOf(language: string): Format {
  // Plain 'en' would mean 12-hour clocks and month-first dates, which half the readers misread.
  const locale = language === 'en' ? 'en-GB' : language;
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  const longDay = new Intl.DateTimeFormat(locale, { dateStyle: 'full' });
  const shortDay = new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  });
  const month = new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric' });
  const shortWeekday = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' });
  const longWeekday = new Intl.DateTimeFormat(locale, { weekday: 'long', timeZone: 'UTC' });
  const unit = (value: number, name: 'second' | 'minute' | 'hour') =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(
      value,
    );
  return {
    language,
    count: (value) => number.format(value),
    percent: (value) => percent.format(value / 100),
    time: (at) => time.format(new Date(at)),
    dateTime: (at) => dateTime.format(new Date(at)),
    dayRange: (from, to) => day.formatRange(new Date(from), new Date(to)),
    longDay: (at) => longDay.format(at),
    shortDay: (at) => shortDay.format(at),
    month: (at) => month.format(at),
    // 1 January 2024 was a Monday, the first column of the calendar.
    weekdays: () =>
      Array.from({ length: 7 }, (_, index) => {
        const day = new Date(Date.UTC(2024, 0, 1 + index));
        return { short: shortWeekday.format(day), long: longWeekday.format(day) };
      }),
    bytes: (value) => {
      let left = value;
      let at = 0;
      while (left >= 999.5 && at + 1 < kUnits.length) {
        left /= 1000;
        at += 1;
      }
      const digits = at === 0 || left >= 99.95 ? 0 : left >= 9.995 ? 1 : 2;
      const text = left.toLocaleString(locale, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      });
      return `${text}\u00a0${kUnits[at]}`;
    },
    duration: (seconds) => {
      const whole = Math.max(1, Math.round(seconds));
      if (whole < 60) return unit(whole, 'second');
      if (whole < 3600) return unit(Math.round(whole / 60), 'minute');
      const minutes = Math.round((whole % 3600) / 60);
      return minutes === 0
        ? unit(Math.floor(whole / 3600), 'hour')
        : `${unit(Math.floor(whole / 3600), 'hour')} ${unit(minutes, 'minute')}`;
    },
  };
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  return useMemo(() => formatOf(i18n.language), [i18n.language]);
}
