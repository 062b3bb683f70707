/**
 * The place of blobs of all processes. One with another place would not find the bodies of the jobs of the others; a folder
 * whose mount is missing is another place too.
 */
import { AppError } from '../../core/errors.js';
import { type BlobStore, INDEX_FOLDER } from '../../store/blob-contract.js';
import type { Database } from '../database.js';
import { PostgresBlobs } from './blobs.js';

/** The blob that marks a place. */
const MARK = 'zeef-place';

/**
 * Return the blobs of the store: in `outside`, or in the database. The first process with a place outside marks it by the
 * number of the store, so several that come first at once write the same.
 * Errors  CONFIG_INVALID: the other processes, or another store, use another place. STORE_FAILED.
 */
export async function blobsOf(database: Database, outside: BlobStore | null): Promise<BlobStore> {
  const [{ mark, isMarked, hasOwn } = { mark: '', isMarked: false, hasOwn: false }] = await database.read<Facts>(FACTS);
  if (outside === null) {
    if (isMarked) throw otherPlace('it is not set');
    return new PostgresBlobs(database);
  }
  if (!isMarked) {
    if (hasOwn) throw otherPlace('bodies of import jobs are in the database; set it when the jobs have ended');
    const found = await textOf(outside);
    if (found !== null && found !== mark) throw otherPlace('another store uses it');
    if (found === null) await outside.put(MARK, onePiece(mark));
    await database.statement('INSERT INTO blob_place (id, mark) VALUES (1, $1) ON CONFLICT DO NOTHING', [mark]);
    // Nothing reads them from now on.
    const own = new PostgresBlobs(database);
    for await (const { name } of own.list(INDEX_FOLDER)) await own.remove(name);
  }
  if ((await textOf(outside)) !== mark) throw otherPlace('it is that of another store, or its mount is missing');
  return outside;
}

interface Facts {
  readonly mark: string;
  readonly isMarked: boolean;
  readonly hasOwn: boolean;
}

const FACTS = `SELECT store_id::text AS mark, EXISTS (SELECT 1 FROM blob_place) AS "isMarked",
  EXISTS (SELECT 1 FROM blob WHERE NOT starts_with(name, '${INDEX_FOLDER}')) AS "hasOwn" FROM store`;

const otherPlace = (why: string) =>
  new AppError('CONFIG_INVALID', {
    problems: `ZEEF_BLOBS is not the place of the other processes of this store: ${why}`,
  });

async function* onePiece(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Return the text of the mark; null if there is none. */
async function textOf(outside: BlobStore): Promise<string | null> {
  try {
    const pieces: Buffer[] = [];
    for await (const piece of await outside.get(MARK)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}
