/**
 * Facts of one file, packed into about 170 bytes, and 40 for each window: its identity, kind, verdict, digests, and every
 * hash that a search would query, without loss.
 *
 * Layout  state u8 · verdict u8 · with `HAS_DECODING`: decoding u8 · size, inode, scan, generation as varints · mtime i64 · with `HAS_CTIME`: ctime i64,
 *         device varint · then, of a file whose digests are known: flags u8 and digests; then, of an image: format u8 · width, height varints · with `HAS_WINDOWS`: detail u8, version of the
 *         tables of windows u8 · frames u8, views u8 unless both are 1 and the frame 0 (`PLAIN`) · per view: flags u8, with `VIEW_NAMED` background and part u8,
 *         frame varint unless plain, per family quality u8 · packed hashes, with `VIEW_WINDOWS` a varint and as many bytes as `stored-windows.ts` packs,
 *         blockhash. A change of it is a step of the inventory's schema.
 */
import { ERRORS, type ErrorCode } from '../../core/errors.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import {
  BACKGROUNDS,
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Digests,
  type Family,
  IMAGE_FORMATS,
  NOT_CHECKED_REASONS,
  ORIENTATIONS,
  PARTS,
  VALUE_BYTES,
  VERDICTS,
  type ViewName,
} from '../../core/vocabulary.js';
import { DETAILS, type Detail } from '../../core/window.js';
import type { ViewReply } from '../../engine/image-engine.js';
import { packOrientedHashes, unpackOrientedHashes } from '../../kernels/oriented-hashes.js';
import { type FactView, FILE_KINDS, type FileFacts } from './file-facts.js';
import { Reader, readRow, valueAt, Writer } from './packed-bytes.js';
import { packStoredWindows, VIEW_WINDOWS_BYTES_MAX, WINDOW_TABLES } from './stored-windows.js';

/** A row stores codes by number; reasons, formats and verdicts by position, so new ones are appended to their lists. */
const CODE_BY_NUMBER: ErrorCode[] = [];
for (const code of Object.keys(ERRORS) as ErrorCode[]) CODE_BY_NUMBER[ERRORS[code].number] = code;

/** Flags beside the verdict. Rows of before schema 4 have no ctime: their files are read again. */
const IS_DEGRADED = 8;
const HAS_CODE = 16;
const HAS_CTIME = 32;
const IS_MISSING = 64;
const HAS_DECODING = 128;
/** Flags after one flag for each of `DIGEST_ALGORITHMS`. */
const HAS_IMAGE = 8;
const PLAIN = 16;
/** Rows of before schema 5 have no windows. */
const HAS_WINDOWS = 32;
const VIEW_WHITE = 1;
const VIEW_BLOCKHASH = 2;
const VIEW_TURNED = 4;
const VIEW_FULL = 8;
const VIEW_NO_PDQ = 16;
const VIEW_NAMED = 32;
/** Rows of before there was the family have none of it. */
const VIEW_SYMMETRIC = 64;
const VIEW_WINDOWS = 128;
/** Background in the low bits, part in the high ones; 0 is null. */
const PART_SHIFT = 4;
const QUALITY_DEGENERATE = 128;

/** White alone has a flag of its own, as in rows of before there were other backgrounds. */
const hasName = ({ background, part }: ViewName): boolean =>
  part !== null || (background !== null && background !== 'white');

/** Return the packed windows of a view; null where it has none. */
function packedWindowsOf({ storedWindows, windows }: FactView): Uint8Array | null {
  return storedWindows ?? (windows.length > 0 ? packStoredWindows(windows) : null);
}

