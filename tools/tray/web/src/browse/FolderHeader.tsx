import { IconChevronDown, IconChevronUp } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import css from './Browser.module.css';
import { nextSort, type Sort, type SortKey } from './sort';

interface Props {
  sort: Sort;
  onSort(sort: Sort): void;
  all: boolean;
  some: boolean;
  onPickAll(picked: boolean): void;
}

export function FolderHeader({ sort, onSort, all, some, onPickAll }: Props) {
  const { t } = useTranslation();
  const column = (by: SortKey, label: string, end: boolean) => (
    <div
      role="columnheader"
      className={end ? css.end : undefined}
      aria-sort={sort.by !== by ? 'none' : sort.descending ? 'descending' : 'ascending'}
    >
      <button type="button" className={css.sort} onClick={() => onSort(nextSort(sort, by))}>
        {label}
        {sort.by === by &&
          (sort.descending ? (
            <IconChevronDown size={14} aria-hidden="true" />
          ) : (
            <IconChevronUp size={14} aria-hidden="true" />
          ))}
      </button>
    </div>
  );
  return (
    <>
      <div role="columnheader" aria-label={t('browse.pickColumn')}>
        <input
          type="checkbox"
          className={css.box}
          aria-label={t('browse.pickAll')}
          checked={all}
          ref={(box) => {
            // There is no attribute for it.
            if (box !== null) box.indeterminate = some && !all;
          }}
          onChange={() => onPickAll(!all)}
        />
      </div>
      {column('name', t('browse.name'), false)}
      {column('size', t('browse.size'), true)}
      {column('modified', t('browse.modified'), true)}
    </>
  );
}
