/**
 * What the inventory keeps of one file, packed into a hundred and fifty bytes or so: its identity, what it is, what was
 * said of it, digests, and every hash that a search would ask, without loss.
 *
 * Layout  version u8 · state u8 · verdict u8 · size, inode, scan, generation as varints · mtime u64 · then, of a file
 *         whose digests are known: digest flags u8 and digests; then, of a picture: format u8 · width, height varints ·
 *         degraded u8 · views u8 · per view: flags u8, frame varint, per family quality u8 · packed hashes, blockhash.
 */
import { ERRORS, type ErrorCode } from '../../core/errors.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import {
  DIGEST_ALGORITHMS,
  type Digests,
  FAMILIES,
  IMAGE_FORMATS,
  NOT_CHECKED_REASONS,
  type NotCheckedReason,
  VALUE_BYTES,
  VERDICTS,
  type Verdict,
} from '../../core/vocabulary.js';
import type { HashReply, ViewReply } from '../../engine/image-engine.js';
import { packTurnedHashes, unpackTurnedHashes } from '../../kernels/turned-hashes.js';

const VERSION = 1;

/** What tells that a file is the one that was read: nobody writes into a file without its time changing. */
export interface Identity {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly inode: bigint;
}

export function isSameFile(a: Identity, b: Identity): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode;
}

/** Picture: it was decoded, or could not be. Archive: its entries are rows of their own. */
export const FILE_KINDS = ['picture', 'not_picture', 'archive', 'vanished'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

export interface FileFacts extends Identity {
  readonly kind: FileKind;
  /** The scan that looked at it, and the generation that answered. */
  readonly scan: number;
  readonly generation: number;
  readonly verdict: Verdict;
  /** Why there are no hashes; null where there are. */
  readonly reason: NotCheckedReason | null;
  readonly code: ErrorCode | null;
  /** Frames that were asked for. */
  readonly frames: number;
  readonly digests: Digests;
  readonly image: {
    readonly format: (typeof IMAGE_FORMATS)[number];
    readonly width: number;
    readonly height: number;
  } | null;
  readonly degraded: boolean;
  readonly views: readonly ViewReply[];
}

const CODES = Object.keys(ERRORS) as ErrorCode[];

class Writer {
  readonly bytes: number[] = [];
  u8(value: number): void {
    this.bytes.push(value);
  }
  varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.bytes.push((rest % 128) | 128);
    this.bytes.push(rest);
  }
  bigVarint(value: bigint): void {
    let rest = value;
    for (; rest > Number.MAX_SAFE_INTEGER; rest >>= 7n) this.bytes.push(Number(rest & 127n) | 128);
    this.varint(Number(rest));
  }
  all(values: Iterable<number>): void {
    for (const value of values) this.bytes.push(value);
  }
}

class Reader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}
  u8(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new RangeError('the facts of a file end too soon');
    return value;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }
  bigVarint(): bigint {
    const from = this.at;
    const value = this.varint();
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(value);
    this.at = from;
    return this.#exactVarint();
  }
  #exactVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new RangeError('the facts of a file end too soon');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }
}

/** Of a reply of the decoder process, what a row holds beside identity and verdict. */
export function factsOfReply(
  reply: HashReply,
): Pick<FileFacts, 'reason' | 'code' | 'digests' | 'image' | 'degraded' | 'views'> {
  const { digests } = reply;
  if (!reply.ok) {
    const { reason, code, format, width, height } = reply;
    const image = format === null ? null : { format, width: width ?? 0, height: height ?? 0 };
    return { reason, code, digests, image, degraded: false, views: [] };
  }
  const { format, width, height, degraded, views } = reply;
  return { reason: null, code: null, digests, image: { format, width, height }, degraded, views };
}

/** The reply again, as the decoder process gave it. */
export function replyOf(facts: FileFacts): HashReply {
  const { digests, size: bytes, image, reason, code, degraded, views } = facts;
  if (reason !== null || image === null) {
    const failed = { reason: reason ?? 'not_an_image', code: code ?? 'IMAGE_NOT_AN_IMAGE' } as const;
    const { format, width, height } = image ?? { format: null, width: null, height: null };
    // A header that does not tell a size is kept as a size of nothing.
    return { ok: false, digests, bytes, ...failed, format, width: width || null, height: height || null };
  }
  return { ok: true, digests, bytes, ...image, degraded, views };
}

const VIEW_WHITE = 1;
const VIEW_BLOCKHASH = 2;
const VIEW_TURNED = 4;
const VIEW_FULL = 8;
const VIEW_NO_PDQ = 16;
const QUALITY_DEGENERATE = 128;

function packView(out: Writer, { frame, background, families, blockhash }: ViewReply): void {
  out.u8(
    (background === 'white' ? VIEW_WHITE : 0) |
      (blockhash ? VIEW_BLOCKHASH : 0) |
      ((families[0]?.hashes.length ?? 0) > 1 ? VIEW_TURNED : 0) |
      (families.length > 1 ? VIEW_FULL : 0) |
      (families.length === 0 ? VIEW_NO_PDQ : 0),
  );
  out.varint(frame);
  for (const { quality, degenerate } of families) out.u8(quality | (degenerate ? QUALITY_DEGENERATE : 0));
  out.all(packTurnedHashes(families.map(({ hashes }) => hashes)));
  if (blockhash) out.all(blockhash);
}