function packView(out: Writer, view: FactView, isPlain: boolean): void {
  const { frame, background, part, families, blockhash } = view;
  const isNamed = hasName(view);
  const windows = packedWindowsOf(view);
  out.u8(
    (background === 'white' && !isNamed ? VIEW_WHITE : 0) |
      (isNamed ? VIEW_NAMED : 0) |
      (blockhash ? VIEW_BLOCKHASH : 0) |
      ((families[0]?.hashes.length ?? 0) > 1 ? VIEW_TURNED : 0) |
      (families[1]?.family === 'full' ? VIEW_FULL : 0) |
      (families[1]?.family === 'symmetric' ? VIEW_SYMMETRIC : 0) |
      (families.length === 0 ? VIEW_NO_PDQ : 0) |
      (windows ? VIEW_WINDOWS : 0),
  );
  if (isNamed) {
    const parts = part === null ? 0 : PARTS.indexOf(part) + 1;
    out.u8((background === null ? 0 : BACKGROUNDS.indexOf(background) + 1) | (parts << PART_SHIFT));
  }
  if (!isPlain) out.varint(frame);
  for (const { quality, degenerate } of families) out.u8(quality | (degenerate ? QUALITY_DEGENERATE : 0));
  out.all(packOrientedHashes(families.map(({ hashes }) => hashes)));
  if (windows) {
    out.varint(windows.length);
    out.all(windows);
  }
  if (blockhash) out.all(blockhash);
}

/** The ctime of a row without one: no file has it. */
const UNKNOWN_TIME = -(2n ** 63n);

/** The part of a view before its packed hashes. */
interface ViewHead extends ViewName {
  readonly frame: number;
  readonly families: readonly Omit<ViewReply['families'][number], 'hashes'>[];
  /** Hashes of each family. */
  readonly counts: readonly number[];
  readonly hasWindows: boolean;
  readonly hasBlockhash: boolean;
}

const NO_FAMILIES: readonly Family[] = [];
const ONE_FAMILY: readonly Family[] = ['resized'];
const WITH_FULL: readonly Family[] = ['resized', 'full'];
const WITH_SYMMETRIC: readonly Family[] = ['resized', 'symmetric'];

/** Return the families of a view. A row stores two at most: an image has either `full` or `symmetric`. */
function familiesOf(flags: number): readonly Family[] {
  if (flags & VIEW_NO_PDQ) return NO_FAMILIES;
  return flags & VIEW_FULL ? WITH_FULL : flags & VIEW_SYMMETRIC ? WITH_SYMMETRIC : ONE_FAMILY;
}

export function readViewHead(from: Reader, isPlain: boolean): ViewHead {
  const flags = from.u8();
  const name = flags & VIEW_NAMED ? from.u8() : 0;
  const background = name & ((1 << PART_SHIFT) - 1);
  const frame = isPlain ? 0 : from.varint();
  const count = flags & VIEW_TURNED ? ORIENTATIONS.length : 1;
  const families = familiesOf(flags).map((family) => {
    const quality = from.u8();
    return { family, quality: quality & ~QUALITY_DEGENERATE, degenerate: (quality & QUALITY_DEGENERATE) !== 0 };
  });
  return {
    frame,
    background: flags & VIEW_WHITE ? 'white' : background === 0 ? null : valueAt(BACKGROUNDS, background - 1),
    part: name >> PART_SHIFT === 0 ? null : valueAt(PARTS, (name >> PART_SHIFT) - 1),
    families,
    counts: families.map(() => count),
    hasWindows: (flags & VIEW_WINDOWS) !== 0,
    hasBlockhash: (flags & VIEW_BLOCKHASH) !== 0,
  };
}

/** Take the packed windows of a view. Errors RangeError: more than a view has. */
export function takeWindows(from: Reader): Uint8Array {
  const length = from.varint();
  if (length > VIEW_WINDOWS_BYTES_MAX) throw new RangeError('a view with too many windows');
  return from.take(length);
}

function unpackView(from: Reader, isPlain: boolean, knowsPlaces: boolean): FactView {
  const { frame, background, part, families, counts, hasWindows, hasBlockhash } = readViewHead(from, isPlain);
  const { lists, length } = unpackOrientedHashes(from.bytes, from.at, counts);
  from.pass(length);
  const packed = hasWindows ? takeWindows(from) : null;
  const storedWindows = knowsPlaces ? packed?.slice() : null;
  return {
    frame,
    background,
    part,
    families: families.map((one, at) => ({ ...one, hashes: lists[at]! })),
    blockhash: hasBlockhash ? from.take(HASH256_BYTES).slice() : null,
    windows: [],
    ...(storedWindows && { storedWindows }),
  };
}

