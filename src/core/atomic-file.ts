/** Files that are there whole or not at all, also after a kill or a power loss. */
import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unfinishedName } from './unfinished.js';

/** Only its owner may read it. */
const MODE = 0o600;

/**
 * Write the pieces to a file, or replace it: under a temporary name, synced, then renamed.
 * `partial`: the temporary name, in the same folder.
 * Result  the number of bytes. Errors  those of the pieces and of the file system: an earlier file then stays.
 */
export async function writeAtomically(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  partial = unfinishedName(path),
): Promise<number> {
  let bytes = 0;
  try {
    const file = await open(partial, 'w', MODE);
    try {
      for await (const piece of pieces) {
        await file.writeFile(piece);
        bytes += piece.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    // The error of the write is the one to report.
    await rm(partial, { force: true }).catch(() => {});
    throw error;
  }
  await open(dirname(path), 'r')
    .then((folder) => folder.sync().finally(() => folder.close()))
    .catch(passIfUnsyncable);
  return bytes;
}

/** Give a complete file that another program wrote its final name. Errors: those of the file system. */
export function publishFile(partial: string, path: string): void {
  syncPath(partial, 'r+');
  renameSync(partial, path);
  syncFolderOf(path);
}

/** Not every file system has folders that can be synced, and not every folder can be read; SQLite ignores that too. */
const UNSYNCABLE = new Set(['EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM']);

function passIfUnsyncable(error: unknown): void {
  if (!UNSYNCABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
}

/** Sync the folder of a file: a new name is durable only with it. Errors EIO, and others of a failing disk. */
export function syncFolderOf(path: string): void {
  try {
    syncPath(dirname(path), 'r');
  } catch (error) {
    passIfUnsyncable(error);
  }
}

/** Sync a file or a folder. */
export function syncPath(path: string, flags: 'r' | 'r+'): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
