/**
 * The header of a JPEG XL, without decoding: ISO/IEC 18181-1 (SizeHeader, ImageMetadata) and 18181-2 (boxes).
 * Never allocates for one codestream in one piece; nothing here throws, for any bytes.
 */

export interface JxlHeader {
  /** Pixels as shown: the orientation is applied. */
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** One frame of integers, at most one extra channel, which is an alpha that is not premultiplied, and no high dynamic range. */
  readonly isPlain: boolean;
  /** libjxl gives samples of linear light. */
  readonly isLinear: boolean;
}

interface Codestream {
  readonly bytes: Uint8Array;
  /** A box says that it is longer than the file. */
  readonly isCut: boolean;
}

const CONTAINER = Buffer.from('0000000c4a584c200d0a870a', 'hex');
/** The header is at the front; names of extra channels and a preview's size make it longer than some 40 bytes. */
const HEADER_BYTES_MAX = 65_536;
const CODESTREAM_BOX = 0x6a786c63;
const PARTIAL_BOX = 0x6a786c70;

/** Width to height by the three bits of SizeHeader; 0 means that the width is written. */
const RATIOS = [
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
] as const;

const ALPHA = 0;
const SPOT_COLOUR = 2;
const COLOUR_FILTER = 5;
const GREY = 1;
const XYB = 2;
const CUSTOM = 2;
const SRGB = 13;
const LINEAR = 8;
/** PQ and HLG: more light than a screen has. */
const HIGH_RANGE = [16, 18];

/** Reads past the end throw this; `readJxlHeader` catches it. */
class EndOfHeader extends Error {}

