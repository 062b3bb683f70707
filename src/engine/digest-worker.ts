/** Digest thread: the digests of a file of any size, read in pieces. Nothing is decoded, so it needs no process of its own. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type PathBytes, systemPath } from '../core/path-bytes.js';
import type { DigestAlgorithm, Digests } from '../core/vocabulary.js';
import { DigestStream } from '../kernels/digests.js';

export interface DigestTask {
  readonly path: PathBytes;
  readonly wanted: readonly DigestAlgorithm[];
}

/** Large enough that a disk reads it in one go. */
const PIECE_BYTES = 1_048_576;
const piece = Buffer.allocUnsafe(PIECE_BYTES);

/** Return the digests; null where the file cannot be read, or is no regular file. */
export default function digestFile({ path, wanted }: DigestTask): Digests | null {
  let file: number | null = null;
  try {
    // O_NONBLOCK: no wait for a writer if it has become a pipe.
    file = openSync(systemPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
    const status = fstatSync(file);
    if (!status.isFile()) return null;
    const digests = new DigestStream(wanted);
    // A file that is written meanwhile may have no end: its reader compares its status afterwards.
    for (let left = status.size; left > 0; ) {
      const count = readSync(file, piece, 0, Math.min(left, PIECE_BYTES), null);
      if (count === 0) break;
      digests.update(piece.subarray(0, count));
      left -= count;
    }
    return digests.end();
  } catch {
    return null;
  } finally {
    if (file !== null) closeSync(file);
  }
}
