/** Bytes of an open file as a stream that does not own the file: a stream of Node closes it when it is destroyed. */
import { read as readCallback } from 'node:fs';
import { promisify } from 'node:util';

const read = promisify(readCallback);
/** As much as a stream of Node reads at once. */
const PIECE_BYTES = 65_536;

/** Yield the bytes from a position to another, or to the end. Errors: those of the system. */
export async function* bytesOf(file: number, from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - at));
    const { bytesRead } = await read(file, piece, 0, piece.length, at);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}
