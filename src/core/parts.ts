/** Bytes of any pieces as parts of one size. */

/**
 * Yield the bytes in parts of `partBytes`, the last one shorter; none of no bytes. A part is valid until the next is asked for,
 * and is a copy: a source may use its pieces again. Memory: one part. Errors: those of `pieces`.
 */
export async function* partsOf(pieces: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Buffer> {
  const part = Buffer.allocUnsafe(partBytes);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + partBytes - filled);
      part.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < partBytes) continue;
      yield part;
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
