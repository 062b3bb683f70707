/**
 * Writes that must not block the event loop. SQLite waits for another writer inside the call, and blocks everything else
 * in this process, even the import that holds the lock, which could then never end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../core/errors.js';
import type { Sqlite } from '../core/sqlite-binding.js';
import { guarded, isBusy } from './file.js';

/** Between two tries: short compared with an import, long compared with a commit. */
const PAUSE_MS = 20;
/** Longest wait of a caller for its response. */
const PATIENCE_MS = 60_000;

/** Return null if another writer holds the lock. */
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

async function accessWithRetry<T>(db: Sqlite, access: () => T, patienceMs: number): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    const done = accessNow(db, access);
    if (done) return done.result;
    if (waitedMs >= patienceMs)
      throw new AppError('STORE_FAILED', { why: `timed out waiting for another writer (${patienceMs} ms)` });
    await delay(PAUSE_MS);
  }
}

/** Run `write` as one transaction; return null if another writer holds the lock. Errors STORE_FAILED. */
export function tryWrite<T>(db: Sqlite, write: () => T): { readonly result: T } | null {
  return accessNow(db, () => db.transaction(write).immediate());
}

/**
 * Run `write` as one transaction; wait for other writers without blocking this process.
 * Errors STORE_FAILED, also after waiting for `patienceMs`, a minute by default.
 */
export function writeWithRetry<T>(db: Sqlite, write: () => T, patienceMs = PATIENCE_MS): Promise<T> {
  const transaction = db.transaction(write);
  return accessWithRetry(db, () => transaction.immediate(), patienceMs);
}

/** Begin an exclusive write transaction, which the caller ends; wait as `writeWithRetry`. */
export async function beginPatiently(db: Sqlite, patienceMs = PATIENCE_MS): Promise<void> {
  await accessWithRetry(db, () => db.exec('BEGIN IMMEDIATE'), patienceMs);
}
