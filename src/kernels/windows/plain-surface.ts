/** The surface in TypeScript: slow and plain, the reference of the one in WebAssembly. Every step in float32, one rounding an operation. */
import type { Raster } from '../../core/vocabulary.js';
import { bitsOf, DCT_SIDE, DEGENERATE_BELOW, dct16, LUMA_SIDE, lowerMedian, lumaAt, qualityOf } from '../pdq.js';
import {
  type Axis,
  type Box,
  type Directions,
  type Level,
  type Lines,
  levelsOf,
  type Profile,
  SEAM_STEP,
  type Surface,
  samplesOf,
  shrinkFactor,
} from './surface.js';

interface Plane extends Level {
  readonly data: Float32Array;
}

const { fround } = Math;

/** Average squares of pixels: sums of columns first. */
function shrink(raster: Raster, { width, height }: Level): Float32Array {
  const factor = shrinkFactor(raster.width, raster.height);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const sums = new Float32Array(width * factor);
    for (let k = 0; k < factor; k++) {
      for (let x = 0; x < sums.length; x++) sums[x] = sums[x]! + lumaAt(raster, x, y * factor + k);
    }
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < factor; k++) sum = fround(sum + sums[x * factor + k]!);
      data[y * width + x] = factor === 1 ? sum : sum * fround(1 / (factor * factor));
    }
  }
  return data;
}

function halve({ width, data }: Plane, half: Level): Float32Array {
  return Float32Array.from({ length: half.width * half.height }, (_, at) => {
    const from = 2 * Math.floor(at / half.width) * width + 2 * (at % half.width);
    const sum = fround(fround(fround(data[from]! + data[from + 1]!) + data[from + width]!) + data[from + width + 1]!);
    return sum * 0.25;
  });
}

/** Between four pixels; `x`, `y`: shares of the further ones. */
function between({ width, data }: Plane, column: number, row: number, x: number, y: number): number {
  const from = row * width + column;
  const mix = (a: number, b: number, share: number) => fround(a + fround(fround(b - a) * share));
  const top = mix(data[from]!, data[from + 1]!, x);
  const bottom = mix(data[from + width]!, data[from + width + 1]!, x);
  return mix(top, bottom, y);
}

const within = (at: number, side: number) => Math.max(0, Math.min(side - 1, at - 0.5));

/** Blur a line of samples by the mean of `depth` on each side. */
function soften(line: readonly number[], depth: number): number[] {
  return line.map((_, n) => {
    const near = line.slice(Math.max(0, n - depth), n + depth + 1);
    return fround(near.reduce((sum, value) => fround(sum + value), 0) / near.length);
  });
}

/** Change the signs that change where the image is mirrored left to right: of odd frequencies along a row. */
const mirrored = (dct: Float32Array) => dct.map((value, at) => ((at % DCT_SIDE) % 2 === 0 ? -value : value));

class PlainLines implements Lines {
  constructor(
    readonly width: number,
    readonly height: number,
    readonly grey: Uint8Array,
  ) {}

  #line(isRow: boolean, at: number, from: number, to: number): number[] {
    return Array.from({ length: to - from }, (_, n) => this.#at(isRow ? from + n : at, isRow ? at : from + n));
  }

