/** The bytes of a text file → UTF-8. Windows programs write UTF-16, with a byte-order mark or without. */

/** Bytes that decide: the mark, or the first characters of a list, which are of ASCII. */
const HEAD_BYTES = 64;

type Encoding = 'utf-16le' | 'utf-16be';

/** Return the encoding of a text by its first bytes; null for UTF-8. */
function encodingOf(head: Uint8Array): Encoding | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  const pairs = head.length >> 1;
  if (pairs === 0) return null;
  let low = 0;
  let high = 0;
  for (let at = 0; at < pairs * 2; at += 2) {
    if (head[at] !== 0 && head[at + 1] === 0) low++;
    if (head[at] === 0 && head[at + 1] !== 0) high++;
  }
  return low === pairs ? 'utf-16le' : high === pairs ? 'utf-16be' : null;
}

/** Pass UTF-8 through as it is, and convert UTF-16. Errors  those of the source. */
export async function* asUtf8(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  let decoder: TextDecoder | null = null;
  let isKnown = false;
  for await (const chunk of source) {
    const bytes = isKnown || head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (!isKnown && bytes.length < HEAD_BYTES) {
      head = Uint8Array.from(bytes);
      continue;
    }
    if (!isKnown) {
      const encoding = encodingOf(bytes.subarray(0, HEAD_BYTES));
      decoder = encoding === null ? null : new TextDecoder(encoding);
      isKnown = true;
    }
    yield decoder === null ? bytes : Buffer.from(decoder.decode(bytes, { stream: true }));
  }
  if (isKnown) {
    if (decoder !== null) yield Buffer.from(decoder.decode());
    return;
  }
  const encoding = encodingOf(head);
  if (head.length > 0) yield encoding === null ? head : Buffer.from(new TextDecoder(encoding).decode(head));
}