/** What a scan decides about a file, beside what it found in it. */
export type Settlement = Pick<FileFacts, 'verdict' | 'scan' | 'generation' | 'isMissing'>;

/** Pack facts. `settled`: in place of what the facts say of it. */
export function packFacts(facts: FileFacts, settled: Settlement = facts): Uint8Array {
  const { kind, reason, degraded, decoding, code, digests, image, frames, detail, views } = facts;
  const { verdict, scan, generation, isMissing } = settled;
  const out = new Writer();
  out.u8(FILE_KINDS.indexOf(kind) | ((reason === null ? 0 : NOT_CHECKED_REASONS.indexOf(reason) + 1) << 4));
  out.u8(
    VERDICTS.indexOf(verdict) |
      (degraded ? IS_DEGRADED : 0) |
      (code === null ? 0 : HAS_CODE) |
      HAS_CTIME |
      (decoding === 0 ? 0 : HAS_DECODING) |
      (isMissing ? IS_MISSING : 0),
  );
  if (decoding !== 0) out.u8(decoding);
  if (code !== null) out.u8(ERRORS[code].number);
  out.varint(facts.size);
  out.bigVarint(facts.inode);
  out.varint(scan);
  out.varint(generation);
  out.i64(facts.mtimeNs);
  out.i64(facts.ctimeNs);
  out.bigVarint(facts.device);
  const known = DIGEST_ALGORITHMS.filter((algorithm) => digests[algorithm] !== undefined);
  if (known.length === 0 && image === null) return out.bytes;
  const isPlain = frames === 1 && views.length === 1 && views[0]!.frame === 0;
  out.u8(
    DIGEST_ALGORITHMS.reduce((flags, algorithm, bit) => flags | (known.includes(algorithm) ? 1 << bit : 0), 0) |
      (image ? HAS_IMAGE : 0) |
      (isPlain ? PLAIN : 0) |
      (image && detail !== 'plain' ? HAS_WINDOWS : 0),
  );
  for (const algorithm of known) out.all(Buffer.from(digests[algorithm]!, 'hex'));
  if (image === null) return out.bytes;
  out.u8(IMAGE_FORMATS.indexOf(image.format));
  out.varint(image.width);
  out.varint(image.height);
  if (detail !== 'plain') {
    out.u8(DETAILS.indexOf(detail));
    out.u8(WINDOW_TABLES);
  }
  if (!isPlain) {
    out.u8(frames);
    out.u8(views.length);
  }
  for (const view of views) packView(out, view, isPlain);
  return out.bytes;
}

/** Facts of a row without its digests and hashes. */
export type FactsHead = Pick<FileFacts, 'kind' | 'reason' | 'verdict' | 'degraded' | 'size' | 'isMissing' | 'scan'>;

/** Facts of a row without its digests and the image. */
type Head = Omit<FileFacts, 'frames' | 'detail' | 'digests' | 'image' | 'views'>;

const TIME_BYTES = 8;

/** Read all before the digests' flags, or the end. Its fields are written out: a scan reads millions of rows. */
function readHead(from: Reader): Head {
  const state = from.u8();
  const flags = from.u8();
  const decoding = flags & HAS_DECODING ? from.u8() : 0;
  const code = flags & HAS_CODE ? valueAt(CODE_BY_NUMBER, from.u8()) : null;
  const hasCtime = (flags & HAS_CTIME) !== 0;
  return {
    kind: valueAt(FILE_KINDS, state & 15),
    reason: state >> 4 === 0 ? null : valueAt(NOT_CHECKED_REASONS, (state >> 4) - 1),
    verdict: valueAt(VERDICTS, flags & 7),
    degraded: (flags & IS_DEGRADED) !== 0,
    decoding,
    isMissing: (flags & IS_MISSING) !== 0,
    code,
    size: from.varint(),
    inode: from.bigVarint(),
    scan: from.varint(),
    generation: from.varint(),
    mtimeNs: from.i64(),
    ctimeNs: hasCtime ? from.i64() : UNKNOWN_TIME,
    device: hasCtime ? from.bigVarint() : 0n,
  };
}

