/** Opens one of Zeef's SQLite files: durable settings, its schema brought up to date, SQLite's errors made ours. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import { Database, type Sqlite } from '../../core/sqlite-binding.js';

/** Runs in the transaction that brings the schema up to date. */
export type Migration = string | ((db: Sqlite, dataDir: string) => void);

export interface SqliteFile {
  readonly name: string;
  /** How long a call of SQLite itself waits for another writer. */
  readonly busyMs: number;
  /** Each brings the schema from its position to the next; never edited once released. */
  readonly migrations: readonly Migration[];
  /** What a file of a newer version of Zeef is refused with. */
  readonly refusal: 'STORE_FAILED' | 'LEDGER_INVALID';
}

const SYNCHRONOUS_FULL = 2;

/**
 * A connection of its own to a file in `dataDir`, made where it is missing, and for its owner alone.
 * Errors  the file's `refusal`: of a newer version; SQLite's own.
 */
export function openSqliteFile(dataDir: string, file: SqliteFile): Sqlite {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, file.name);
  const db = new Database(path, { timeout: file.busyMs });
  try {
    chmodSync(path, 0o600);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    // NORMAL may lose the last commits at power loss; a build that ignores FULL must not go unnoticed.
    if (db.pragma('synchronous', { simple: true }) !== SYNCHRONOUS_FULL)
      throw new Error('synchronous=FULL was not taken');
    migrate(db, dataDir, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Sqlite, dataDir: string, { name, migrations, refusal }: SqliteFile): void {
  const versionOf = () => db.pragma('user_version', { simple: true }) as number;
  if (versionOf() > migrations.length)
    throw new AppError(refusal, { why: `${name} is of a newer version (${versionOf()})` });
  if (versionOf() === migrations.length) return;
  db.transaction(() => {
    // Asked again with the lock in hand: another process may have been first.
    for (const step of migrations.slice(versionOf())) {
      if (typeof step === 'string') db.exec(step);
      else step(db, dataDir);
    }
    db.pragma(`user_version = ${migrations.length}`);
  }).immediate();
}

/** Runs one access to SQLite. Errors: an AppError passes, all else becomes STORE_FAILED. */
export function guarded<T>(access: () => T): T {
  try {
    return access();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('STORE_FAILED', { why: error instanceof Error ? error.message : String(error) }, error);
  }
}
