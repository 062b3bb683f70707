/**
 * An interlaced PNG that is cut off or damaged: its complete passes are the whole image with fewer rows and columns, which browsers show.
 *
 * Source  W3C, Portable Network Graphics (PNG) Specification (Third Edition), 8.1 (Adam7), 9 (filters) and 11.2.1.
 */
import { once } from 'node:events';
import { constants, createInflate, deflateSync } from 'node:zlib';
import { isTooSmall } from '../kernels/pdq.js';
import { chunksOf, pngChunk, SIGNATURE } from './png-chunks.js';
import { across, type Layout, layoutOf, PASSES, type Pass, rowBytes, sizeOf } from './png-layout.js';

/** A PNG without interlacing, of the pixels that are on the grid of the complete passes. */
interface Passes {
  readonly file: Uint8Array;
  /** Pixels on the longer side of the image at the distance that they have in both directions. */
  readonly side: number;
}

/** All but the last: without it there is half of the pixels at most, so this takes no more memory than decoding the whole. */
const KEPT = PASSES.slice(0, -1);
/** Chunks that are written otherwise, and those of an animation. */
const LEFT_OUT: ReadonlySet<string> = new Set(['IHDR', 'IDAT', 'IEND', 'acTL', 'fcTL', 'fdAT']);

/** Each piece takes a turn of the thread pool. */
const PIECE_BYTES_MAX = 16_384;

/** Inflate as far as there is data without damage, at most so many bytes: what is behind them is not needed. */
async function inflateUpTo(pieces: readonly Uint8Array[], bytesMax: number): Promise<Uint8Array> {
  const inflated = new Uint8Array(bytesMax);
  let length = 0;
  // At damage the last piece is lost, so it is a small part. 64 is the least that zlib's binding takes.
  const chunkSize = Math.max(64, Math.min(PIECE_BYTES_MAX, bytesMax >> 8));
  const inflate = createInflate({ chunkSize, finishFlush: constants.Z_SYNC_FLUSH });
  inflate.on('data', (piece: Buffer) => {
    inflated.set(piece.subarray(0, bytesMax - length), length);
    length = Math.min(bytesMax, length + piece.length);
    if (length === bytesMax) inflate.destroy();
  });
  inflate.on('error', () => {});
  const closed = once(inflate, 'close').catch(() => {});
  for (const piece of pieces) inflate.write(piece);
  inflate.end();
  await closed;
  return inflated.subarray(0, length);
}

