/**
 * Stat thread: returns the type of each file, and whether it is unchanged, by its status; reads the first bytes of other
 * files. Synchronous on purpose: a thread that does nothing else inspects three times as many files.
 */
import { closeSync, constants, lstatSync, openSync, readSync, statSync } from 'node:fs';
import { joinPath, type PathBytes, systemPath } from '../../core/path-bytes.js';
import { HEAD_BYTES } from '../../decode/identify.js';
import { kindOfFile } from './file-kind.js';

export const FILE_TYPES = [
  'known',
  'picture',
  'not_picture',
  'archive',
  'vanished',
  'unreadable',
  'folder',
  'symlink',
  'special',
  'video',
  'other_archive',
] as const;
export type Look = (typeof FILE_TYPES)[number];

export interface LookTask {
  readonly folder: PathBytes;
  readonly names: readonly PathBytes[];
  /** Known size, mtime in ns and inode of each, or -1. */
  readonly known: BigInt64Array;
  readonly followsLinks: boolean;
}

export interface LookAnswer {
  /** Positions in `FILE_TYPES`. */
  readonly looks: Uint8Array;
  /** Size, mtime in ns and inode of each. */
  readonly identities: BigInt64Array;
}

const head = Buffer.alloc(HEAD_BYTES);

function kindOf(path: Buffer, followsLinks: boolean): Look {
  let file: number;
  try {
    // O_NONBLOCK: no wait for a writer if it has become a pipe. O_NOFOLLOW: it may have become a link.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (followsLinks ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'vanished' : 'unreadable';
  }
  try {
    const kind = kindOfFile(file, head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0)));
    return kind === 'image' ? FILE_TYPES[1] : kind;
  } catch {
    return 'unreadable';
  } finally {
    closeSync(file);
  }
}

export default function look({ folder, names, known, followsLinks }: LookTask): LookAnswer {
  const looks = new Uint8Array(names.length);
  const identities = new BigInt64Array(names.length * 3);
  const stat = followsLinks ? statSync : lstatSync;
  const lookAt = (path: Buffer, at: number): Look => {
    const status = stat(path, { bigint: true });
    if (status.isDirectory()) return 'folder';
    if (status.isSymbolicLink()) return 'symlink';
    if (!status.isFile()) return 'special';
    identities.set([status.size, status.mtimeNs, status.ino], at * 3);
    const isKnown =
      known[at * 3] === status.size && known[at * 3 + 1] === status.mtimeNs && known[at * 3 + 2] === status.ino;
    if (isKnown) return 'known';
    return status.size === 0n ? 'not_picture' : kindOf(path, followsLinks);
  };
  for (const [at, name] of names.entries()) {
    let what: Look;
    try {
      what = lookAt(systemPath(joinPath(folder, name)), at);
    } catch (error) {
      what = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'vanished' : 'unreadable';
    }
    looks[at] = FILE_TYPES.indexOf(what);
  }
  return { looks, identities };
}