function unpackView(from: Reader): ViewReply {
  const flags = from.u8();
  const frame = from.varint();
  const familyCount = flags & VIEW_NO_PDQ ? 0 : flags & VIEW_FULL ? 2 : 1;
  const qualities = Array.from({ length: familyCount }, () => from.u8());
  const counts = qualities.map(() => (flags & VIEW_TURNED ? 8 : 1));
  const { lists, length } = unpackTurnedHashes(from.bytes, from.at, counts);
  from.at += length;
  const families = qualities.map((quality, at) => ({
    family: FAMILIES[at]!,
    quality: quality & ~QUALITY_DEGENERATE,
    degenerate: (quality & QUALITY_DEGENERATE) !== 0,
    hashes: lists[at]!,
  }));
  const blockhash = flags & VIEW_BLOCKHASH ? from.take(HASH256_BYTES).slice() : null;
  return { frame, background: flags & VIEW_WHITE ? 'white' : null, families, blockhash };
}

export function packFacts(facts: FileFacts): Uint8Array {
  const out = new Writer();
  out.u8(VERSION);
  out.u8(
    FILE_KINDS.indexOf(facts.kind) | ((facts.reason === null ? 0 : NOT_CHECKED_REASONS.indexOf(facts.reason) + 1) << 4),
  );
  out.u8(VERDICTS.indexOf(facts.verdict) | (facts.degraded ? 8 : 0) | (facts.code === null ? 0 : 16));
  if (facts.code !== null) out.u8(CODES.indexOf(facts.code));
  out.varint(facts.size);
  out.bigVarint(facts.inode);
  out.varint(facts.scan);
  out.varint(facts.generation);
  const mtime = Buffer.alloc(8);
  mtime.writeBigInt64LE(facts.mtimeNs);
  out.all(mtime);
  const known = DIGEST_ALGORITHMS.filter((algorithm) => facts.digests[algorithm] !== undefined);
  if (known.length === 0 && facts.image === null) return Uint8Array.from(out.bytes);
  out.u8(
    DIGEST_ALGORITHMS.reduce((flags, algorithm, bit) => flags | (known.includes(algorithm) ? 1 << bit : 0), 0) |
      (facts.image ? 8 : 0),
  );
  for (const algorithm of known) out.all(Buffer.from(facts.digests[algorithm]!, 'hex'));
  if (facts.image === null) return Uint8Array.from(out.bytes);
  out.u8(IMAGE_FORMATS.indexOf(facts.image.format));
  out.varint(facts.image.width);
  out.varint(facts.image.height);
  out.u8(facts.frames);
  out.u8(facts.views.length);
  for (const view of facts.views) packView(out, view);
  return Uint8Array.from(out.bytes);
}

/** Errors RangeError: the bytes are not what was packed. */
export function unpackFacts(bytes: Uint8Array): FileFacts {
  const from = new Reader(bytes);
  if (from.u8() !== VERSION) throw new RangeError('the facts of a file are of another version');
  const state = from.u8();
  const said = from.u8();
  const code = said & 16 ? (CODES[from.u8()] ?? null) : null;
  const size = from.varint();
  const inode = from.bigVarint();
  const scan = from.varint();
  const generation = from.varint();
  const mtimeNs = from.view().getBigInt64(from.at, true);
  from.take(8);
  const digests: Digests = {};
  let image: FileFacts['image'] = null;
  let views: ViewReply[] = [];
  let frames = 1;
  if (from.at < bytes.length) {
    const flags = from.u8();
    for (const [bit, algorithm] of DIGEST_ALGORITHMS.entries()) {
      if (flags & (1 << bit)) digests[algorithm] = Buffer.from(from.take(VALUE_BYTES[algorithm])).toString('hex');
    }
    if (flags & 8) {
      image = { format: IMAGE_FORMATS[from.u8()]!, width: from.varint(), height: from.varint() };
      frames = from.u8();
      views = Array.from({ length: from.u8() }, () => unpackView(from));
    }
  }
  return {
    kind: FILE_KINDS[state & 15]!,
    reason: state >> 4 === 0 ? null : NOT_CHECKED_REASONS[(state >> 4) - 1]!,
    code,
    verdict: VERDICTS[said & 7]!,
    degraded: (said & 8) !== 0,
    size,
    inode,
    scan,
    generation,
    mtimeNs,
    frames,
    digests,
    image,
    views,
  };
}

/** Identity alone: what a walk compares, without reading the rest. */
export function identityOf(bytes: Uint8Array): Identity {
  const from = new Reader(bytes);
  from.take(2);
  if (from.u8() & 16) from.u8();
  const size = from.varint();
  const inode = from.bigVarint();
  from.varint();
  from.varint();
  return { size, inode, mtimeNs: from.view().getBigInt64(from.at, true) };
}
