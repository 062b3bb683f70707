/** The surface by the WASM kernel, in the memory of a hasher. One at a time: opening another one overwrites it. */
import type { Raster } from '../../core/vocabulary.js';
import { DCT_SIDE, DEGENERATE_BELOW, LUMA_SIDE } from '../pdq.js';
import { align16, growTo, type PdqExports, type Span } from '../pdq-memory.js';
import {
  type Axis,
  type Box,
  type Directions,
  type Level,
  type Lines,
  levelsOf,
  type Profile,
  SEAM_STEP,
  SURFACE_SIDE_MAX,
  type Surface,
  samplesOf,
  shrinkFactor,
} from './surface.js';

/** Places in the kernel's memory that a hasher uses too. */
interface Shared {
  readonly cosines: number;
  readonly cosinesTurned: number;
  readonly half: number;
  readonly dct: number;
  readonly room: number;
  readonly hash: number;
  readonly lumas: number;
}

/** An image in the kernel's memory; behind it is room of its own for rows, at `rows`. */
interface PlacedImage extends Omit<Raster, 'data'> {
  readonly at: number;
  readonly rows: number;
}

const PIXELS_MAX = SURFACE_SIDE_MAX * SURFACE_SIDE_MAX;
/** Loads of the kernel read so far past a row. */
const PAST_ROW = 64;
/** All levels together are a third larger than the first; each begins at a multiple of 16. */
const LEVELS_BYTES = Math.ceil((PIXELS_MAX * 4 * 4) / 3) + 16 * 16;
/** Room that a surface needs in the kernel's memory. */
export const SURFACE_BYTES = align16(LEVELS_BYTES + PIXELS_MAX + 65_536);

interface Places {
  readonly levels: number;
  readonly grey: number;
  readonly axes: readonly [number, number, number, number, number, number];
  readonly line: number;
  readonly changed: number;
  readonly bins: number;
  readonly pair: number;
  readonly counts: number;
  readonly totals: number;
  readonly squares: number;
  readonly steps: number;
}

export class WasmSurface implements Surface, Lines {
  readonly #kernel: PdqExports;
  readonly #shared: Shared;
  readonly #places: Places;
  #levels: readonly (Level & { readonly at: number })[] = [];
  #views: { readonly bytes: Uint8Array; readonly words: Int32Array; readonly floats: Float32Array };

