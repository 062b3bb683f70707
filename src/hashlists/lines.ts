/** Bytes → lines, in constant memory: lines ended in whatever way, byte-order marks dropped, overlong lines reported instead of buffered. */

/** A line of a hash list: an entry with all its fields is under 2 kB; longer is not a list, or is a bomb. */
export const HASHLIST_LINE_BYTES_MAX = 65_536;
/** One record of a JSON or XML list: an entry with all its fingerprints is under 20 kB; more is not a list, or is a bomb. */
export const HASHLIST_RECORD_BYTES_MAX = 16_777_216;

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Null if the line is longer than `HASHLIST_LINE_BYTES_MAX`. */
  readonly text: string | null;
}

/** Line ends of Unix, Windows, and of old spreadsheets, which know the carriage return alone. */
const LINE_END = /\r\n|\n|\r/;

export async function* splitLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8');
  let number = 1;
  let held = '';
  let isOverlong = false;
  const line = (text: string): Line => {
    // Pages that were put together have a mark at the beginning of each.
    const whole = text.replace(/^\uFEFF+/, '');
    return { number: number++, text: isOverlong || whole.length > HASHLIST_LINE_BYTES_MAX ? null : whole };
  };
  for await (const chunk of source) {
    const text = held + decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be the first half of a line end.
    const isHalf = text.endsWith('\r');
    const pieces = (isHalf ? text.slice(0, -1) : text).split(LINE_END);
    held = pieces.pop()! + (isHalf ? '\r' : '');
    for (const piece of pieces) {
      yield line(piece);
      isOverlong = false;
    }
    // The buffer may include a byte-order mark and a carriage return, which do not count.
    if (held.length > HASHLIST_LINE_BYTES_MAX + 2) {
      isOverlong = true;
      held = isHalf ? '\r' : '';
    }
  }
  held = (held + decoder.decode()).replace(/\r$/, '');
  if (held !== '' || isOverlong) yield line(held);
}
