/** Reads a file for the decoder: opened without waiting, and only if it is what it was when it was found. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../core/errors.js';
import { faultOf, identityOfStatus, isSameFile } from '../core/file-identity.js';
import { systemPath } from '../core/path-bytes.js';
import type { FileTarget } from './file-source.js';

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;

/** A slow disk returns from reading this much in time; large files are few. */
const PIECE_BYTES = 4_194_304;

function tried<T>(call: () => T): T | null {
  try {
    return call();
  } catch {
    return null;
  }
}

/**
 * Read a file whole.
 * Errors  FILE_CHANGED: another file, or one that was written since; IMAGE_TOO_LARGE, before a byte is read;
 *         FILE_STALLED: no answer in `stallMs`; FILE_VANISHED, FILE_NOT_REGULAR, FILE_UNREADABLE.
 */
export async function readTarget(target: FileTarget, bytesMax: number): Promise<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    // A read that returned while this thread was busy or stopped is taken first.
    timer = setTimeout(() => setImmediate(() => reject(new AppError('FILE_STALLED'))), target.stallMs);
  });
  try {
    return await Promise.race([readWhole(target, bytesMax, () => timer?.refresh()), stalled]);
  } finally {
    clearTimeout(timer);
  }
}

/** `step`: called whenever the system has answered. */
async function readWhole(
  { path, identity, followsLinks }: FileTarget,
  bytesMax: number,
  step: () => void,
): Promise<Uint8Array> {
  let file: FileHandle | null = null;
  try {
    // O_NONBLOCK: no wait for a writer if it has become a pipe. O_NOFOLLOW: it may have become a link.
    file = await open(systemPath(path), O_RDONLY | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW));
    const status = await file.stat({ bigint: true });
    const before = identityOfStatus(status);
    if (identity !== null && !isSameFile(identity, before)) throw new AppError('FILE_CHANGED');
    if (!status.isFile()) throw new AppError('FILE_NOT_REGULAR');
    const { size } = before;
    if (size > bytesMax) throw new AppError('IMAGE_TOO_LARGE', { bytes: size, bytesMax });
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, Math.min(PIECE_BYTES, size - at), at);
      step();
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    // Also a file that ends before its size: a disk that lies, or one that was cut just now.
    if (at < size || !isSameFile(before, identityOfStatus(await file.stat({ bigint: true }))))
      throw new AppError('FILE_CHANGED');
    return bytes;
  } catch (error) {
    if (error instanceof AppError) throw error;
    // A limit of this process is no other answer here: it is one of many that read.
    const fault = tried(() => faultOf(error)) ?? 'FILE_UNREADABLE';
    throw new AppError(fault, { why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  } finally {
    // A file whose read never returns is never closed either: nothing waits for it.
    void file?.close().catch(() => {});
  }
}