  constructor(kernel: PdqExports, shared: Shared, span: Span) {
    this.#kernel = kernel;
    this.#shared = shared;
    const axis = () => span.take(LUMA_SIDE * 4);
    this.#places = {
      levels: span.take(LEVELS_BYTES),
      grey: span.take(PIXELS_MAX + PAST_ROW),
      axes: [axis(), axis(), axis(), axis(), axis(), axis()],
      line: axis(),
      changed: span.take(DCT_SIDE * DCT_SIDE * 4),
      bins: span.take(34 * 4),
      pair: span.take(8),
      counts: span.take((SURFACE_SIDE_MAX + 16) * 2),
      totals: span.take((SURFACE_SIDE_MAX + 16) * 4),
      squares: span.take((SURFACE_SIDE_MAX + 16) * 4),
      steps: span.take((SURFACE_SIDE_MAX + 16) * 4),
    };
    this.#views = this.#viewMemory();
  }

  #viewMemory() {
    const { buffer } = this.#kernel.memory;
    return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer), floats: new Float32Array(buffer) };
  }

  /** Make the levels of an image. */
  open({ at, rows, width, height, channels }: PlacedImage): this {
    const kernel = this.#kernel;
    const rowBytes = align16((width + 4) * 4);
    growTo(kernel, rows + 2 * rowBytes);
    this.#views = this.#viewMemory();
    let next = this.#places.levels;
    this.#levels = levelsOf(width, height).map((level) => {
      const from = next;
      next += align16(level.width * level.height * 4);
      return { ...level, at: from };
    });
    const [first] = this.#levels as [Level & { readonly at: number }];
    kernel.shrink(
      at,
      channels,
      width,
      shrinkFactor(width, height),
      first.width,
      first.height,
      rows,
      rows + rowBytes,
      first.at,
    );
    for (const [n, level] of this.#levels.entries()) {
      const larger = this.#levels[n - 1];
      if (larger) kernel.halve(larger.at, larger.width, level.width, level.height, level.at);
    }
    kernel.toGrey(first.at, first.width * first.height, this.#places.grey);
    return this;
  }

  get levels(): readonly Level[] {
    return this.#levels;
  }
  get lines(): Lines {
    return this;
  }
  get width(): number {
    return this.#levels[0]!.width;
  }
  get height(): number {
    return this.#levels[0]!.height;
  }

  sampleUpright(level: number, columns: Axis, rows: Axis): void {
    const { at, width } = this.#levels[level]!;
    const [columnPixels, columnShares, rowPixels, rowShares, columnDepths, rowDepths] = this.#places.axes;
    const { words, floats } = this.#views;
    words.set(columns.pixels, columnPixels >> 2);
    floats.set(columns.shares, columnShares >> 2);
    words.set(rows.pixels, rowPixels >> 2);
    floats.set(rows.shares, rowShares >> 2);
    const { lumas } = this.#shared;
    this.#kernel.sampleUpright(at, width, columnPixels, columnShares, rowPixels, rowShares, lumas);
    if (!columns.depths.some(Boolean) && !rows.depths.some(Boolean)) return;
    words.set(columns.depths, columnDepths >> 2);
    words.set(rows.depths, rowDepths >> 2);
    this.#kernel.softenOutside(lumas, columnDepths, rowDepths, this.#places.line);
  }

  sampleTurned(level: number, { x, y, ax, ay, bx, by }: Directions): void {
    const { at, width, height } = this.#levels[level]!;
    this.#kernel.sampleTurned(at, width, height, x, y, ax, ay, bx, by, this.#shared.lumas);
  }

  quality(): number {
    return this.#kernel.quality(this.#shared.lumas);
  }

  transform(): boolean {
    const { lumas, cosines, cosinesTurned, half, dct } = this.#shared;
    this.#kernel.dct(lumas, cosines, cosinesTurned, half, dct);
    return this.#kernel.largest(dct) >= DEGENERATE_BELOW;
  }

  hash(isMirrored: boolean): Uint8Array {
    const { dct } = this.#shared;
    const { changed } = this.#places;
    if (!isMirrored) return this.#bitsOf(dct);
    this.#kernel.mirror(dct, changed);
    return this.#bitsOf(changed);
  }

  certain(): Uint8Array {
    const { dct, room } = this.#shared;
    const { changed } = this.#places;
    this.#kernel.distances(dct, this.#kernel.lowerMedian(dct, room), changed);
    return this.#bitsOf(changed);
  }

  #bitsOf(dct: number): Uint8Array {
    const { hash, room } = this.#shared;
    this.#kernel.bits(dct, this.#kernel.lowerMedian(dct, room), 0, hash);
    return this.#views.bytes.slice(hash, hash + 32);
  }

  /** Address of a pixel of a line, and the step to the next one. */
  #pixel(isRow: boolean, line: number, along: number): number {
    return this.#places.grey + (isRow ? line * this.width + along : along * this.width + line);
  }
  #step(isRow: boolean): number {
    return isRow ? 1 : this.width;
  }

  commonest(isRow: boolean, at: number, from: number, to: number) {
    const { every, count } = samplesOf(to - from);
    const [first, step] = [this.#pixel(isRow, at, from), this.#step(isRow) * every];
    const found = this.#kernel.commonest(first, step, count, this.#places.bins);
    return { level: found & 255, share: (found >> 8) / count };
  }

  spread(isRow: boolean, at: number, from: number, to: number) {
    const { pair } = this.#places;
    this.#kernel.sums(this.#pixel(isRow, at, from), this.#step(isRow), to - from, pair);
    const { words } = this.#views;
    const mean = words[pair >> 2]! / (to - from);
    const square = words[(pair >> 2) + 1]! / (to - from);
    return { mean, deviation: Math.sqrt(Math.max(0, square - mean * mean)) };
  }

  profile(isRow: boolean, { left, top, right, bottom }: Box): Profile {
    const { grey, totals, squares, steps } = this.#places;
    const [count, length] = isRow ? [bottom - top, right - left] : [right - left, bottom - top];
    const { bytes, words } = this.#views;
    for (const at of [totals, squares, steps]) bytes.fill(0, at, at + (count + 16) * 4);
    this.#kernel.lineSums(grey, this.width, left, top, right, bottom, isRow ? 0 : 1, totals, squares, steps);
    const means = new Float32Array(count);
    const deviations = new Float32Array(count);
    const meanSteps = new Float32Array(count);
    const pairs = Math.max(1, length - 1);
    for (let n = 0; n < count; n++) {
      const mean = words[(totals >> 2) + n]! / length;
      means[n] = mean;
      deviations[n] = Math.sqrt(Math.max(0, words[(squares >> 2) + n]! / length - mean * mean));
      meanSteps[n] = words[(steps >> 2) + n]! / pairs;
    }
    return { means, deviations, steps: meanSteps };
  }

  difference(isRow: boolean, at: number, other: number, from: number, to: number): number {
    const [a, b] = [this.#pixel(isRow, at, from), this.#pixel(isRow, other, from)];
    return this.#kernel.difference(a, b, this.#step(isRow), to - from);
  }

  seams(isColumn: boolean, { left, top, right, bottom }: Box): Uint16Array {
    const { counts, grey } = this.#places;
    const count = isColumn ? right - left : bottom - top;
    this.#views.bytes.fill(0, counts, counts + (count + 16) * 2);
    this.#kernel.seams(grey, this.width, left, top, right, bottom, isColumn ? 1 : 0, SEAM_STEP, counts);
    return new Uint16Array(this.#kernel.memory.buffer, counts, count);
  }
}
