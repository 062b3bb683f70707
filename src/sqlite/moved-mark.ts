/**
 * The mark of a data folder whose store was moved into a database: a file of its own beside the store, which stays as it was. No
 * process opens a marked store: what it would answer and count would be of a store that has another place.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.js';
import { AppError } from '../core/errors.js';
import type { MoveMark } from '../store/move-contract.js';

export const MOVED_FILE = 'moved.json';

/** Of a file that a person has changed: it is there, so the store is not used. */
const UNREADABLE: MoveMark = { token: '', host: 'unknown', database: 'unknown', at: 'unknown' };

const pathOf = (dataDir: string) => join(dataDir, MOVED_FILE);

/** Return the mark, or null. Errors: the file system's, but for a missing file. */
export function movedMark(dataDir: string): MoveMark | null {
  let text: string;
  try {
    text = readFileSync(pathOf(dataDir), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
  try {
    const { token, host, database, at } = JSON.parse(text) as Partial<MoveMark>;
    if ([token, host, database, at].some((part) => typeof part !== 'string')) return UNREADABLE;
    return { token, host, database, at } as MoveMark;
  } catch {
    return UNREADABLE;
  }
}

/** Write the mark, synced with its folder. Errors STORE_FAILED. */
export async function markMoved(dataDir: string, mark: MoveMark): Promise<void> {
  try {
    await writeAtomically(pathOf(dataDir), [Buffer.from(`${JSON.stringify(mark)}\n`)]);
  } catch (error) {
    throw new AppError('STORE_FAILED', { path: pathOf(dataDir), why: String(error) }, error);
  }
}

export function storeMoved(dataDir: string, { host, database, at }: MoveMark): AppError {
  const action =
    'set ZEEF_DATABASE_URL to that database, and run the same zeef migrate again if it says STORE_UNFINISHED; to use this folder again, without all that the database recorded, stop what uses the database and remove the file';
  return new AppError('STORE_MOVED', { host, database, at, file: pathOf(dataDir), action });
}

/** Errors STORE_MOVED; those of `movedMark`. */
export function requireNotMoved(dataDir: string): void {
  const mark = movedMark(dataDir);
  if (mark !== null) throw storeMoved(dataDir, mark);
}