  #at(x: number, y: number): number {
    return this.grey[y * this.width + x]!;
  }

  commonest(isRow: boolean, at: number, from: number, to: number) {
    const { every } = samplesOf(to - from);
    const line = this.#line(isRow, at, from, to).filter((_, n) => n % every === 0);
    const near = (bin: number) => line.filter((value) => Math.abs((value >> 3) - bin) <= 1).length;
    let [most, best] = [0, 0];
    for (let bin = 0; bin < 32; bin++) {
      const count = near(bin);
      if (count > most) [most, best] = [count, bin];
    }
    return { level: best * 8 + 4, share: most / line.length };
  }

  spread(isRow: boolean, at: number, from: number, to: number) {
    const line = this.#line(isRow, at, from, to);
    const mean = line.reduce((sum, value) => sum + value, 0) / line.length;
    const square = line.reduce((sum, value) => sum + value * value, 0) / line.length;
    return { mean, deviation: Math.sqrt(Math.max(0, square - mean * mean)) };
  }

  profile(isRow: boolean, { left, top, right, bottom }: Box): Profile {
    const [first, count] = isRow ? [top, bottom - top] : [left, right - left];
    const all = Array.from({ length: count }, (_, n) =>
      isRow ? this.spread(true, first + n, left, right) : this.spread(false, first + n, top, bottom),
    );
    return {
      means: Float32Array.from(all, ({ mean }) => mean),
      deviations: Float32Array.from(all, ({ deviation }) => deviation),
      steps: Float32Array.from({ length: count }, (_, n) => {
        const line = isRow ? this.#line(true, first + n, left, right) : this.#line(false, first + n, top, bottom);
        const sum = line.slice(1).reduce((total, value, at) => total + Math.abs(value - line[at]!), 0);
        return sum / Math.max(1, line.length - 1);
      }),
    };
  }

  difference(isRow: boolean, at: number, other: number, from: number, to: number): number {
    const second = this.#line(isRow, other, from, to);
    return this.#line(isRow, at, from, to).reduce((sum, value, n) => sum + Math.abs(value - second[n]!), 0);
  }

  seams(isColumn: boolean, { left, top, right, bottom }: Box): Uint16Array {
    const counts = new Uint16Array(isColumn ? right - left : bottom - top);
    const step = (x: number, y: number, one: number, two: number) =>
      isColumn
        ? Math.abs(this.#at(x + one, y) - this.#at(x + two, y))
        : Math.abs(this.#at(x, y + one) - this.#at(x, y + two));
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const here = step(x, y, 0, -1);
        const beside = Math.min(step(x, y, 2, 3), step(x, y, -3, -4));
        if (here > SEAM_STEP && here > Math.min(255, 2 * beside)) counts[isColumn ? x - left : y - top]!++;
      }
    }
    return counts;
  }
}

class PlainSurface implements Surface {
  readonly levels: readonly Plane[];
  readonly lines: Lines;
  #luma: Float32Array = new Float32Array(LUMA_SIDE * LUMA_SIDE);
  #dct: Float32Array = new Float32Array(DCT_SIDE * DCT_SIDE);

  constructor(raster: Raster) {
    const planes: Plane[] = [];
    for (const level of levelsOf(raster.width, raster.height)) {
      const larger = planes.at(-1);
      planes.push({ ...level, data: larger ? halve(larger, level) : shrink(raster, level) });
    }
    this.levels = planes;
    const [{ width, height, data }] = planes as [Plane];
    this.lines = new PlainLines(
      width,
      height,
      Uint8Array.from(data, (value) => fround(value + 0.5)),
    );
  }

  sampleUpright(level: number, columns: Axis, rows: Axis): void {
    this.#sample((i, j) =>
      between(this.levels[level]!, columns.pixels[j]!, rows.pixels[i]!, columns.shares[j]!, rows.shares[i]!),
    );
    for (const [i, depth] of rows.depths.entries()) if (depth > 0) this.#soften(depth, (n) => i * LUMA_SIDE + n);
    for (const [j, depth] of columns.depths.entries()) if (depth > 0) this.#soften(depth, (n) => n * LUMA_SIDE + j);
  }

  sampleTurned(level: number, { x, y, ax, ay, bx, by }: Directions): void {
    const plane = this.levels[level]!;
    this.#sample((i, j) => {
      const u = within(x + j * ax + i * bx, plane.width);
      const v = within(y + j * ay + i * by, plane.height);
      const column = Math.min(plane.width - 2, Math.floor(u));
      const row = Math.min(plane.height - 2, Math.floor(v));
      return between(plane, column, row, fround(u - column), fround(v - row));
    });
  }

  /** `place`: of each sample of a line. */
  #soften(depth: number, place: (n: number) => number): void {
    const line = Array.from({ length: LUMA_SIDE }, (_, n) => this.#luma[place(n)]!);
    for (const [n, value] of soften(line, depth).entries()) this.#luma[place(n)] = value;
  }

  #sample(at: (i: number, j: number) => number): void {
    this.#luma = Float32Array.from({ length: LUMA_SIDE * LUMA_SIDE }, (_, n) => at(n >> 6, n & 63));
  }

  quality(): number {
    return qualityOf(this.#luma);
  }

  transform(): boolean {
    this.#dct = dct16(this.#luma);
    return this.#dct.some((value) => Math.abs(value) >= DEGENERATE_BELOW);
  }

  hash(isMirrored: boolean): Uint8Array {
    return bitsOf(isMirrored ? mirrored(this.#dct) : this.#dct);
  }

  certain(): Uint8Array {
    const median = lowerMedian(this.#dct);
    return bitsOf(this.#dct.map((value) => Math.abs(fround(value - median))));
  }
}

export const plainSurface = (raster: Raster): Surface => new PlainSurface(raster);
