/**
 * Writes that must not hold up whoever answers requests. SQLite waits for another writer inside the call, and with it
 * everything else of this process, also an import of this very process, which could then never end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../core/errors.js';
import type { Sqlite } from '../core/sqlite-binding.js';
import { guarded } from './file.js';

/** Between two tries: short beside an import, long beside a commit. */
const PAUSE_MS = 20;
/** As long as a caller may be expected to wait for an answer. */
const PATIENCE_MS = 60_000;

const isBusy = (error: unknown) => String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');

/** Null where another writer is at work. */
function accessNow<T>(db: Sqlite, access: () => T): { readonly result: T } | null {
  return guarded(() => {
    const busyMs = db.pragma('busy_timeout', { simple: true }) as number;
    db.pragma('busy_timeout = 0');
    try {
      return { result: access() };
    } catch (error) {
      if (isBusy(error)) return null;
      throw error;
    } finally {
      db.pragma(`busy_timeout = ${busyMs}`);
    }
  });
}

async function accessPatiently<T>(db: Sqlite, access: () => T, patienceMs: number): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    const done = accessNow(db, access);
    if (done) return done.result;
    if (waitedMs >= patienceMs) throw new AppError('STORE_FAILED', { why: 'somebody else is writing' });
    await delay(PAUSE_MS);
  }
}

/** Null where another writer is at work; `write` runs as one transaction. Errors STORE_FAILED. */
export function tryWrite<T>(db: Sqlite, write: () => T): { readonly result: T } | null {
  return accessNow(db, () => db.transaction(write).immediate());
}

/**
 * Waits for other writers while this process goes on with everything else; `write` runs as one transaction.
 * Errors STORE_FAILED, also where others write for longer than `patienceMs`, a minute unless told.
 */
export function writeWithRetry<T>(db: Sqlite, write: () => T, patienceMs = PATIENCE_MS): Promise<T> {
  const transaction = db.transaction(write);
  return accessPatiently(db, () => transaction.immediate(), patienceMs);
}

/** Begins a transaction that the caller ends, and that holds off all other writers; waits as `writeWithRetry`. */
export async function beginPatiently(db: Sqlite, patienceMs = PATIENCE_MS): Promise<void> {
  await accessPatiently(db, () => db.exec('BEGIN IMMEDIATE'), patienceMs);
}
