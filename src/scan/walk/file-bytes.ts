/** Bytes of a file: one part of it, or a stream. */

export interface FileBytes {
  readonly size: number;
  /** Return some bytes, fewer at the end of the file. Errors: the faults of a file. */
  read(at: number, length: number): Promise<Buffer>;
}

/** A request costs as much as reading a tenth of this; the directory of a zip is read in small parts near each other. */
export const WINDOW_BYTES = 262_144;

/** Yield the bytes from a position to another, or to the end. Errors: the faults of a file. */
export async function* bytesOf(file: FileBytes, from = 0, to = file.size): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    const piece = await file.read(at, Math.min(WINDOW_BYTES, to - at));
    if (piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}
