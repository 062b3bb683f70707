/** Bytes → lines, in constant memory: BOM dropped, CRLF and LF accepted, overlong lines reported instead of buffered. */
import { StringDecoder } from 'node:string_decoder';

/** A line of a hash list: an entry with all its fields is under 2 kB; longer is not a list, or is a bomb. */
export const HASHLIST_LINE_BYTES_MAX = 65_536;
/** One record of a JSON or XML list: an entry with all its fingerprints is under 20 kB; more is not a list, or is a bomb. */
export const HASHLIST_RECORD_BYTES_MAX = 16_777_216;

interface Line {
  /** From 1. */
  readonly number: number;
  /** Null if the line is longer than `HASHLIST_LINE_BYTES_MAX`. */
  readonly text: string | null;
}

export async function* splitLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new StringDecoder('utf8');
  let number = 1;
  let held = '';
  let isOverlong = false;
  const line = (text: string): Line => {
    const whole = number === 1 ? text.replace(/^\uFEFF/, '') : text;
    return { number: number++, text: isOverlong || whole.length > HASHLIST_LINE_BYTES_MAX ? null : whole };
  };
  for await (const chunk of source) {
    const pieces = (held + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))).split('\n');
    held = pieces.pop()!;
    for (const piece of pieces) {
      yield line(piece.endsWith('\r') ? piece.slice(0, -1) : piece);
      isOverlong = false;
    }
    // The buffer may include a byte-order mark and a carriage return, which do not count.
    if (held.length > HASHLIST_LINE_BYTES_MAX + 2) {
      isOverlong = true;
      held = '';
    }
  }
  held += decoder.end();
  if (held !== '' || isOverlong) yield line(held.endsWith('\r') ? held.slice(0, -1) : held);
}
