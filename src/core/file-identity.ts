/** Identity of a file and of its content, as the system knows them: a scan compares it before and after it reads. */
import type { BigIntStats } from 'node:fs';

export interface FileIdentity {
  /** Bytes, at most 2^53 - 1. */
  readonly size: number;
  /** In nanoseconds, as 64 bits: a filesystem may have any date. */
  readonly mtimeNs: bigint;
  /** Of the last change to content or attributes. No program can set it, so it also shows a content whose mtime was restored. */
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
}

/** Return whether two statuses are of the same file with the same content. */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.inode === b.inode &&
    a.device === b.device
  );
}

const SIZE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** Return the identity of a status; a number outside the bounds of a field is brought within them, the same one each time. */
export function identityOfStatus({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): FileIdentity {
  return {
    size: Number(size > SIZE_MAX ? SIZE_MAX : size),
    mtimeNs: BigInt.asIntN(64, mtimeNs),
    ctimeNs: BigInt.asIntN(64, ctimeNs),
    inode: BigInt.asUintN(64, ino),
    device: BigInt.asUintN(64, dev),
  };
}

/** The reasons for which a file, or what is now in its place, is not read. */
export const FILE_FAULTS = [
  'FILE_VANISHED',
  'FILE_CHANGED',
  'FILE_NOT_REGULAR',
  'FILE_UNREADABLE',
  'FILE_STALLED',
] as const;
export type FileFault = (typeof FILE_FAULTS)[number];

/** Return the fault of a failed system call on a path of which the last part may not be a link. */
export function faultOf(error: unknown): FileFault {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'FILE_VANISHED';
  // A link, or something that is no folder, in place of what was there.
  return code === 'ELOOP' || code === 'ENOTDIR' ? 'FILE_CHANGED' : 'FILE_UNREADABLE';
}
