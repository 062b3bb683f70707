/** Reads every row of a data folder again, and compares it with what was written. Repairs nothing. */
import { AppError } from '../core/errors.js';
import type { Sqlite } from '../core/sqlite-binding.js';
import type { ListRow } from '../store/lists/list-row.js';
import { guarded } from './file.js';
import { checksumOf } from './lists/checksum.js';
import { LIST_TABLES, openListsDatabase } from './lists/database.js';
import { LISTS_FILE } from './lists/file-name.js';
import { requireWhole } from './moved-mark.js';
import { openServiceDatabase, SERVICE_FILE, SERVICE_TABLES } from './service/database.js';
import { problemsIn } from './sums.js';

/**
 * Return what is damaged in the files of the lists and of the service, one line each. Empty: nothing.
 * Errors  STORE_MOVED, STORE_UNFINISHED: "ok" would be of a store that is not in use.
 */
export function verifyDataFolder(dataDir: string): string[] {
  guarded(() => requireWhole(dataDir));
  return [
    ...problemsOf(LISTS_FILE, () => openListsDatabase(dataDir), problemsInLists),
    ...problemsOf(
      SERVICE_FILE,
      () => openServiceDatabase(dataDir),
      (db) => problemsIn(db, SERVICE_FILE, SERVICE_TABLES),
    ),
  ];
}

/** The same for files that are open. */
export const problemsOfFiles = (lists: Sqlite, service: Sqlite): string[] => [
  ...problemsInLists(lists),
  ...problemsIn(service, SERVICE_FILE, SERVICE_TABLES),
];

const problemsInLists = (db: Sqlite) => [...problemsIn(db, LISTS_FILE, LIST_TABLES), ...otherLists(db)];

/** A file that cannot be opened or read is a problem too. */
function problemsOf(file: string, open: () => Sqlite, find: (db: Sqlite) => string[]): string[] {
  try {
    const db = open();
    try {
      return guarded(() => find(db));
    } finally {
      db.close();
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [`${file}: ${error.message}`];
  }
}

/** Lists whose entries are not those of their last import. */
function otherLists(db: Sqlite): string[] {
  return db
    .prepare<[], ListRow>('SELECT * FROM list NOT INDEXED')
    .all()
    .filter(({ id, version, checksum }) => version > 0 && checksumOf(db, id) !== checksum)
    .map(({ name }) => `${LISTS_FILE}: the list ${JSON.stringify(name)} is not as imported: import it again`);
}