/** Least significant bit first. */
class BitReader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bits(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++, this.#at++) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) throw new EndOfHeader();
      value += ((byte >> (this.#at & 7)) & 1) * 2 ** bit;
    }
    return value;
  }

  bool(): boolean {
    return this.bits(1) === 1;
  }

  /** One of four forms, by two bits: a number that is added to so many bits. */
  u32(...forms: readonly [offset: number, bits: number][]): number {
    const [offset, bits] = forms[this.bits(2)]!;
    return offset + this.bits(bits);
  }

  enumerated(): number {
    return this.u32([0, 0], [1, 0], [2, 4], [18, 6]);
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function readSize(reader: BitReader): Size {
  const isSmall = reader.bool();
  const side = () => (isSmall ? (reader.bits(5) + 1) * 8 : reader.u32([1, 9], [1, 13], [1, 18], [1, 30]));
  return withRatio(reader, side);
}

function readPreviewSize(reader: BitReader): Size {
  const isSmall = reader.bool();
  const side = () =>
    isSmall ? reader.u32([16, 0], [32, 0], [1, 5], [33, 9]) * 8 : reader.u32([1, 6], [65, 8], [321, 10], [1345, 12]);
  return withRatio(reader, side);
}

function withRatio(reader: BitReader, side: () => number): Size {
  const height = side();
  const ratio = reader.bits(3);
  if (ratio === 0) return { width: side(), height };
  const [wide, high] = RATIOS[ratio - 1]!;
  return { width: Math.floor((height * wide) / high), height };
}

function skipAnimation(reader: BitReader): void {
  reader.u32([100, 0], [1000, 0], [1, 10], [1, 30]);
  reader.u32([1, 0], [1001, 0], [1, 8], [1, 10]);
  reader.u32([0, 0], [0, 3], [0, 16], [0, 32]);
  reader.bool();
}

function readDepth(reader: BitReader): { bits: number; isFloat: boolean } {
  const isFloat = reader.bool();
  if (!isFloat) return { bits: reader.u32([8, 0], [10, 0], [12, 0], [1, 6]), isFloat };
  const bits = reader.u32([32, 0], [16, 0], [24, 0], [1, 6]);
  reader.bits(4);
  return { bits, isFloat };
}

/** Read one extra channel; return whether it is an alpha of integers that is not premultiplied. */
function readExtraChannel(reader: BitReader): boolean {
  if (reader.bool()) return true;
  const type = reader.enumerated();
  const { isFloat } = readDepth(reader);
  reader.u32([0, 0], [3, 0], [4, 0], [1, 3]);
  const nameBytes = reader.u32([0, 0], [0, 4], [16, 5], [48, 10]);
  for (let byte = 0; byte < nameBytes; byte++) reader.bits(8);
  const isPremultiplied = type === ALPHA && reader.bool();
  if (type === SPOT_COLOUR) for (let value = 0; value < 4; value++) reader.bits(16);
  if (type === COLOUR_FILTER) reader.u32([1, 0], [0, 2], [3, 4], [19, 8]);
  return type === ALPHA && !isFloat && !isPremultiplied;
}

function skipCustomPoint(reader: BitReader): void {
  for (let axis = 0; axis < 2; axis++) reader.u32([0, 19], [524_288, 19], [1_048_576, 20], [2_097_152, 21]);
}

/** Return the transfer function; 'profile' if it is in an ICC profile, null if it is a gamma. */
function readTransfer(reader: BitReader): number | 'profile' | null {
  if (reader.bool()) return SRGB;
  const hasProfile = reader.bool();
  const space = reader.enumerated();
  if (hasProfile) return 'profile';
  if (space !== XYB) {
    if (reader.enumerated() === CUSTOM) skipCustomPoint(reader);
    if (space !== GREY && reader.enumerated() === CUSTOM)
      for (let point = 0; point < 3; point++) skipCustomPoint(reader);
  }
  if (space === XYB || reader.bool()) return null;
  return reader.enumerated();
}

function readMetadata(reader: BitReader): Omit<JxlHeader, 'width' | 'height'> & { isTurned: boolean } {
  if (reader.bool()) return { bits: 8, isPlain: true, isLinear: false, isTurned: false };
  let orientation = 0;
  let isAnimated = false;
  if (reader.bool()) {
    orientation = reader.bits(3);
    if (reader.bool()) readSize(reader);
    if (reader.bool()) readPreviewSize(reader);
    isAnimated = reader.bool();
    if (isAnimated) skipAnimation(reader);
  }
  const { bits, isFloat } = readDepth(reader);
  reader.bool();
  const extraCount = reader.u32([0, 0], [1, 0], [2, 4], [1, 12]);
  let alphas = 0;
  for (let channel = 0; channel < extraCount; channel++) if (readExtraChannel(reader)) alphas++;
  const isXyb = reader.bool();
  const transfer = readTransfer(reader);
  // Samples in XYB have no form of their own; libjxl gives them as linear light where a profile is to be applied.
  const isLinear = transfer === LINEAR || (isXyb && transfer === 'profile');
  const isScreen = typeof transfer !== 'number' || !HIGH_RANGE.includes(transfer);
  const isPlain = !isAnimated && !isFloat && bits <= 16 && extraCount <= 1 && alphas === extraCount && isScreen;
  return { bits, isPlain, isLinear, isTurned: orientation >= 4 };
}

/**
 * Return the codestream of a file: the file itself, or what its boxes have, copied if it is in several.
 *
 * `bytesMax`: enough of it.
 */
export function jxlCodestream(file: Uint8Array, bytesMax = Number.POSITIVE_INFINITY): Codestream {
  if (!CONTAINER.equals(file.subarray(0, CONTAINER.length))) return { bytes: file, isCut: false };
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts: Uint8Array[] = [];
  let found = 0;
  let isCut = false;
  for (let at = CONTAINER.length; at + 8 <= file.length && found < bytesMax; ) {
    const written = view.getUint32(at);
    const isLong = written === 1 && at + 16 <= file.length;
    const size = written === 0 ? file.length - at : isLong ? Number(view.getBigUint64(at + 8)) : written;
    const type = view.getUint32(at + 4);
    const front = (isLong ? 16 : 8) + (type === PARTIAL_BOX ? 4 : 0);
    if (size < (isLong ? 16 : 8)) break;
    if (at + size > file.length) isCut = true;
    if (type === CODESTREAM_BOX || type === PARTIAL_BOX) {
      const part = file.subarray(Math.min(at + front, file.length), Math.min(at + size, file.length));
      parts.push(part);
      found += part.length;
    }
    at += size;
  }
  return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), isCut };
}

/** Return the header of a file or codestream; null if it has none that can be read. Errors: none, for any bytes. */
export function readJxlHeader(file: Uint8Array): JxlHeader | null {
  const { bytes } = jxlCodestream(file, HEADER_BYTES_MAX);
  if (bytes[0] !== 0xff || bytes[1] !== 0x0a) return null;
  const reader = new BitReader(bytes.subarray(2, HEADER_BYTES_MAX));
  try {
    const { width, height } = readSize(reader);
    const { isTurned, ...metadata } = readMetadata(reader);
    return { width: isTurned ? height : width, height: isTurned ? width : height, ...metadata };
  } catch (error) {
    if (error instanceof EndOfHeader) return null;
    throw error;
  }
}
