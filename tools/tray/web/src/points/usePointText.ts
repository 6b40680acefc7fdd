import { useTranslation } from 'react-i18next';
import { useFormat } from '../shared/format';
import { nearness } from './days';

/** "Yesterday, 14:05", or the whole date where "yesterday" no longer helps. */
export function usePointText() {
  const { t } = useTranslation();
  const format = useFormat();

  function day(at: Date, long = true): string {
    switch (nearness(at, new Date())) {
      case 'today':
        return t('points.today');
      case 'yesterday':
        return t('points.yesterday');
      case 'earlier':
        return long ? format.longDay(at) : format.shortDay(at);
    }
  }

  return {
    day,
    /** For narrow columns. */
    shortMoment: (time: string) =>
      t('points.shortMoment', { day: day(new Date(time), false), time: format.time(time) }),
    moment: (time: string) =>
      t('points.moment', { day: day(new Date(time)), time: format.time(time) }),
  };
}
