/**
 * Writes that must not hold up whoever answers requests. SQLite waits for another writer inside the call, and with it
 * everything else of this process, also an import of this very process, which could then never end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../core/errors.js';
import { BUSY_MS, guarded, type Sqlite } from './database.js';

/** Between two tries: short beside an import, long beside a commit. */
const PAUSE_MS = 20;

const isBusy = (error: unknown) => String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');

/** Null where another writer is at work; `write` runs as one transaction. Errors STORE_FAILED. */
export function writeNow<T>(db: Sqlite, write: () => T): { readonly result: T } | null {
  return guarded(() => {
    db.pragma('busy_timeout = 0');
    try {
      return { result: db.transaction(write).immediate() };
    } catch (error) {
      if (isBusy(error)) return null;
      throw error;
    } finally {
      db.pragma(`busy_timeout = ${BUSY_MS}`);
    }
  });
}

/** Waits for other writers while this process goes on with everything else. Errors STORE_FAILED, after a minute too. */
export async function writePatiently<T>(db: Sqlite, write: () => T): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    const done = writeNow(db, write);
    if (done) return done.result;
    if (waitedMs >= BUSY_MS) throw new AppError('STORE_FAILED', { why: 'another process is writing' });
    await delay(PAUSE_MS);
  }
}
