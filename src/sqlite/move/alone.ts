/** Opens files of the embedded store for this process alone: those of a source, which are not changed, and those of a target. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import { Database, type Sqlite } from '../../core/sqlite-binding.js';
import { guarded, isBusy, openSqliteFile, requireSchema, type SqliteFile } from '../file.js';
import { registerSums } from '../sums.js';

/** A process that ends closes its files within this time. */
const WAIT_MS = 2_000;

const inUse = (file: string, cause: unknown) =>
  new AppError('STORE_IN_USE', { file, action: 'stop all processes of Zeef on this data folder' }, cause);

/**
 * Open a file for this process alone, inside a transaction: no other connection reads or writes it until it is closed. For a
 * file that is missing, open an empty one in memory.
 * Errors  STORE_IN_USE: another connection has it. DATA_VERSION: of another version. STORE_DAMAGED, STORE_FAILED.
 */
export function openAlone(dataDir: string, file: SqliteFile): Sqlite {
  return guarded(() => {
    const path = join(dataDir, file.name);
    const options = { timeout: WAIT_MS, fileMustExist: true };
    const db = existsSync(path) ? new Database(path, options) : new Database(emptyFile(file));
    try {
      // With a write-ahead log every connection holds a lock of the file for as long as it is open.
      db.pragma('locking_mode = EXCLUSIVE');
      registerSums(db);
      db.exec('BEGIN IMMEDIATE');
      requireNewest(db, file);
      requireSchema(db, file);
      return db;
    } catch (error) {
      db.close();
      throw isBusy(error) ? inUse(file.name, error) : error;
    }
  });
}

/**
 * Open a file of a folder into which a store is moved, and make it if it is missing: no other connection reads or writes it until
 * it is closed. Errors  STORE_IN_USE: another connection has it. DATA_VERSION, STORE_FAILED.
 */
export function openTarget(dataDir: string, file: SqliteFile): Sqlite {
  return guarded(() => {
    let db: Sqlite | null = null;
    try {
      const path = join(dataDir, file.name);
      // Not in place: the migrations of one file open another one, as all processes do.
      if (!existsSync(path)) writeFileSync(path, emptyFile(file), { mode: 0o600, flag: 'wx' });
      db = openSqliteFile(dataDir, { ...file, busyMs: WAIT_MS }, { isMoving: true });
      db.pragma('locking_mode = EXCLUSIVE');
      // The lock is taken by the next transaction, and kept.
      db.exec('BEGIN IMMEDIATE; COMMIT');
      return db;
    } catch (error) {
      db?.close();
      throw isBusy(error) ? inUse(file.name, error) : error;
    }
  });
}

function emptyFile(file: SqliteFile): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'zeef-move-'));
  try {
    const db = openSqliteFile(dir, file);
    // A file in memory has no log beside it.
    db.pragma('journal_mode = DELETE');
    const bytes = db.serialize();
    db.close();
    return bytes;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** An earlier version is not brought up to date here: the source of a move stays as it is. */
function requireNewest(db: Sqlite, { name, migrations }: SqliteFile): void {
  const found = db.pragma('user_version', { simple: true }) as number;
  if (found === migrations.length) return;
  const action = 'open it once by this version: zeef lists show, zeef ledger show';
  throw new AppError('DATA_VERSION', { file: name, schema: found, moves: migrations.length, action });
}
