/** A file whose image is to be hashed: what the decoder process opens, and what is done where it cannot. */
import { readFile, stat } from 'node:fs/promises';
import { type FileFault, type FileIdentity, faultOf } from '../core/file-identity.js';
import { type PathBytes, systemPath } from '../core/path-bytes.js';
import type { DigestAlgorithm, Digests } from '../core/vocabulary.js';
import type { FileDigests } from './file-digests.js';

/** What the decoder process opens. */
export interface FileTarget {
  readonly path: PathBytes;
  /** The file that it must be when it is opened, and still be when it is read; null: whatever is there. */
  readonly identity: FileIdentity | null;
  readonly followsLinks: boolean;
  /** Milliseconds after which a read that does not return is given up. */
  readonly stallMs: number;
}

export interface FileSource extends FileTarget {
  /** Return the bytes, for a file that the sandbox hides from the decoder process; one over the size limit has none. */
  read(): Promise<{ readonly size: number; readonly bytes: Uint8Array | null } | FileFault>;
  /** Return the digests of a file of any size, read in pieces. */
  digests(wanted: readonly DigestAlgorithm[]): Promise<Digests | FileFault>;
}

/** A disk that spins up, or a server that starts again, answers by then. */
const STALL_MS = 60_000;

/** The file that an operator named: whatever is there when it is read. */
export function namedFile(path: PathBytes, digests: FileDigests, bytesMax: number): FileSource {
  const file = systemPath(path);
  return {
    path,
    identity: null,
    followsLinks: true,
    stallMs: STALL_MS,
    async read() {
      try {
        const status = await stat(file);
        if (!status.isFile()) return 'FILE_NOT_REGULAR';
        return { size: status.size, bytes: status.size <= bytesMax ? await readFile(file) : null };
      } catch (error) {
        return faultOf(error);
      }
    },
    digests: async (wanted) => (await digests.of(path, wanted).catch(() => null)) ?? 'FILE_UNREADABLE',
  };
}

/** A target as JSON, which has no 64-bit numbers. */
export interface PackedTarget {
  readonly path: PathBytes;
  readonly followsLinks: boolean;
  readonly stallMs: number;
  readonly size: number;
  /** mtime, ctime, inode and device; null: whatever is there. */
  readonly numbers: readonly string[] | null;
}

export function packTarget({ path, identity, followsLinks, stallMs }: FileTarget): PackedTarget {
  const numbers = identity && [identity.mtimeNs, identity.ctimeNs, identity.inode, identity.device].map(String);
  return { path, followsLinks, stallMs, size: identity?.size ?? 0, numbers };
}

export function unpackTarget({ path, followsLinks, stallMs, size, numbers }: PackedTarget): FileTarget {
  if (numbers === null) return { path, followsLinks, stallMs, identity: null };
  const [mtimeNs, ctimeNs, inode, device] = numbers.map(BigInt) as [bigint, bigint, bigint, bigint];
  return { path, followsLinks, stallMs, identity: { size, mtimeNs, ctimeNs, inode, device } };
}
