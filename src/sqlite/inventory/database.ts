/** The file of an inventory: its schema, the sums of its rows, and how it is opened and verified. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import { Database, type Sqlite } from '../../core/sqlite-binding.js';
import { guarded, requireSchema } from '../file.js';
import { addSum, createTotals, problemsIn, registerSums, type SummedTable } from '../sums.js';
import { INVENTORY_FILE } from './file-name.js';

/** Version of the schema and of the facts in its rows. Version 1, from before the first release, is not supported. */
const SCHEMA_VERSION = 5;
/** Versions that are brought up to date: rows of 2 get the sums of what they are, rows of 2 and 3 have no ctime, and those of 4 no windows. */
const SCHEMAS_MIGRATED: readonly number[] = [2, 3, 4];
/** `schemaOf` an inventory. */
const SCHEMA_DIGEST = 'd912d871b11b7aaa';
const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT;
  CREATE TABLE folder (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, is_archive INTEGER NOT NULL, visit INTEGER,
    done INTEGER NOT NULL DEFAULT 0, symlinks INTEGER NOT NULL DEFAULT 0, special INTEGER NOT NULL DEFAULT 0,
    excluded INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX folder_visit ON folder (visit);
  CREATE TABLE todo (folder INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE file (spot INTEGER PRIMARY KEY, name BLOB NOT NULL, facts BLOB NOT NULL) STRICT;
  CREATE TABLE hand (
    spot INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL, alone INTEGER NOT NULL
  ) STRICT;`;

const table = (name: string, label: string, columns: string): SummedTable => ({
  name,
  label,
  columns: columns.split(' '),
});
export const META = table('meta', 'name', 'name value');
export const FOLDER = table('folder', 'id', 'id path is_archive visit done symlinks special excluded');
export const PENDING = table('todo', 'folder', 'folder');
export const HAND = table('hand', 'spot', 'spot folder name alone');
/** Its sums are computed here: a scan writes millions of rows. One total for each visit to a folder. */
export const FILE: SummedTable = { ...table('file', 'spot', 'spot name facts'), part: 'row.spot / 16777216' };
export const INVENTORY_TABLES: readonly SummedTable[] = [META, FOLDER, PENDING, HAND, FILE];

/** Give the tables of schema 2 their sums. */
function addSums(db: Sqlite): void {
  createTotals(db);
  for (const { name } of [META, FOLDER, PENDING, HAND]) addSum(db, name);
  addSum(db, FILE.name, { isGiven: true, part: FILE.part });
}

/** The key of an inode is no part of a row's sum: it only finds rows, whose facts are then compared. */
function addInodeKeys(db: Sqlite): void {
  db.exec(`ALTER TABLE file ADD COLUMN inode_key INTEGER;
    CREATE INDEX file_inode_key ON file (inode_key) WHERE inode_key IS NOT NULL;`);
}

/** A second process in the same inventory fails after this time. */
const BUSY_MS = 2_000;
/** SQLite's page cache: bounded for any size of the inventory. */
const CACHE_KIB = 4_096;

/**
 * Open the file; without a folder, an unnamed one, which ends with the process.
 * Errors  DATA_VERSION, STORE_DAMAGED, STORE_FAILED.
 */
export function openInventoryDatabase(dir: string | null): Sqlite {
  return guarded(() => {
    if (dir !== null) makeFolder(dir);
    // SQLite unlinks an unnamed database as soon as it has opened it.
    const db = new Database(dir === null ? '' : join(dir, INVENTORY_FILE), { timeout: BUSY_MS });
    try {
      // One process at a time: two would each report half of the files. The lock ends with the process, even if it is killed.
      db.pragma('locking_mode = EXCLUSIVE');
      // An unnamed database has no write-ahead log.
      db.pragma(`journal_mode = ${dir === null ? 'MEMORY' : 'WAL'}`);
      // A killed process loses nothing; a power loss costs the last second, which is then scanned again.
      db.pragma('synchronous = NORMAL');
      db.pragma(`cache_size = -${CACHE_KIB}`);
      registerSums(db);
      db.transaction(() => {
        const version = db.pragma('user_version', { simple: true }) as number;
        if (version === SCHEMA_VERSION) return;
        if (version > 0 && !SCHEMAS_MIGRATED.includes(version)) {
          const action =
            version > SCHEMA_VERSION
              ? 'use the Zeef version that wrote it, or a newer one'
              : 'scan into an empty folder';
          throw new AppError('DATA_VERSION', { file: INVENTORY_FILE, schema: version, reads: SCHEMA_VERSION, action });
        }
        if (version === 0) db.exec(SCHEMA);
        if (version < 3) addSums(db);
        if (version < 4) addInodeKeys(db);
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      }).immediate();
      requireSchema(db, { name: INVENTORY_FILE, schema: SCHEMA_DIGEST });
    } catch (error) {
      db.close();
      if ((error as { code?: string }).code === 'SQLITE_BUSY')
        throw new AppError('STORE_FAILED', { why: `another process uses the inventory in ${dir}` }, error);
      throw error;
    }
    return db;
  });
}

/** Return what is damaged in an inventory, one line each. Errors FILE_UNREADABLE, DATA_VERSION, STORE_FAILED. */
export function verifySqliteInventory(dir: string): string[] {
  if (!existsSync(join(dir, INVENTORY_FILE))) throw new AppError('FILE_UNREADABLE', { path: dir, why: 'no inventory' });
  const db = openInventoryDatabase(dir);
  try {
    return guarded(() => problemsIn(db, INVENTORY_FILE, INVENTORY_TABLES));
  } finally {
    db.close();
  }
}