function paeth(left: number, above: number, corner: number): number {
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

/** Undo the filters of a pass in place; false if one of them does not exist. */
function unfilter(data: Uint8Array, rows: number, bits: number): boolean {
  const [stride, back] = [data.length / rows, Math.ceil(bits / 8)];
  for (let row = 0, from = 0; row < rows; row++, from += stride) {
    const filter = data[from]!;
    if (filter > 4) return false;
    for (let at = from + 1; filter > 0 && at < from + stride; at++) {
      const [hasLeft, hasAbove] = [at - back > from, row > 0];
      const left = hasLeft ? data[at - back]! : 0;
      const above = hasAbove ? data[at - stride]! : 0;
      if (filter === 1) data[at]! += left;
      else if (filter === 2) data[at]! += above;
      else if (filter === 3) data[at]! += (left + above) >> 1;
      else data[at]! += paeth(left, above, hasLeft && hasAbove ? data[at - stride - back]! : 0);
    }
  }
  return true;
}

/** Rows of pixels, each behind the number of its filter, which is 0. */
class Grid {
  readonly columns: number;
  readonly rows: number;
  readonly stride: number;
  readonly data: Uint8Array;

  constructor(
    { width, height, bits }: Layout,
    readonly step: Pass['grid'],
  ) {
    [this.columns, this.rows] = [across(width, 0, step[0]), across(height, 0, step[1])];
    this.stride = 1 + rowBytes(this.columns, bits);
    this.data = new Uint8Array(this.rows * this.stride);
  }

  /** Put the pixels of a pass in their places. */
  put(pass: Pass, data: Uint8Array, layout: Layout): void {
    const { columns, rows } = sizeOf(pass, layout);
    const [column, right] = [pass.start[0] / this.step[0], pass.step[0] / this.step[0]];
    const [row, down] = [pass.start[1] / this.step[1], pass.step[1] / this.step[1]];
    const copy = layout.bits < 8 ? copyBits : copyBytes;
    for (let y = 0; y < rows; y++) {
      const source = data.subarray(y * (data.length / rows) + 1);
      const target = this.data.subarray((row + y * down) * this.stride + 1);
      for (let x = 0; x < columns; x++) copy(layout.bits, source, x, target, column + x * right);
    }
  }
}

/** Copies the pixel `from` of a row to the pixel `to` of another. */
type Copy = (bits: number, source: Uint8Array, from: number, target: Uint8Array, to: number) => void;

const copyBytes: Copy = (bits, source, from, target, to) => {
  const bytes = bits / 8;
  for (let byte = 0; byte < bytes; byte++) target[to * bytes + byte] = source[from * bytes + byte]!;
};

/** The first pixel is in the highest bits. */
const copyBits: Copy = (bits, source, from, target, to) => {
  const value = (source[(from * bits) >> 3]! >> (8 - bits - ((from * bits) & 7))) & ((1 << bits) - 1);
  target[(to * bits) >> 3]! |= value << (8 - bits - ((to * bits) & 7));
};

/** Return the pixels of the passes that are complete, in rows, each behind a byte. */
async function unpack(pieces: readonly Uint8Array[], layout: Layout): Promise<Uint8Array[]> {
  const sizes = KEPT.map((pass) => sizeOf(pass, layout));
  const bytesMax = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const inflated = await inflateUpTo(pieces, bytesMax);
  const passes: Uint8Array[] = [];
  let from = 0;
  for (const { bytes, rows } of sizes) {
    const data = inflated.subarray(from, from + bytes);
    if (data.length < bytes || !unfilter(data, rows, layout.bits)) break;
    passes.push(data);
    from += bytes;
  }
  return passes;
}

/**
 * Return the complete passes of an interlaced PNG; null of any other, and where there are too few pixels.
 * Errors  IMAGE_CORRUPT: too many chunks.
 */
export async function completePasses(bytes: Uint8Array, pixelsMax: number): Promise<Passes | null> {
  const chunks = [...chunksOf(bytes)];
  const header = Uint8Array.from(chunks.find(({ type }) => type === 'IHDR')?.data.subarray(0, 13) ?? []);
  const layout = layoutOf(header);
  if (!layout?.isInterlaced || layout.width * layout.height > pixelsMax) return null;
  const first = chunks.findIndex(({ type }) => type === 'IDAT');
  const pieces = chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data);
  const passes = await unpack(pieces, layout);
  if (passes.length === 0) return null;
  const grid = new Grid(layout, PASSES[passes.length - 1]!.grid);
  if (isTooSmall({ width: grid.columns, height: grid.rows }, 'resized')) return null;
  for (const [n, data] of passes.entries()) grid.put(PASSES[n]!, data, layout);
  const view = new DataView(header.buffer);
  view.setUint32(0, grid.columns);
  view.setUint32(4, grid.rows);
  view.setUint8(12, 0);
  const kept = chunks.slice(0, first).filter(({ type }) => !LEFT_OUT.has(type));
  const file = Buffer.concat([
    SIGNATURE,
    pngChunk('IHDR', header),
    ...kept.map(({ type, data }) => pngChunk(type, data)),
    pngChunk('IDAT', deflateSync(grid.data, { level: 1 })),
    pngChunk('IEND'),
  ]);
  return { file, side: Math.max(layout.width, layout.height) / Math.max(...grid.step) };
}
