/**
 * The place of blobs of all processes. One with another place would not find the bodies of the jobs of the others; a folder
 * whose mount is missing is another place too.
 */
import { randomUUID } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import type { BlobStore } from '../../store/blob-contract.js';
import type { Database } from '../database.js';
import { PostgresBlobs } from './blobs.js';

/** The blob that marks a place. */
const MARK = 'zeef-place';

/**
 * Return the blobs of the store: in `outside`, or in the database. The first process with a place outside marks it.
 * Errors  CONFIG_INVALID: the other processes use another place. STORE_FAILED.
 */
export async function blobsOf(database: Database, outside: BlobStore | null): Promise<BlobStore> {
  const marked = await markOf(database);
  if (outside === null) {
    if (marked !== null) throw otherPlace('it is not set');
    return new PostgresBlobs(database);
  }
  const mark = marked ?? (await markPlace(database, outside));
  if ((await textOf(outside)) !== mark) throw otherPlace('it names another place, or its mount is missing');
  return outside;
}

const otherPlace = (why: string) =>
  new AppError('CONFIG_INVALID', {
    problems: `ZEEF_BLOBS is not the place of the other processes of this store: ${why}`,
  });

async function markOf(database: Database): Promise<string | null> {
  const [row] = await database.read<{ mark: string }>('SELECT mark FROM blob_place');
  return row?.mark ?? null;
}

/** Result: the mark of the first process that marks its place. */
async function markPlace(database: Database, outside: BlobStore): Promise<string> {
  // A place that a store has left is used again by its own mark, whatever store it is now.
  const mark = (await textOf(outside)) ?? randomUUID();
  await outside.put(MARK, onePiece(mark));
  const [row] = await database.statement<{ mark: string }>(
    `INSERT INTO blob_place (id, mark) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET mark = blob_place.mark RETURNING mark`,
    [mark],
  );
  return row!.mark;
}

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
