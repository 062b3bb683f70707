/**
 * The windows of one view in a row of the inventory: their hashes without loss, and where each lies to a 4,096th of the image. Their certain bits
 * are not stored: a stored window says that an entry may match, and only the file itself decides it.
 *
 * Layout  head u8 (1: with mirrored hashes) · number u8 · proportion f32, little-endian · hashes, 32 bytes each · bits. Of each window: 0 and its number in
 *         the table of places, 8 bits; or 1, kind in 2, four flags of edges that are not those of the image, and each of these in 11. Then, with mirrored
 *         hashes, how many bits of it the sign rule has wrong, in 6, and the gap before each in Rice code; or 63 and the whole hash.
 */
import { HASH256_BYTES } from '../../core/hash256.js';
import { type Place, RESAMPLED, type Rectangle, type WindowKind } from '../../core/window.js';
import { BitReader, BitWriter } from '../../kernels/bit-stream.js';
import { reorientPdq } from '../../kernels/pdq-signs.js';
import { FOUND_MAX } from '../../kernels/windows/find-windows.js';
import { fixedPlaces } from '../../kernels/windows/fixed-windows.js';
import type { WindowHash } from '../../kernels/windows/hash-windows.js';
import { valueAt } from './packed-bytes.js';

/**
 * Version of the table of fixed places, in each row with windows. A row of another version with such windows counts as one without any, so its image
 * is read again where windows are asked for.
 */
export const WINDOW_TABLES = 2;
/** Kinds of windows that are found; a row stores the position. */
const FOUND_KINDS: readonly WindowKind[] = ['border', 'strip', 'part'];
const HEAD_BYTES = 6;
const MIRRORED = 1;

const NUMBER_BITS = 8;
const KIND_BITS = 2;
const EDGE_BITS = 11;
const EDGE_STEPS = 1 << EDGE_BITS;
const EDGES = ['left', 'top', 'right', 'bottom'] as const;
const EDGE_OF_IMAGE: Readonly<Record<(typeof EDGES)[number], 0 | 1>> = { left: 0, top: 0, right: 1, bottom: 1 };
const COUNT_BITS = 6;
const WHOLE_HASH = (1 << COUNT_BITS) - 1;
/** Rice parameter of the gaps: of photographs, six bits of 256 are wrong in the median. */
const GAP_RICE = 4;
const HASH_BITS = 8 * HASH256_BYTES;

/** Windows of one view: those that are found, the image at another size, and all fixed places. */
export const VIEW_WINDOWS_MAX = FOUND_MAX + 1 + fixedPlaces(1, 1).length;
/** Of one window, at most. Photographs have 40 bytes a window in `deep` and 42 in `standard`, five of them for the mirrored hash. */
const WINDOW_BITS_MAX =
  HASH_BITS + Math.max(1 + NUMBER_BITS, 1 + KIND_BITS + EDGES.length * (1 + EDGE_BITS)) + COUNT_BITS + HASH_BITS;
export const VIEW_WINDOWS_BYTES_MAX = HEAD_BYTES + Math.ceil((VIEW_WINDOWS_MAX * WINDOW_BITS_MAX) / 8);

/** The sign rule without transposition flips the same bits of every hash. */
const MIRROR_MASK = reorientPdq(new Uint8Array(HASH256_BYTES), 'flipY');

/** Shares of an image within which two places are one: a proportion is stored with 24 bits. */
const SAME_PLACE = 1e-4;

const isSamePlace = (a: Place, b: Place) =>
  a.kind === b.kind &&
  a.degrees === b.degrees &&
  EDGES.every((edge) => Math.abs(a.rectangle[edge] - b.rectangle[edge]) <= SAME_PLACE);

const placesOf = (proportion: number): readonly Place[] => [RESAMPLED, ...fixedPlaces(proportion, 1)];

function packPlace(out: BitWriter, place: Place, table: readonly Place[]): void {
  const kind = FOUND_KINDS.indexOf(place.kind);
  if (kind < 0) {
    const number = table.findIndex((one) => isSamePlace(one, place));
    if (number < 0) throw new RangeError(`a window of kind ${place.kind} that is in no table`);
    out.write(0, 1);
    out.write(number, NUMBER_BITS);
    return;
  }
  out.write(1, 1);
  out.write(kind, KIND_BITS);
  const steps = EDGES.map((edge) => Math.round(place.rectangle[edge] * EDGE_STEPS));
  const isInside = (step: number) => step > 0 && step < EDGE_STEPS;
  // An edge beyond the other one would be taken for that of the image.
  if (EDGES.some((edge, n) => !isInside(steps[n]!) && steps[n] !== EDGE_OF_IMAGE[edge] * EDGE_STEPS))
    throw new RangeError('a found window that is not inside the image');
  for (const step of steps) out.write(isInside(step) ? 1 : 0, 1);
  for (const step of steps) if (isInside(step)) out.write(step, EDGE_BITS);
}

/** Pack how a mirrored hash differs from what the sign rule makes of the hash. */
function packMirrored(out: BitWriter, hash256: Uint8Array, mirrored: Uint8Array): void {
  const gaps: number[] = [];
  let last = -1;
  for (let at = 0; at < HASH_BITS; at++) {
    const byte = at >> 3;
    if ((((hash256[byte]! ^ MIRROR_MASK[byte]! ^ mirrored[byte]!) >> (at & 7)) & 1) === 0) continue;
    gaps.push(at - last - 1);
    last = at;
  }
  const bits = gaps.reduce((sum, gap) => sum + (gap >>> GAP_RICE) + 1 + GAP_RICE, 0);
  if (gaps.length >= WHOLE_HASH || bits > HASH_BITS) {
    out.write(WHOLE_HASH, COUNT_BITS);
    for (const byte of mirrored) out.write(byte, 8);
    return;
  }
  out.write(gaps.length, COUNT_BITS);
  for (const gap of gaps) out.rice(gap, GAP_RICE);
}

