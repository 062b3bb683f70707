/** Deletes the rows of removed lists in a thread: the statement holds its thread until the last of them. */
import { writeWithRetry } from '../busy.js';
import { onOwnConnection } from './own-connection.js';
import { sweep } from './remove-list.js';

/** Page cache: rows lie in the indexes at random. */
const CACHE_KIB = 131_072;

/** Errors STORE_FAILED. */
export default function sweepFolder({ dataDir }: { readonly dataDir: string }): Promise<void> {
  return onOwnConnection(dataDir, async (db) => {
    db.pragma(`cache_size = -${CACHE_KIB}`);
    await writeWithRetry(db, () => sweep(db));
  });
}
