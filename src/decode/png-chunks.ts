/** Chunks of a PNG, read and written. Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition), 5. */
import { crc32 } from 'node:zlib';
import { AppError } from '../core/errors.js';

export const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** Length, type and checksum. */
export const CHUNK_BYTES = 12;
/** Chunks of a file: writers give one 8 kB or more, so these are of 800 MB. Millions of empty ones would fill the memory. */
const CHUNKS_MAX = 100_000;

interface Chunk {
  readonly type: string;
  readonly at: number;
  readonly data: Uint8Array;
  /** Compare the checksum; null if the file ends before it. */
  isSound(): boolean | null;
}

/** Return whether a decoder cannot do without chunks of a type: those with a capital letter. */
export const isCritical = (type: string): boolean => (type.charCodeAt(0) & 0x20) === 0;

/** Yield the chunks; their checksums are looked at by those who ask. Errors IMAGE_CORRUPT: too many. */
export function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let left = CHUNKS_MAX;
  for (let next = SIGNATURE.length; next + 8 <= bytes.length; ) {
    const at = next;
    if (left-- === 0) throw new AppError('IMAGE_CORRUPT', { format: 'png', chunksMax: CHUNKS_MAX });
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // The last chunk of a truncated file is decoded as far as it goes.
    const data = bytes.subarray(at + 8, Math.min(at + 8 + length, bytes.length));
    const isSound = () => {
      const end = at + 8 + length;
      return end + 4 > bytes.length ? null : crc32(bytes.subarray(at + 4, end)) === view.getUint32(end);
    };
    yield { type, at, data, isSound };
    next += CHUNK_BYTES + length;
  }
}

/** Return a chunk with its checksum. */
export function pngChunk(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), ...parts]);
  const [head, tail] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(content.length - 4);
  tail.writeUInt32BE(crc32(content));
  return Buffer.concat([head, content, tail]);
}

/**
 * Return a PNG of which the end is missing with its last chunk shortened to what is there, and an end: decoders leave out the whole of a
 * chunk that is cut. The others keep their checksums, right or wrong.
 */
export function withEnd(bytes: Uint8Array): Uint8Array {
  const chunks = [...chunksOf(bytes)].map(({ type, at, data, isSound }) =>
    isSound() === null ? pngChunk(type, data) : bytes.subarray(at, at + CHUNK_BYTES + data.length),
  );
  return Buffer.concat([SIGNATURE, ...chunks, pngChunk('IEND')]);
}
