import { readFileSync } from 'node:fs';

/** What the tests know of the vault. OBHUT_WINDOW_FIXTURE names a JSON file for another one. */
export interface Fixture {
  /** A folder of the account's own that holds the files below. */
  folder: string;
  /** A text file there with several versions, and what is typed to find it first. */
  textFile: string;
  searched: string;
  /** A text file that the newest point no longer has. */
  deletedFile: string;
  picture: string;
  /** A file whose name, and whose content, is markup. */
  hostileFile: string;
  /** A file there that belongs to somebody else. */
  deniedFile: string;
  /** A folder that belongs to somebody else, opened by each of the grant codes. */
  deniedFolder: string;
  /** One for each test that uses one: a code is good once. None where the server has no grants. */
  grantCodes: string[];
  /** A file that cannot be put back, and so appears in the report. */
  troubledFile: string | null;
  bigFolder: string;
  bigCount: number;
}

const kMadeUp: Fixture = {
  folder: '/home/anna/Dokumente',
  textFile: 'Angebot Dachausbau.txt',
  searched: 'angebot dach',
  deletedFile: 'Verlorenes Rezept.txt',
  picture: '/home/anna/Bilder/2024 Sommer/IMG_0001.png',
  hostileFile: '<img src=x onerror=alert(1)>.html',
  deniedFile: 'Vertrag von Berta.pdf',
  deniedFolder: '/home/berta',
  grantCodes: Array(5).fill('ABCD-EFGH'),
  troubledFile: 'Passwörter.kdbx',
  bigFolder: '/home/anna/Archiv/Messwerte',
  bigCount: 50_000,
};

const file = process.env.OBHUT_WINDOW_FIXTURE;

export const fixture: Fixture =
  file === undefined ? kMadeUp : (JSON.parse(readFileSync(file, 'utf8')) as Fixture);
