/** Opens one of Zeef's SQLite files: durable settings, schema migration, translation of SQLite's errors. */
import { hash } from 'node:crypto';
import { chmodSync, closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { publishFile } from '../core/atomic-file.js';
import { AppError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { Database, type Sqlite } from '../core/sqlite-binding.js';
import { unfinishedName } from '../core/unfinished.js';
import { requireNotMoved, requireWhole } from './moved-mark.js';
import { DAMAGED_ROW, registerSums } from './sums.js';

/** Runs in the migration's transaction. */
export type Migration = string | ((db: Sqlite, dataDir: string) => void);

export interface SqliteFile {
  readonly name: string;
  /** Longest wait within an SQLite call for another writer. */
  readonly busyMs: number;
  /** Each migrates the schema from its position to the next; never edited once released. */
  readonly migrations: readonly Migration[];
  /** `shapeOf` a fully migrated file; checked by a test. */
  readonly shape: string;
  /** `schemaOf` a fully migrated file, checked whenever it is opened; without it, it is not checked. */
  readonly schema?: string;
  /** Whether the rows of a file from before 0.2.0 have the current meaning; true by default. */
  readonly isReadable?: (db: Sqlite) => boolean;
}

const SYNCHRONOUS_FULL = 2;
/** "ZEEF": the file was created, or checked and adopted, by version 0.2.0 or newer. */
const APPLICATION_ID = 0x5a454546;

/**
 * Open a connection to a file in `dataDir`; a missing file is created, readable by its owner only.
 * `isMoving`: also of a folder into which a move has not ended.
 * Errors  DATA_VERSION: written by a newer version, or by an unsupported build. STORE_MOVED, STORE_UNFINISHED; SQLite's own.
 */
export function openSqliteFile(dataDir: string, file: SqliteFile, { isMoving = false } = {}): Sqlite {
  const requireUsable = isMoving ? requireNotMoved : requireWhole;
  // Before the file is touched: the store of a move stays as it is.
  requireUsable(dataDir);
  makeFolder(dataDir);
  const path = join(dataDir, file.name);
  const db = new Database(path, { timeout: file.busyMs });
  try {
    chmodSync(path, 0o600);
    switchToWal(db, file.busyMs);
    requireWritable(db, file.busyMs);
    db.pragma('synchronous = FULL');
    // NORMAL may lose the last commits at power loss; a build that ignores FULL must not go unnoticed.
    if (db.pragma('synchronous', { simple: true }) !== SYNCHRONOUS_FULL)
      throw new Error('synchronous=FULL was not applied');
    registerSums(db);
    bringUpToDate(db, dataDir, file);
    requireSchema(db, file);
    // Again, now that the file was read: a move that ended meanwhile kept it locked until it had written its mark.
    requireUsable(dataDir);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Return whether another connection holds the lock, whatever it does with it. */
export const isBusy = (error: unknown) => String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');

/** Between two tries to switch a new file to its write-ahead log. */
const SWITCH_PAUSE_MS = 5;

/**
 * Two connections that open a new file at once both hold its read lock, so SQLite refuses the switch of one of them at
 * once, without waiting `busy_timeout`: it could wait for the other for ever.
 */
function switchToWal(db: Sqlite, patienceMs: number): void {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      db.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > endMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SWITCH_PAUSE_MS);
    }
  }
}

/**
 * Refuse a connection that SQLite opened for reading only, as it does silently on a disk that is read-only at the moment:
 * its shared memory would be read-only for every later connection of this process too, also once the disk is writable.
 */
function requireWritable(db: Sqlite, busyMs: number): void {
  db.pragma('busy_timeout = 0');
  try {
    // On a read-only connection the first begins a read, and the second fails.
    db.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${versionOf(db)}`);
  } catch (error) {
    // Another connection writes: this is no read-only one, which is refused before it waits.
    if (!isBusy(error)) throw error;
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
    db.pragma(`busy_timeout = ${busyMs}`);
  }
}

const versionOf = (db: Sqlite) => db.pragma('user_version', { simple: true }) as number;
const isStamped = (db: Sqlite) => db.pragma('application_id', { simple: true }) === APPLICATION_ID;

/** Errors DATA_VERSION. */
function bringUpToDate(db: Sqlite, dataDir: string, file: SqliteFile): void {
  const { name, migrations, shape, isReadable = () => true } = file;
  const newest = migrations.length;
  const found = versionOf(db);
  if (found > newest) {
    const action = 'use the Zeef version that wrote it, or a newer one';
    throw new AppError('DATA_VERSION', { file: name, schema: found, reads: `up to ${newest}`, action });
  }
  if (found === newest && isStamped(db)) return;
  const copy = found > 0 && found < newest ? copyBefore(db, dataDir, file, found) : null;
  try {
    db.transaction(() => {
      // Read again under the lock: another process may have migrated it.
      for (const step of migrations.slice(versionOf(db))) {
        if (typeof step === 'string') db.exec(step);
        else step(db, dataDir);
      }
      if (shapeOf(db) !== shape || (found > 0 && !isStamped(db) && !isReadable(db))) throw unreadable(name, found);
      db.pragma(`user_version = ${newest}`);
      db.pragma(`application_id = ${APPLICATION_ID}`);
    }).immediate();
  } catch (error) {
    // Builds before 0.1.0 used the same numbers for other schemas: statements then find unexpected tables.
    const isForeign = !isStamped(db) && (error as { code?: string }).code === 'SQLITE_ERROR';
    const refusal = isForeign ? unreadable(name, found, error) : error;
    if (copy !== null && refusal instanceof AppError && refusal.code === 'DATA_VERSION') rmSync(copy, { force: true });
    throw refusal;
  }
}

function unreadable(file: string, schema: number, cause?: unknown): AppError {
  const action = 'written by a build before 0.1.0: start with an empty data folder and import the lists again';
  return new AppError('DATA_VERSION', { file, schema, action }, cause);
}

/** Path of the copy of `file` from before its migration from schema `version`. */
export const copyName = (file: string, version: number) => `${file}.schema-${version}`;

/**
 * Copy the file before its migration, synced, for a downgrade (`RELEASING.md`). A copy of the same schema, from an earlier,
 * reverted update, is replaced.
 *
 * Result  the path of the copy.
 * Errors  SQLite's own, and the file system's: without a copy there is no migration.
 */
function copyBefore(db: Sqlite, dataDir: string, { name }: SqliteFile, version: number): string {
  const path = join(dataDir, copyName(name, version));
  const partial = unfinishedName(path);
  // Created empty first, so that no other user can read it meanwhile.
  closeSync(openSync(partial, 'wx', 0o600));
  try {
    db.prepare('VACUUM INTO ?').run(partial);
    // If another process has migrated meanwhile, this copy has the new schema, and that process made the right one.
    if (userVersionOf(partial) === version) publishFile(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
  return path;
}

/** Bytes 60 to 63 of a database's header, big-endian (SQLite file format, 1.3). */
function userVersionOf(path: string): number {
  const header = Buffer.alloc(64);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  return header.readUInt32BE(60);
}

/** Return a digest of all tables and their columns, without indexes, which sealing changes. Result: 16 hex digits. */
export function shapeOf(db: Sqlite): string {
  const columns = db
    .prepare(
      `SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) c
       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, 2`,
    )
    .raw()
    .all();
  return hash('sha256', JSON.stringify(columns), 'hex').slice(0, 16);
}

/** Indexes that are made and dropped while a store is in use; `integrity_check` covers them. */
const LOOSE_INDEXES = 'entry_*';

/** Return a digest of the statements that made the tables, triggers and indexes. Result: 16 hex digits. */
export function schemaOf(db: Sqlite): string {
  const statements = db
    .prepare(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND NOT (type = 'index' AND name GLOB ?) ORDER BY 1, 2`,
    )
    .raw()
    .all(LOOSE_INDEXES);
  return hash('sha256', JSON.stringify(statements), 'hex').slice(0, 16);
}

/** A flipped bit in a statement of the schema can change a default value or a trigger. Errors STORE_DAMAGED. */
export function requireSchema(db: Sqlite, { name, schema }: Pick<SqliteFile, 'name' | 'schema'>): void {
  if (schema !== undefined && schemaOf(db) !== schema)
    throw new AppError('STORE_DAMAGED', { file: name, row: 'schema' });
}

/** Run one access to SQLite. Errors: an AppError passes, all else becomes STORE_FAILED. */
export function guarded<T>(access: () => T): T {
  try {
    return access();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError(why.startsWith(DAMAGED_ROW) ? 'STORE_DAMAGED' : 'STORE_FAILED', { why }, error);
  }
}
