/**
 * A file's bytes, sealed: chunks of one mebibyte, each with AES-256-GCM under a key of this stream alone. The nonce counts
 * chunks and says which is the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that no
 * flipped bit, no cut, no chunk left out, moved or added goes unnoticed. Constant memory both ways.
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
/** Long enough for the cipher to run at its full speed, short enough to be held in memory many times over. */
const CHUNK_BYTES = 1_048_576;

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const damaged = (why: string, cause?: unknown) => new AppError('SEALED_DAMAGED', { why }, cause);

/** Never the same twice under one key: the key is of this stream, and a stream has no two chunks of one number. */
function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(chunk, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** The bytes again, in pieces of exactly `length`; only the last is shorter, and there always is one. */
async function* inPieces(source: Bytes, length: number): AsyncGenerator<{ piece: Buffer; isLast: boolean }> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const bytes of source) {
    held.push(bytes);
    heldBytes += bytes.length;
    // Strictly more: a whole piece may still be the last.
    if (heldBytes <= length) continue;
    const all = Buffer.concat(held, heldBytes);
    let at = 0;
    for (; heldBytes - at > length; at += length) yield { piece: all.subarray(at, at + length), isLast: false };
    held = [all.subarray(at)];
    heldBytes -= at;
  }
  yield { piece: Buffer.concat(held, heldBytes), isLast: true };
}

/** Errors  those of the source. */
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

/** What `sealStream` was given; a chunk is told only once its tag was found right. Errors SEALED_DAMAGED, the source's. */
export async function* openStream(vault: Vault, source: Bytes): AsyncGenerator<Buffer> {
  const { prefix: header, rest } = await takePrefix(source, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC))
    throw damaged('it is not sealed');
  if (header[MAGIC.length] !== VERSION) throw damaged('it is of another version');
  const key = vault.streamKey(header.readUInt16BE(MAGIC.length + 1), header.subarray(-SALT_BYTES));
  let chunk = 0;
  for await (const { piece, isLast } of inPieces(rest, CHUNK_BYTES + TAG_BYTES)) {
    if (piece.length < TAG_BYTES) throw damaged('it ends early');
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(chunk++, isLast), { authTagLength: TAG_BYTES });
    decipher.setAAD(header);
    decipher.setAuthTag(piece.subarray(-TAG_BYTES));
    const bytes = decipher.update(piece.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch (error) {
      throw damaged('it was changed, or ends early', error);
    }
    yield bytes;
  }
}

/** Sealed bytes opened, others as they are: whoever reads a file that may be either. Errors as `openStream`. */
export async function* openIfSealed(vault: Vault, source: Bytes): AsyncGenerator<Uint8Array> {
  const { prefix, rest } = await takePrefix(source, MAGIC.length);
  const whole = (async function* () {
    yield prefix;
    yield* rest;
  })();
  if (prefix.equals(MAGIC)) yield* openStream(vault, whole);
  else yield* whole;
}

/** The first `length` bytes, fewer where there are no more, and what comes after them. */
async function takePrefix(
  source: Bytes,
  length: number,
): Promise<{ prefix: Buffer; rest: AsyncGenerator<Uint8Array> }> {
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
      // Whoever stops early lets go of the file.
      await iterator.return?.();
    }
  })();
  return { prefix: held.subarray(0, length), rest };
}

async function* toAsync(source: Bytes): AsyncGenerator<Uint8Array> {
  yield* source;
}
