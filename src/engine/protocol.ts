/**
 * What the service and its decoder process say to each other, over a Unix socket pair (file descriptor 3).
 *
 * A frame: u32 length of the JSON head · u32 length of the body · head · body; integers little-endian.
 * The body is a picture's bytes on the way there, and its hashes (32 bytes each) on the way back.
 */
import type { ErrorCode } from '../core/errors.js';
import type {
  DigestAlgorithm,
  Digests,
  Family,
  ImageFormat,
  NotCheckedReason,
  OrientationChoice,
} from '../core/vocabulary.js';

export interface HashWants {
  readonly digests: readonly DigestAlgorithm[];
  readonly orientations: OrientationChoice;
  readonly families: 'both' | 'resized';
  readonly algorithms: readonly ('pdq' | 'blockhash')[];
}

export interface PdqFamilyReply {
  readonly family: Family;
  readonly quality: number;
  readonly degenerate: boolean;
  readonly hashes: readonly Uint8Array[];
}

/** One picture's hashes, or why it has none. Digests are there either way, unless the bytes could not be had. */
export type HashReply = { readonly digests: Digests; readonly bytes: number } & (
  | {
      readonly ok: true;
      readonly format: ImageFormat;
      readonly width: number;
      readonly height: number;
      readonly degraded: boolean;
      readonly families: readonly PdqFamilyReply[];
      readonly blockhash: Uint8Array | null;
    }
  | {
      readonly ok: false;
      readonly reason: NotCheckedReason;
      readonly code: ErrorCode;
      readonly format: ImageFormat | null;
      readonly width: number | null;
      readonly height: number | null;
    }
);

/** A question: the picture's bytes follow as the body, or the decoder process reads the file itself. */
export interface RequestHead {
  readonly id: number;
  readonly path: string | null;
  readonly wants: HashWants;
}

export interface ReplyHead {
  readonly id: number;
  readonly reply: HashReply;
}

const HEAD_BYTES = 8;
const HASH_BYTES = 32;
/** A frame is one picture and a few hundred bytes; anything longer is a broken peer. */
const FRAME_BYTES_MAX = 1_100_000_000;

export function encodeFrame(head: object, body: Uint8Array): Buffer[] {
  const json = Buffer.from(JSON.stringify(head));
  const lengths = Buffer.allocUnsafe(HEAD_BYTES);
  lengths.writeUInt32LE(json.length, 0);
  lengths.writeUInt32LE(body.byteLength, 4);
  return [Buffer.concat([lengths, json]), Buffer.from(body.buffer, body.byteOffset, body.byteLength)];
}

/** Hashes leave the JSON head and travel as the body, in order. */
export function encodeReply(id: number, reply: HashReply): Buffer[] {
  if (!reply.ok) return encodeFrame({ id, reply }, new Uint8Array());
  const hashes = [...reply.families.flatMap((family) => family.hashes), ...(reply.blockhash ? [reply.blockhash] : [])];
  const families = reply.families.map((family) => ({ ...family, hashes: family.hashes.length }));
  return encodeFrame({ id, reply: { ...reply, families, blockhash: reply.blockhash !== null } }, Buffer.concat(hashes));
}

export function decodeReply(head: unknown, body: Buffer): ReplyHead {
  const { id, reply } = head as { id: number; reply: Record<string, unknown> & { ok: boolean } };
  if (!reply.ok) return { id, reply: reply as unknown as HashReply };
  let at = 0;
  const next = () => {
    at += HASH_BYTES;
    return new Uint8Array(body.subarray(at - HASH_BYTES, at));
  };
  const families = (reply.families as { hashes: number }[]).map((family) => ({
    ...family,
    hashes: Array.from({ length: family.hashes }, next),
  }));
  return { id, reply: { ...reply, families, blockhash: reply.blockhash ? next() : null } as unknown as HashReply };
}

/** Cuts a stream of chunks into frames. A body arrives in one piece, copied once. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(readonly onFrame: (head: unknown, body: Buffer) => void) {}

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (;;) {
      const needed = this.#frameBytes();
      if (needed === null || this.#bytes < needed) return;
      const all = Buffer.concat(this.#chunks);
      const headEnd = HEAD_BYTES + all.readUInt32LE(0);
      this.#chunks = all.length > needed ? [all.subarray(needed)] : [];
      this.#bytes = all.length - needed;
      this.onFrame(JSON.parse(all.toString('utf8', HEAD_BYTES, headEnd)), all.subarray(headEnd, needed));
    }
  }

  #frameBytes(): number | null {
    if (this.#bytes < HEAD_BYTES) return null;
    if (this.#chunks[0]!.length < HEAD_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
    const needed = HEAD_BYTES + this.#chunks[0]!.readUInt32LE(0) + this.#chunks[0]!.readUInt32LE(4);
    if (needed > FRAME_BYTES_MAX) throw new Error(`a frame of ${needed} bytes: the peer is broken`);
    return needed;
  }
}
