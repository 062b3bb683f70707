/**
 * Variants: places of a listed image that its copies may show in place of all of it. Chosen by measurement (`docs/accuracy.md`): as few as find 95 % of
 * random copies of 120 photographs.
 */
import { type Place, type Rectangle, WHOLE } from '../../core/window.js';

/** Cut off each side. Unit: percent, as below. */
const CENTRE_CROPS = [3, 5, 6.5, 8.5, 10, 11.5, 13, 14.5, 16, 17.5, 19];
/** Cut off one side. */
const SIDE_CROPS = [5, 9, 12, 16, 19];
/** Angles of straightened copies, to both sides. Unit: degrees. */
const ANGLES = [1.75, 3.5, 5.25, 7.25];

const cropOf = (rectangle: Partial<Rectangle>): Place => ({
  kind: 'crop',
  rectangle: { ...WHOLE, ...rectangle },
  degrees: 0,
});

const CROPS: readonly Place[] = [
  ...CENTRE_CROPS.map((cut) => cut / 100).map((cut) =>
    cropOf({ left: cut, top: cut, right: 1 - cut, bottom: 1 - cut }),
  ),
  ...SIDE_CROPS.map((cut) => cut / 100).flatMap((cut) => [
    cropOf({ left: cut }),
    cropOf({ top: cut }),
    cropOf({ right: 1 - cut }),
    cropOf({ bottom: 1 - cut }),
  ]),
];

/** A panorama that is straightened loses most of its length: of a copy less than this is no longer the image. */
const NARROWEST = 0.3;

/** The largest upright rectangle in the turned image, as it lies in the image. `sideways`: height over width. */
function straightened(degrees: number, sideways: number): Place[] {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const squares = c * c - s * s;
  const [wide, high] = [(c - s * sideways) / squares, (c - s / sideways) / squares];
  if (Math.min(wide, high) < NARROWEST) return [];
  const rectangle = {
    left: (1 - wide) / 2,
    top: (1 - high) / 2,
    right: (1 + wide) / 2,
    bottom: (1 + high) / 2,
  };
  return [degrees, -degrees].map((angle) => ({ kind: 'rotation', rectangle, degrees: angle }));
}

/** Return the places of all variants. Unit: pixels, whose proportions alone count. */
export const variantPlaces = (width: number, height: number): Place[] => [
  ...CROPS,
  ...ANGLES.flatMap((degrees) => straightened(degrees, height / width)),
];