/** Pack the windows of one view, at most `VIEW_WINDOWS_MAX`, all with a mirrored hash or none. Errors RangeError: one at no place that can be stored. */
export function packStoredWindows(windows: readonly WindowHash[]): Uint8Array {
  if (windows.length > VIEW_WINDOWS_MAX) throw new RangeError(`${windows.length} windows of one view`);
  const hasMirrored = windows.every(({ hashes }) => hashes.length === 2);
  const head = Buffer.alloc(HEAD_BYTES);
  head.set([hasMirrored ? MIRRORED : 0, windows.length]);
  head.writeFloatLE(windows[0]?.window.proportion ?? 1, 2);
  const table = placesOf(head.readFloatLE(2));
  const bits = new BitWriter();
  for (const { window, hashes } of windows) {
    packPlace(bits, window, table);
    if (hasMirrored) packMirrored(bits, hashes[0]!, hashes[1]!);
  }
  return new Uint8Array(Buffer.concat([head, ...windows.map(({ hashes }) => hashes[0]!), Buffer.from(bits.bytes)]));
}

/** Return the number of windows in a packed view. */
export const storedCount = (packed: Uint8Array): number => packed[1] ?? 0;

/** A place as it is stored: the number of a fixed one, or a found one. */
type StoredPlace = number | { readonly kind: WindowKind; readonly rectangle: Rectangle };

/** Windows that are read one after the other. */
export class StoredWindows {
  readonly count: number;
  readonly hasMirrored: boolean;
  readonly proportion: number;
  readonly #bits: BitReader;
  #read = 0;

  /** Errors RangeError: too few bytes. */
  constructor(readonly packed: Uint8Array) {
    const hashesEnd = HEAD_BYTES + storedCount(packed) * HASH256_BYTES;
    if (hashesEnd > packed.length) throw new RangeError('the windows of a view end too soon');
    this.count = storedCount(packed);
    this.hasMirrored = (packed[0]! & MIRRORED) !== 0;
    this.proportion = new DataView(packed.buffer, packed.byteOffset).getFloat32(2, true);
    if (!(this.proportion > 0)) throw new RangeError('an image without a proportion');
    this.#bits = new BitReader(packed, hashesEnd);
  }

  /** Read the place of the next window; its hashes must be read next. Errors RangeError. */
  place(): StoredPlace {
    const bits = this.#bits;
    if (bits.read(1) === 0) return bits.read(NUMBER_BITS);
    const kind = valueAt(FOUND_KINDS, bits.read(KIND_BITS));
    const inside = bits.read(EDGES.length);
    const edge = (n: number) => (inside & (8 >> n) ? bits.read(EDGE_BITS) / EDGE_STEPS : EDGE_OF_IMAGE[EDGES[n]!]);
    return { kind, rectangle: { left: edge(0), top: edge(1), right: edge(2), bottom: edge(3) } };
  }

  /** Read the hash of the window, and its mirrored one into `to` at 32 bytes from it, where there is one. */
  hashesInto(out: Uint8Array, to: number): void {
    const from = HEAD_BYTES + this.#read++ * HASH256_BYTES;
    for (let n = 0; n < HASH256_BYTES; n++) out[to + n] = this.packed[from + n]!;
    if (!this.hasMirrored) return;
    const mirrored = to + HASH256_BYTES;
    const wrong = this.#bits.read(COUNT_BITS);
    if (wrong === WHOLE_HASH) {
      for (let n = 0; n < HASH256_BYTES; n++) out[mirrored + n] = this.#bits.read(8);
      return;
    }
    for (let n = 0; n < HASH256_BYTES; n++) out[mirrored + n] = out[to + n]! ^ MIRROR_MASK[n]!;
    for (let left = wrong, at = -1; left > 0; left--) {
      at += 1 + this.#bits.rice(GAP_RICE);
      if (at >= HASH_BITS) throw new RangeError('a bit outside the hash of a window');
      out[mirrored + (at >> 3)]! ^= 1 << (at & 7);
    }
  }

  /** Errors RangeError: more was read than there is, or something is left. */
  requireEnd(): void {
    if (this.#bits.end !== this.packed.length) throw new RangeError('the windows of a view end elsewhere');
  }
}

/** The kinds of the table, the same for all proportions. */
const KIND_OF_NUMBER: readonly WindowKind[] = placesOf(1).map(({ kind }) => kind);

/** Return the kind of a window at a stored place. Errors RangeError. */
export const kindOfPlace = (place: StoredPlace): WindowKind =>
  typeof place === 'number' ? valueAt(KIND_OF_NUMBER, place) : place.kind;

/** Unpack the windows of one view. Errors RangeError: the bytes are invalid. */
export function unpackStoredWindows(packed: Uint8Array): WindowHash[] {
  const stored = new StoredWindows(packed);
  const { proportion, hasMirrored } = stored;
  const table = placesOf(proportion);
  const bytes = (hasMirrored ? 2 : 1) * HASH256_BYTES;
  const windows = Array.from({ length: stored.count }, (): WindowHash => {
    const place = stored.place();
    const { kind, rectangle, degrees } = typeof place === 'number' ? valueAt(table, place) : { ...place, degrees: 0 };
    const both = new Uint8Array(bytes);
    stored.hashesInto(both, 0);
    const hashes = hasMirrored ? [both.subarray(0, HASH256_BYTES), both.subarray(HASH256_BYTES)] : [both];
    return { window: { kind, rectangle, degrees, proportion }, quality: null, hashes, certain: null };
  });
  stored.requireEnd();
  return windows;
}
