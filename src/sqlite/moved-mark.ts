/**
 * Marks of a data folder: `moved.json`, whose store was moved into a database, and `moving.json`, into which a move has not ended.
 * Files of their own beside the store. No process opens a marked store: what it would answer and count would be of a store
 * that has another place, or of a part of one.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolderOf, writeAtomically } from '../core/atomic-file.js';
import { AppError } from '../core/errors.js';
import type { MoveMark } from '../store/move-contract.js';

export const MOVED_FILE = 'moved.json';
export const MOVING_FILE = 'moving.json';

/** Of a file that a person has changed: it is there, so the store is not used. */
const UNREADABLE: MoveMark = { token: '', host: 'unknown', database: 'unknown', at: 'unknown' };

/** Of a move that has begun in this folder. */
export interface MovingMark {
  /** Id of the store that is moved here, and the fingerprint of its state. */
  readonly source: number;
  readonly fingerprint: string;
  readonly token: string;
  /** ISO 8601. */
  readonly since: string;
}
const UNREADABLE_BEGUN: MovingMark = { source: -1, fingerprint: '', token: '', since: 'unknown' };

const pathOf = (dataDir: string) => join(dataDir, MOVED_FILE);
const beginPath = (dataDir: string) => join(dataDir, MOVING_FILE);

/** Return the text of a mark, or null. Errors: the file system's, but for a missing file. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Return the fields of a mark, or null where they are not those of `like`. */
function fieldsOf<Mark extends object>(text: string, like: Mark): Mark | null {
  try {
    const found = JSON.parse(text) as Partial<Record<string, unknown>>;
    const fields = Object.entries(like).map(([name, value]) => [name, found[name], typeof value] as const);
    if (fields.some(([, value, type]) => typeof value !== type)) return null;
    return Object.fromEntries(fields.map(([name, value]) => [name, value])) as Mark;
  } catch {
    return null;
  }
}

/** Return the mark, or null. Errors: the file system's, but for a missing file. */
export function movedMark(dataDir: string): MoveMark | null {
  const text = textOf(pathOf(dataDir));
  return text === null ? null : (fieldsOf(text, UNREADABLE) ?? UNREADABLE);
}

/** Return the mark of a move into this folder that has not ended, or null. Errors: the file system's, but for a missing file. */
export function movingMark(dataDir: string): MovingMark | null {
  const text = textOf(beginPath(dataDir));
  return text === null ? null : (fieldsOf(text, UNREADABLE_BEGUN) ?? UNREADABLE_BEGUN);
}

/** Write the mark, synced with its folder. Errors STORE_FAILED. */
export const markMoved = (dataDir: string, mark: MoveMark): Promise<void> => write(pathOf(dataDir), mark);

/** The same for the mark of a move that begins. */
export const markMoving = (dataDir: string, mark: MovingMark): Promise<void> => write(beginPath(dataDir), mark);

async function write(path: string, mark: object): Promise<void> {
  try {
    await writeAtomically(path, [Buffer.from(`${JSON.stringify(mark)}\n`)]);
  } catch (error) {
    throw new AppError('STORE_FAILED', { path, why: String(error) }, error);
  }
}

/** The move has ended. */
export function unmarkMoving(dataDir: string): void {
  rmSync(beginPath(dataDir), { force: true });
  syncFolderOf(beginPath(dataDir));
}

export function storeMoved(dataDir: string, { token: _, ...where }: MoveMark): AppError {
  const action =
    'set ZEEF_DATABASE_URL to that database, and run the same zeef migrate again if it says STORE_UNFINISHED; to use this folder again, without all that the database recorded, stop what uses the database and remove the file';
  return new AppError('STORE_MOVED', { ...where, file: pathOf(dataDir), action });
}

/** Errors STORE_MOVED; those of `movedMark`. */
export function requireNotMoved(dataDir: string): void {
  const mark = movedMark(dataDir);
  if (mark !== null) throw storeMoved(dataDir, mark);
}

/** Errors  STORE_MOVED, STORE_UNFINISHED; those of `movedMark`. */
export function requireWhole(dataDir: string): void {
  requireNotMoved(dataDir);
  const moving = movingMark(dataDir);
  if (moving === null) return;
  throw new AppError('STORE_UNFINISHED', {
    since: moving.since,
    file: beginPath(dataDir),
    action: 'run the same zeef migrate again',
  });
}
