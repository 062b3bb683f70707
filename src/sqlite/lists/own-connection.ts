/** Transactions that await: on a connection of their own, since others of this process read and write meanwhile. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { guarded } from '../file.js';
import { openListsDatabase } from './database.js';

/**
 * Run `work`, which begins and ends its transaction; an error rolls it back.
 * Errors  those of `work`, where they have a code; SQLite's become STORE_FAILED.
 */
export async function onOwnConnection<T>(dataDir: string, work: (db: Sqlite) => Promise<T>): Promise<T> {
  const db = openListsDatabase(dataDir);
  try {
    return await work(db);
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    return guarded(() => {
      throw error;
    });
  } finally {
    db.close();
  }
}
