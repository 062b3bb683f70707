/**
 * Protocol between the service and its decoder process, over Unix socket pairs: one for each worker, with requests and
 * replies, and one on which the process says what it sees of its workers.
 *
 * A frame: u32 length of the JSON head · u32 length of the body · head · body; integers little-endian.
 * The body of a request is an image's bytes, the body of a response a packed reply.
 */
import type { ErrorCode } from '../core/errors.js';
import type {
  DigestAlgorithm,
  Digests,
  Family,
  ImageFormat,
  NotCheckedReason,
  OrientationChoice,
  ViewName,
} from '../core/vocabulary.js';
import type { WindowChoice } from '../core/window.js';
import type { Damage } from '../decode/damage.js';
import type { WindowHash } from '../kernels/windows/hash-windows.js';
import type { PackedTarget } from './file-source.js';
import { packWindows, unpackWindows } from './packed-windows.js';

export interface HashWants {
  readonly digests: readonly DigestAlgorithm[];
  readonly orientations: OrientationChoice;
  /** `both`: `full` too of an image over 512 pixels, `symmetric` of a smaller one. */
  readonly families: 'both' | 'resized';
  readonly algorithms: readonly ('pdq' | 'blockhash')[];
  /** Largest number of frames or pages hashed of one file, evenly spread. */
  readonly frames: number;
  /** Which windows of each view are hashed beside it. */
  readonly detail: WindowChoice;
}

interface PdqFamilyReply {
  readonly family: Family;
  readonly quality: number;
  readonly degenerate: boolean;
  readonly hashes: readonly Uint8Array[];
}

/** One view of a file and its hashes. */
export interface ViewReply extends ViewName {
  readonly frame: number;
  readonly families: readonly PdqFamilyReply[];
  readonly blockhash: Uint8Array | null;
  /** None where `detail` is `plain`. */
  readonly windows: readonly WindowHash[];
}

/** Hashes of one image, or the reason for having none. Digests are present in both cases, unless the file was unreadable. */
export type HashReply = { readonly digests: Digests; readonly bytes: number } & (
  | {
      readonly ok: true;
      readonly format: ImageFormat;
      readonly width: number;
      readonly height: number;
      readonly damage: Damage | null;
      /** The first frame, as stored, is first. */
      readonly views: readonly ViewReply[];
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

/** Head of a request: the image's bytes follow as the body, or the decoder process reads the file. */
export interface RequestHead {
  readonly id: number;
  readonly file: PackedTarget | null;
  readonly wants: HashWants;
  /** SHA-256 of files known to crash a decoder: they are refused without decoding. */
  readonly crashers: readonly string[];
}

/** Head of a response: the packed reply follows as the body; without a body, the image of the request is read, and may be decoded. */
export interface ReplyHead {
  readonly id: number;
  /** Without a body: the image has had its time. */
  readonly isLate?: true;
}

/** File descriptors of the decoder process; the first of its workers, whose others follow. */
export const CONTROL_SOCKET = 3;
export const FIRST_WORKER_SOCKET = 4;

/** Id of the frame, without a body, that a decoder process sends once it can decode, and then as a sign of life; requests begin at 1. */
export const READY_ID = 0;
/** Interval of the signs of life. */
export const ALIVE_EVERY_MS = 500;

/** Exit code of a decoder process whose worker had no memory for its JavaScript: EX_OSERR of sysexits.h. */
export const OUT_OF_MEMORY = 71;

const HEAD_BYTES = 8;
const HASH_BYTES = 32;
/** A frame is one image and a few hundred bytes; a longer one means a broken peer. */
const FRAME_BYTES_MAX = 1_100_000_000;

/** Return a frame up to its body. */
export function encodeHead(head: object, bodyBytes: number): Buffer {
  const json = JSON.stringify(head);
  const jsonBytes = Buffer.byteLength(json);
  const encoded = Buffer.allocUnsafe(HEAD_BYTES + jsonBytes);
  encoded.writeUInt32LE(jsonBytes, 0);
  encoded.writeUInt32LE(bodyBytes, 4);
  encoded.write(json, HEAD_BYTES);
  return encoded;
}

/** Return a whole frame, with a copy of its body. */
export const encodeFrame = (head: object, body: Uint8Array): Buffer =>
  Buffer.concat([encodeHead(head, body.byteLength), body]);

/** Return the reply about a file whose reading does not return. */
export const stalledReply = (): HashReply => ({
  ok: false,
  digests: {},
  bytes: 0,
  reason: 'unreadable',
  code: 'FILE_STALLED',
  format: null,
  width: null,
  height: null,
});

/** Pack a reply: u32 length of its JSON · the JSON, hashes replaced by their number · the hashes, in order; those of windows as `packWindows`. */
export function packReply(reply: HashReply): Buffer {
  const hashes: Uint8Array[] = [];
  const views = !reply.ok
    ? []
    : reply.views.map((view) => {
        for (const family of view.families) hashes.push(...family.hashes);
        if (view.blockhash) hashes.push(view.blockhash);
        const families = view.families.map((family) => ({ ...family, hashes: family.hashes.length }));
        if (view.windows.length > 0) hashes.push(packWindows(view.windows));
        return { ...view, families, blockhash: view.blockhash !== null, windows: view.windows.length };
      });
  const json = Buffer.from(JSON.stringify(reply.ok ? { ...reply, views } : reply));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(json.length, 0);
  return Buffer.concat([length, json, ...hashes]);
}

/** A view in the JSON of a packed reply. */
interface PackedView {
  readonly families: readonly { readonly hashes: number }[];
  readonly blockhash: boolean;
  readonly windows: number;
}

/** Unpack a reply; its hashes are views into `packed`, which must not change. Errors: RangeError, SyntaxError, TypeError. */
export function unpackReply(packed: Buffer): HashReply {
  let at = 4 + packed.readUInt32LE(0);
  const reply = JSON.parse(packed.toString('utf8', 4, at)) as Record<string, unknown> & { ok: boolean };
  if (!reply.ok) return reply as unknown as HashReply;
  const next = () => {
    at += HASH_BYTES;
    if (at > packed.length) throw new RangeError('packed reply is truncated');
    return new Uint8Array(packed.buffer, packed.byteOffset + at - HASH_BYTES, HASH_BYTES);
  };
  const windowsOf = (count: number) => {
    const { windows, end } = unpackWindows(packed, at, count);
    at = end;
    return windows;
  };
  const views = (reply.views as PackedView[]).map((view) => {
    const families = view.families.map((family) => ({
      ...family,
      hashes: Array.from({ length: family.hashes }, next),
    }));
    const blockhash = view.blockhash ? next() : null;
    return { ...view, families, blockhash, windows: windowsOf(view.windows) };
  });
  return { ...reply, views } as unknown as HashReply;
}

/**
 * Splits a stream of chunks into frames. A body arrives in one piece, copied at most once; it shares the memory of its neighbours.
 *
 * Errors  of `push`: Error for a frame over the size limit, SyntaxError for an invalid head.
 */
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
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
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
    if (needed > FRAME_BYTES_MAX)
      throw new Error(`frame of ${needed} bytes exceeds ${FRAME_BYTES_MAX}: the peer is broken`);
    return needed;
  }
}
