/** Reads a file for the decoder: opened without waiting, and only if it is what it was when it was found. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../core/errors.js';
import { type FileIdentity, faultOf, identityOfStatus, isSameFile } from '../core/file-identity.js';
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

// O_NONBLOCK: no wait for a writer if it has become a pipe. O_NOFOLLOW: it may have become a link.
const flagsOf = ({ followsLinks }: FileTarget) => O_RDONLY | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW);

/** Return what a file is, before it is read. Errors: FILE_CHANGED, FILE_NOT_REGULAR, IMAGE_TOO_LARGE. */
function identityBefore(status: BigIntStats, { identity }: FileTarget, bytesMax: number): FileIdentity {
  const before = identityOfStatus(status);
  if (identity !== null && !isSameFile(identity, before)) throw new AppError('FILE_CHANGED');
  if (!status.isFile()) throw new AppError('FILE_NOT_REGULAR');
  if (before.size > bytesMax) throw new AppError('IMAGE_TOO_LARGE', { bytes: before.size, bytesMax });
  return before;
}

/** Errors: FILE_CHANGED, also of a file that ends before its size: a disk that lies, or one that was cut just now. */
function requireUnchanged(before: FileIdentity, read: number, status: BigIntStats): void {
  if (read < before.size || !isSameFile(before, identityOfStatus(status))) throw new AppError('FILE_CHANGED');
}

/** Return the error of a read as that of its file. */
function failureOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  // A limit of this process is no other answer here: it is one of many that read.
  const fault = tried(() => faultOf(error)) ?? 'FILE_UNREADABLE';
  return new AppError(fault, { why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
}

/**
 * Read a file whole, in this thread: a tenth of the work of `readTarget`, and nothing else happens meanwhile.
 * `take`: returns the memory for the bytes. `step`: called whenever the system has answered.
 * Errors  as `readTarget`, but for FILE_STALLED: it waits as long as the system does.
 */
export function readTargetNow(
  target: FileTarget,
  bytesMax: number,
  { take, step }: { readonly take: (bytes: number) => Uint8Array; readonly step: () => void },
): Uint8Array {
  let file: number | null = null;
  try {
    file = openSync(systemPath(target.path), flagsOf(target));
    const before = identityBefore(fstatSync(file, { bigint: true }), target, bytesMax);
    const { size } = before;
    const bytes = take(size);
    let at = 0;
    while (at < size) {
      step();
      const count = readSync(file, bytes, at, Math.min(PIECE_BYTES, size - at), at);
      if (count === 0) break;
      at += count;
    }
    requireUnchanged(before, at, fstatSync(file, { bigint: true }));
    return bytes;
  } catch (error) {
    throw failureOf(error);
  } finally {
    if (file !== null) closeSync(file);
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
async function readWhole(target: FileTarget, bytesMax: number, step: () => void): Promise<Uint8Array> {
  let file: FileHandle | null = null;
  try {
    file = await open(systemPath(target.path), flagsOf(target));
    const before = identityBefore(await file.stat({ bigint: true }), target, bytesMax);
    const { size } = before;
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, Math.min(PIECE_BYTES, size - at), at);
      step();
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    requireUnchanged(before, at, await file.stat({ bigint: true }));
    return bytes;
  } catch (error) {
    throw failureOf(error);
  } finally {
    // A file whose read never returns is never closed either: nothing waits for it.
    void file?.close().catch(() => {});
  }
}
