/** Hashes of windows, from one decoded image. */

import { isLowQuality } from '../../core/pdq-quality.js';
import { isOneDimensionalPdq } from '../../core/pdq-shape.js';
import { type Place, RESAMPLED, type Window, type WindowChoice } from '../../core/window.js';
import { LUMA_SIDE, SYMMETRIC_SHIFT } from '../pdq.js';
import { findWindows } from './find-windows.js';
import { fixedWindows } from './fixed-windows.js';
import { axisOf, type Level, levelFor, SURFACE_SIDE_MIN, type Surface } from './surface.js';
import { variantPlaces } from './variant-places.js';

export interface WindowHash {
  readonly window: Window;
  /** 0..100; null where it is not known any more: a window of an inventory. */
  readonly quality: number | null;
  /** As it is, and mirrored left to right where all orientations are asked for. */
  readonly hashes: readonly Uint8Array[];
  /** The half of the bits that are certain: a copy has few of them wrong, a stranger a quarter. Shape: 32 bytes; null for a window of an inventory. */
  readonly certain: Uint8Array | null;
}

/** Sides below which a window has too few pixels for its 64×64 samples to say anything. */
const WINDOW_SIDE_MIN = 24;

/** Sample a window. Result: false for one that is too small. */
function sample(surface: Surface, { rectangle, degrees }: Place): boolean {
  const { width, height } = surface.levels[0] as Level;
  const [left, right] = [rectangle.left * width, rectangle.right * width];
  const [top, bottom] = [rectangle.top * height, rectangle.bottom * height];
  const [wide, high] = [right - left, bottom - top];
  if (Math.min(wide, high) < WINDOW_SIDE_MIN) return false;
  const at = levelFor(surface.levels, Math.max(wide, high));
  const level = surface.levels[at]!;
  const { scale } = level;
  if (degrees === 0) {
    const columns = axisOf(left / scale, right / scale, level.width);
    surface.sampleUpright(at, columns, axisOf(top / scale, bottom / scale, level.height));
    return true;
  }
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  const [ax, ay, bx, by] = [
    (c * wide) / LUMA_SIDE,
    (s * wide) / LUMA_SIDE,
    (-s * high) / LUMA_SIDE,
    (c * high) / LUMA_SIDE,
  ];
  // From the centre to the first sample, in samples.
  const first = 0.5 + (SYMMETRIC_SHIFT - 0.5) * LUMA_SIDE;
  const x = (left + right) / 2 / scale + first * (ax + bx);
  const y = (top + bottom) / 2 / scale + first * (ay + by);
  surface.sampleTurned(at, { x, y, ax, ay, bx, by });
  return true;
}

function windowsOf(surface: Surface, detail: Exclude<WindowChoice, 'plain'>): Place[] {
  const { width, height } = surface.levels[0] as Level;
  if (detail === 'variants') return variantPlaces(width, height);
  const found = [RESAMPLED, ...findWindows(surface.lines)];
  return detail === 'standard' ? found : [...found, ...fixedWindows(width, height)];
}

/**
 * Hash the windows of an image. Left out are those whose hash means little: without detail, of low quality, one-dimensional. They would match by
 * their form alone, and a list that asks for such hashes asks for those of whole images.
 */
export function hashWindows(
  surface: Surface,
  detail: Exclude<WindowChoice, 'plain'>,
  withMirrored: boolean,
): WindowHash[] {
  const { width, height } = surface.levels[0] as Level;
  if (Math.min(width, height) < SURFACE_SIDE_MIN) return [];
  const proportion = width / height;
  return windowsOf(surface, detail).flatMap((place) => {
    if (!sample(surface, place)) return [];
    const quality = surface.quality();
    if (isLowQuality(quality, false) || !surface.transform()) return [];
    const hashes = (withMirrored ? [false, true] : [false]).map((mirrored) => surface.hash(mirrored));
    if (hashes.some(isOneDimensionalPdq)) return [];
    return [{ window: { ...place, proportion }, quality, hashes, certain: surface.certain() }];
  });
}
