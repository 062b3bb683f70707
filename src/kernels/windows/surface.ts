/** What hashing and finding windows needs of an image; by TypeScript and by WebAssembly, which are equal. */

import type { Rectangle } from '../../core/window.js';
import { LUMA_SIDE, SYMMETRIC_SHIFT } from '../pdq.js';

/** A box of pixels of the surface: `right` and `bottom` are behind its last ones. */
export type Box = Rectangle;

/** Places of 64 samples along one axis. */
export interface Axis {
  /** Pixel before each sample; there is one behind it. */
  readonly pixels: Int32Array;
  /** Share of the pixel behind. */
  readonly shares: Float32Array;
  /** Samples by which each is outside of the image; 0 within. */
  readonly depths: Int32Array;
}

/** Places of 64×64 samples: (x, y) + j·(ax, ay) + i·(bx, by). Unit: pixels of the level. */
export interface Directions {
  readonly x: number;
  readonly y: number;
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
}

/** The image at the surface's size divided by `scale`. */
export interface Level {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** The samples' hash; all are of the last samples. */
interface Sampled {
  /** 0..100. */
  quality(): number;
  /** Compute the coefficients. Result: whether the image has content in the frequencies that PDQ uses. */
  transform(): boolean;
  /** Return the hash, as it is or mirrored left to right. Shape: 32 bytes. */
  hash(mirrored: boolean): Uint8Array;
  /** Return the bits whose coefficients are farthest from the median, half of all: of the mirrored hash they are nearly the same. Shape: 32 bytes. */
  certain(): Uint8Array;
}

/** Of each line: mean and standard deviation, and the mean step from one of its pixels to the next. Unit: levels. */
export interface Profile {
  readonly means: Float32Array;
  readonly deviations: Float32Array;
  readonly steps: Float32Array;
}

/** Lines of pixels that finding looks at: rows, and columns. `from`, `to`: the part of the line. */
export interface Lines {
  readonly width: number;
  readonly height: number;
  /** The commonest level of the line, 0..255, and the share of pixels near it; of a long line, of every second pixel. */
  commonest(isRow: boolean, at: number, from: number, to: number): { readonly level: number; readonly share: number };
  /** Mean and standard deviation. Unit: levels. */
  spread(isRow: boolean, at: number, from: number, to: number): { readonly mean: number; readonly deviation: number };
  /** Sum of the absolute differences of two lines. */
  difference(isRow: boolean, at: number, other: number, from: number, to: number): number;
  /** All rows or columns of a box. */
  profile(isRow: boolean, box: Box): Profile;
  /** Pixels of each column or row of a box that are on a seam: a step over those beside it. Valid until the next call. */
  seams(isColumn: boolean, box: Box): Uint16Array;
}

export interface Surface extends Sampled {
  readonly lines: Lines;
  readonly levels: readonly Level[];
  /** What is outside of the image repeats its edge, the more blurred along it the farther outside. */
  sampleUpright(level: number, columns: Axis, rows: Axis): void;
  sampleTurned(level: number, directions: Directions): void;
}

/** Longest side of a surface: beyond it, nothing of an image is in 64×64 samples of most of its windows. */
export const SURFACE_SIDE_MAX = 1024;
/** Sides below which an image has no windows. */
export const SURFACE_SIDE_MIN = 48;
/** A level has at least so many pixels along its longer side, and along its shorter one. */
const LEVEL_LONG_MIN = 110;
const LEVEL_SHORT_MIN = 16;

/** Lines longer than this say by every second pixel what is common on them. */
const EVERY_PIXEL_MAX = 256;

/** Return the pixels that are looked at of a line of `length`: every which, and how many. */
export const samplesOf = (length: number): { readonly every: number; readonly count: number } =>
  length <= EVERY_PIXEL_MAX ? { every: 1, count: length } : { every: 2, count: Math.ceil(length / 2) };

/** Steps of seams are larger than this. Unit: levels. */
export const SEAM_STEP = 10;
/** Return the whole number of pixels that are averaged along each side. */
export const shrinkFactor = (width: number, height: number): number =>
  Math.ceil(Math.max(width, height) / SURFACE_SIDE_MAX);

/** Return the levels of an image: each is half of the one before. */
export function levelsOf(width: number, height: number): Level[] {
  const factor = shrinkFactor(width, height);
  const levels: Level[] = [{ width: Math.floor(width / factor), height: Math.floor(height / factor), scale: 1 }];
  for (;;) {
    const last = levels.at(-1)!;
    const next = { width: last.width >> 1, height: last.height >> 1, scale: last.scale * 2 };
    if (Math.max(next.width, next.height) < LEVEL_LONG_MIN || Math.min(next.width, next.height) < LEVEL_SHORT_MIN)
      break;
    levels.push(next);
  }
  return levels;
}

/** A window is read from the level where it is 110 to 220 pixels long: reading between its pixels blurs about as PDQ's boxes do. */
export function levelFor(levels: readonly Level[], longestSide: number): number {
  let at = 0;
  while (at + 1 < levels.length && longestSide / levels[at]!.scale >= 2 * LEVEL_LONG_MIN) at++;
  return at;
}

/** Return the 64 places from `from` to `to` on an axis of `side` pixels. */
export function axisOf(from: number, to: number, side: number): Axis {
  const pixels = new Int32Array(LUMA_SIDE);
  const shares = new Float32Array(LUMA_SIDE);
  const depths = new Int32Array(LUMA_SIDE);
  const step = (to - from) / LUMA_SIDE;
  for (let j = 0; j < LUMA_SIDE; j++) {
    const at = from + ((j + 0.5) / LUMA_SIDE + SYMMETRIC_SHIFT) * (to - from);
    depths[j] = Math.round(Math.max(0, -at, at - side) / step);
    const centre = Math.max(0, Math.min(side - 1, at - 0.5));
    pixels[j] = Math.min(side - 2, Math.floor(centre));
    shares[j] = centre - pixels[j]!;
  }
  return { pixels, shares, depths };
}
