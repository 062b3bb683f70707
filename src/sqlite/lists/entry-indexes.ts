/** The indexes over all entries. Sorted once, an index of many rows is made several times as fast as row by row. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { VALUE_NAME_BYTES } from '../../vault/vault.js';

/** The index by which an entry is found; values that are not sealed have no names. */
export const IDENTITY_INDEX = `CREATE UNIQUE INDEX entry_identity
  ON entry (list_id, algorithm, substr(value, 1, ${VALUE_NAME_BYTES}), entry_id)`;

/**
 * Page cache while they are made: SQLite sorts as many rows at once as it holds. That many stay in the processor's cache, which
 * takes two thirds of the time that sixteen megabytes take.
 */
const SORT_CACHE_KIB = 2_048;
/** Threads of SQLite that sort while the next rows are read: on two processors a third less time. */
const SORT_THREADS = 2;

/** In the transaction that makes them again. */
export function dropEntryIndexes(db: Sqlite): void {
  db.exec('DROP INDEX IF EXISTS entry_identity; DROP INDEX IF EXISTS entry_of_list;');
}

export function makeEntryIndexes(db: Sqlite): void {
  db.pragma(`cache_size = -${SORT_CACHE_KIB}`);
  db.pragma(`threads = ${SORT_THREADS}`);
  db.exec(`${IDENTITY_INDEX}; CREATE INDEX entry_of_list ON entry (list_id, entry_id);`);
  db.pragma('threads = 0');
}
