/** Notices commits of other connections to a file, of this process and of others, within a tenth of a second. */
import type { Sqlite } from '../core/sqlite-binding.js';

/** A look takes some microseconds: the number is in memory that all processes of the file share. */
const LOOK_MS = 100;

/**
 * Return a number that changes with every commit of another connection; null where it cannot be read now. Commits of `db`
 * itself do not change it. Source: SQLite, `PRAGMA data_version`.
 */
function dataVersion(db: Sqlite): number | null {
  try {
    return db.pragma('data_version', { simple: true }) as number;
  } catch {
    // Who reads the file for its content reports the failure.
    return null;
  }
}

/** Call `listener` after such commits. Result: ends it. */
export function watchCommits(db: Sqlite, listener: () => void): () => void {
  let seen = dataVersion(db);
  const look = () => {
    const version = dataVersion(db);
    if (version === null || version === seen) return;
    seen = version;
    listener();
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
}