/** Read the head; leaves the reader at the digests' flags, or the end. */
export function readFactsHead(from: Reader): FactsHead {
  const state = from.u8();
  const flags = from.u8();
  if (flags & HAS_DECODING) from.pass(1);
  if (flags & HAS_CODE) valueAt(CODE_BY_NUMBER, from.u8());
  const head = {
    kind: valueAt(FILE_KINDS, state & 15),
    reason: state >> 4 === 0 ? null : valueAt(NOT_CHECKED_REASONS, (state >> 4) - 1),
    verdict: valueAt(VERDICTS, flags & 7),
    degraded: (flags & IS_DEGRADED) !== 0,
    isMissing: (flags & IS_MISSING) !== 0,
    size: from.varint(),
    scan: 0,
  };
  from.passVarint();
  head.scan = from.varint();
  from.passVarint();
  from.pass(TIME_BYTES);
  if (flags & HAS_CTIME) {
    from.pass(TIME_BYTES);
    from.passVarint();
  }
  return head;
}

/** Read the flags of the digests and the image. */
export function readQueryFlags(from: Reader): {
  readonly digests: readonly DigestAlgorithm[];
  readonly hasImage: boolean;
  readonly isPlain: boolean;
  readonly hasWindows: boolean;
} {
  const flags = from.u8();
  return {
    digests: DIGEST_ALGORITHMS.filter((_, bit) => (flags & (1 << bit)) !== 0),
    hasImage: (flags & HAS_IMAGE) !== 0,
    isPlain: (flags & PLAIN) !== 0,
    hasWindows: (flags & HAS_WINDOWS) !== 0,
  };
}

/** How far an image of a row was hashed. */
interface RowDetail {
  readonly detail: Detail;
  /** False where its windows are at places of other tables: they are passed over, as if none had been hashed. */
  readonly knowsPlaces: boolean;
}

/** Errors RangeError: an unknown detail. */
export function readDetail(from: Reader, hasWindows: boolean): RowDetail {
  if (!hasWindows) return { detail: 'plain', knowsPlaces: true };
  const detail = valueAt(DETAILS, from.u8());
  const tables = from.u8();
  // Windows that are found are in no table.
  if (tables === WINDOW_TABLES || detail !== 'deep') return { detail, knowsPlaces: true };
  return { detail: 'plain', knowsPlaces: false };
}

/** Unpack the facts of a row. Errors STORE_FAILED: the bytes are invalid. */
export function unpackFacts(bytes: Uint8Array): FileFacts {
  return readRow(() => readFacts(new Reader(bytes)));
}

function readFacts(from: Reader): FileFacts {
  const head = readHead(from);
  const digests: Digests = {};
  let image: FileFacts['image'] = null;
  let views: FactView[] = [];
  let frames = 1;
  let detail: Detail = 'plain';
  if (!from.isAtEnd) {
    const flags = readQueryFlags(from);
    for (const algorithm of flags.digests)
      digests[algorithm] = Buffer.from(from.take(VALUE_BYTES[algorithm])).toString('hex');
    if (flags.hasImage) {
      image = { format: valueAt(IMAGE_FORMATS, from.u8()), width: from.varint(), height: from.varint() };
      const read = readDetail(from, flags.hasWindows);
      detail = read.detail;
      frames = flags.isPlain ? 1 : from.u8();
      const count = flags.isPlain ? 1 : from.u8();
      views = Array.from({ length: count }, () => unpackView(from, flags.isPlain, read.knowsPlaces));
    }
  }
  from.requireEnd();
  const { kind, reason, verdict, degraded, decoding, isMissing, code, size } = head;
  const { inode, scan, generation, mtimeNs, ctimeNs, device } = head;
  return {
    kind,
    reason,
    verdict,
    degraded,
    decoding,
    isMissing,
    code,
    size,
    inode,
    scan,
    generation,
    mtimeNs,
    ctimeNs,
    device,
    frames,
    detail,
    digests,
    image,
    views,
  };
}
