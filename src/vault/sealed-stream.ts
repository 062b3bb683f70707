/**
 * Sealed files: chunks of one mebibyte, each sealed with AES-256-GCM under a key of this stream alone. The nonce counts
 * chunks and marks the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that a flipped
 * bit, a truncation, and a missing, moved or added chunk are detected. Constant memory both ways.
 *
 *   "ZEEFSEAL" │ version, u8 │ key id, u16 BE │ salt, 16 bytes │ chunk │ tag, 16 bytes │ chunk │ tag ...
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../core/errors.js';
import type { Vault } from './vault.js';

const MAGIC = Buffer.from('ZEEFSEAL', 'latin1');
const VERSION = 1;
const SALT_BYTES = 16;
const HEADER_BYTES = MAGIC.length + 3 + SALT_BYTES;
const TAG_BYTES = 16;
/** Long enough for the cipher's full speed, short enough for many streams in memory. */
const CHUNK_BYTES = 1_048_576;

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Why a stream is refused that only the current key may have sealed. */
export const RETIRED_KEY = 'sealed by an earlier data key';

const damaged = (why: string, cause?: unknown) => new AppError('SEALED_DAMAGED', { why }, cause);

/** Return a chunk's nonce: unique under its key, since each stream has its own key and numbers its chunks. */
function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(chunk, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** Yield the bytes in pieces of exactly `length`; only the last may be shorter, and there is at least one. */
async function* inPieces(source: Bytes, length: number): AsyncGenerator<{ piece: Buffer; isLast: boolean }> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const bytes of source) {
    held.push(bytes);
    heldBytes += bytes.length;
    // At exactly `length`, the piece may be the last: wait for more bytes.
    if (heldBytes <= length) continue;
    const all = Buffer.concat(held, heldBytes);
    let at = 0;
    for (; heldBytes - at > length; at += length) yield { piece: all.subarray(at, at + length), isLast: false };
    held = [all.subarray(at)];
    heldBytes -= at;
  }
  yield { piece: Buffer.concat(held, heldBytes), isLast: true };
}

/** Seal a stream. Errors: those of the source. */
export async function* sealStream(vault: Vault, source: Bytes): AsyncGenerator<Buffer> {
  const salt = randomBytes(SALT_BYTES);
  const { keyId, key } = vault.newStreamKey(salt);
  const header = Buffer.concat([MAGIC, Buffer.of(VERSION, keyId >> 8, keyId & 0xff), salt]);
  yield header;
  let chunk = 0;
  for await (const { piece, isLast } of inPieces(source, CHUNK_BYTES)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(chunk++, isLast), { authTagLength: TAG_BYTES });
    cipher.setAAD(header);
    yield cipher.update(piece);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/**
 * Open a sealed stream; a chunk is yielded only after its tag is verified. `byCurrentKey`: one of an earlier data key is refused.
 * Errors SEALED_DAMAGED, the source's.
 */
export async function* openStream(vault: Vault, source: Bytes, { byCurrentKey = false } = {}): AsyncGenerator<Buffer> {
  const { prefix: header, rest, close } = await takePrefix(source, HEADER_BYTES);
  let key: Buffer;
  try {
    key = keyOf(vault, header, byCurrentKey);
  } catch (error) {
    await close();
    throw error;
  }
  let chunk = 0;
  for await (const { piece, isLast } of inPieces(rest, CHUNK_BYTES + TAG_BYTES)) {
    if (piece.length < TAG_BYTES) throw damaged('truncated');
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(chunk++, isLast), { authTagLength: TAG_BYTES });
    decipher.setAAD(header);
    decipher.setAuthTag(piece.subarray(-TAG_BYTES));
    const bytes = decipher.update(piece.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch (error) {
      throw damaged('modified or truncated', error);
    }
    yield bytes;
  }
}

/** Errors SEALED_DAMAGED. */
function keyOf(vault: Vault, header: Buffer, byCurrentKey: boolean): Buffer {
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('not sealed');
  if (header[MAGIC.length] !== VERSION) throw damaged('unsupported version');
  const keyId = header.readUInt16BE(MAGIC.length + 1);
  const key = vault.streamKey(keyId, header.subarray(-SALT_BYTES));
  if (byCurrentKey && keyId < vault.current) throw damaged(RETIRED_KEY);
  return key;
}

/** Open a stream if it is sealed; yield unsealed bytes unchanged. Errors as `openStream`. */
export async function* openIfSealed(vault: Vault, source: Bytes): AsyncGenerator<Uint8Array> {
  const { prefix, rest } = await takePrefix(source, MAGIC.length);
  const whole = (async function* () {
    yield prefix;
    yield* rest;
  })();
  if (prefix.equals(MAGIC)) yield* openStream(vault, whole);
  else yield* whole;
}

/** Return the first `length` bytes, or fewer at the end of the source, and the rest. `close`: where nothing of the rest is read. */
async function takePrefix(
  source: Bytes,
  length: number,
): Promise<{ prefix: Buffer; rest: AsyncGenerator<Uint8Array>; close(): Promise<void> }> {
  const pieces = source[Symbol.asyncIterator as keyof Bytes] ? (source as AsyncIterable<Uint8Array>) : toAsync(source);
  const iterator = pieces[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  while (held.length < length) {
    const { value, done } = await iterator.next();
    if (done) break;
    held = Buffer.concat([held, value]);
  }
  const after = held.subarray(length);
  const rest = (async function* () {
    try {
      if (after.length > 0) yield after;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      // A consumer that stops early must close the file.
      await iterator.return?.();
    }
  })();
  // A generator that was not begun does not come to its end.
  const close = async () => void (await iterator.return?.());
  return { prefix: held.subarray(0, length), rest, close };
}

async function* toAsync(source: Bytes): AsyncGenerator<Uint8Array> {
  yield* source;
}
