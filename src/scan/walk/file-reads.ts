/** Bytes and digests of files that the scan has inspected: only of the file that it was then. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { AppError } from '../../core/errors.js';
import { type FileIdentity, identityOfStatus, isSameFile } from '../../core/file-identity.js';
import { joinPath, type PathBytes, systemPath } from '../../core/path-bytes.js';
import type { Digests } from '../../core/vocabulary.js';
import { DigestStream } from '../../kernels/digests.js';
import type { OpenFolders } from './open-folders.js';
import type { Place, WalkRequest } from './walk-protocol.js';

/** Large enough that a disk reads it in one go. */
const PIECE_BYTES = 1_048_576;
const piece = Buffer.allocUnsafe(PIECE_BYTES);

interface Inspected {
  readonly place: Place;
  readonly name: PathBytes;
  readonly identity: FileIdentity;
  readonly followsLinks: boolean;
}

type Request<Op extends WalkRequest['op']> = Extract<WalkRequest, { readonly op: Op }>;

/** Open a file for reading: without waiting for a writer if it has become a pipe, and not through a link unless that is wanted. */
export function openForReading(path: PathBytes, followsLinks: boolean): number {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  return openSync(systemPath(path), O_RDONLY | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW));
}

export class FileReads {
  constructor(
    readonly folders: OpenFolders,
    readonly step: (at: number) => void,
  ) {}

  /** Return some bytes of a file, fewer at its end. Errors: those of the system, FILE_CHANGED. */
  bytes({ at, length, ...file }: Request<'read'>): Uint8Array {
    return this.#opened(file, (opened) => {
      const bytes = Buffer.alloc(Math.min(length, Math.max(0, file.identity.size - at)));
      let filled = 0;
      while (filled < bytes.length) {
        this.step(0);
        const count = readSync(opened, bytes, filled, Math.min(PIECE_BYTES, bytes.length - filled), at + filled);
        // It ends before its size: cut just now, or on a disk that lies.
        if (count === 0) throw new AppError('FILE_CHANGED');
        filled += count;
      }
      return bytes;
    });
  }

  /** Return the digests of a whole file. Errors: those of the system, FILE_CHANGED. */
  digests({ wanted, ...file }: Request<'digests'>): Digests {
    return this.#opened(file, (opened) => {
      const digests = new DigestStream(wanted);
      // A file that is written meanwhile may have no end.
      for (let left = file.identity.size; left > 0; ) {
        this.step(0);
        const count = readSync(opened, piece, 0, Math.min(left, PIECE_BYTES), null);
        if (count === 0) throw new AppError('FILE_CHANGED');
        digests.update(piece.subarray(0, count));
        left -= count;
      }
      return digests.end();
    });
  }

  #opened<T>({ place, name, identity, followsLinks }: Inspected, read: (opened: number) => T): T {
    const opened = openForReading(joinPath(this.folders.at(place), name), followsLinks);
    try {
      requireSame(opened, identity);
      const result = read(opened);
      requireSame(opened, identity);
      return result;
    } finally {
      closeSync(opened);
    }
  }
}

function requireSame(opened: number, identity: FileIdentity): void {
  if (!isSameFile(identityOfStatus(fstatSync(opened, { bigint: true })), identity)) throw new AppError('FILE_CHANGED');
}
