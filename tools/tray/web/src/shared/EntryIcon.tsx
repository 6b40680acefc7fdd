import {
  IconFile,
  IconFileText,
  IconFileTypePdf,
  IconFileZip,
  IconFolderFilled,
  IconLink,
  IconMovie,
  IconMusic,
  IconPhoto,
  IconTable,
} from '@tabler/icons-react';
import type { EntryType } from '../api/types';
import css from './EntryIcon.module.css';

const kByEnding: [RegExp, typeof IconFile][] = [
  [/\.(png|jpe?g|gif|webp|svg|heic|tiff?|bmp|raw)$/i, IconPhoto],
  [/\.pdf$/i, IconFileTypePdf],
  [/\.(xlsx?|ods|csv)$/i, IconTable],
  [/\.(docx?|odt|rtf|txt|md)$/i, IconFileText],
  [/\.(zip|7z|tar|gz|zst|rar)$/i, IconFileZip],
  [/\.(mp4|mov|mkv|avi|webm)$/i, IconMovie],
  [/\.(mp3|flac|ogg|wav|m4a)$/i, IconMusic],
];

/** Decoration: the name beside it says the same. */
export function EntryIcon({ type, name }: { type: EntryType; name: string }) {
  if (type === 'directory') {
    return <IconFolderFilled className={css.folder} size={20} aria-hidden="true" />;
  }
  const Icon =
    type === 'symlink'
      ? IconLink
      : (kByEnding.find(([ending]) => ending.test(name))?.[1] ?? IconFile);
  return <Icon className={css.file} size={20} stroke={1.5} aria-hidden="true" />;
}
