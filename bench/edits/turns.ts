/** Rotated and mirrored copies. */
import { oneOf, type Random } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Corners, type Edit, type Size, WHOLE } from './edit.js';
import { signed } from './random.js';
import { blank, type Rgb, rasterOf, toSharp } from './rasters.js';
import { warpInto } from './warp.js';

/** Return the corners of an image that is rotated about the middle of a copy; clockwise, in degrees. */
export function turnedCorners(image: Size, copy: Size, degrees: number): Corners {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return WHOLE.map(({ x, y }) => {
    const [dx, dy] = [(x - 0.5) * image.width, (y - 0.5) * image.height];
    return { x: 0.5 + (dx * cos - dy * sin) / copy.width, y: 0.5 + (dx * sin + dy * cos) / copy.height };
  }) as unknown as Corners;
}

/** Sizes of the copy, by the image's and the absolute sine and cosine of the angle. */
type Fit = (image: Size, sin: number, cos: number) => Size;

const KEPT: Fit = (image) => image;
const EXPANDED: Fit = ({ width, height }, sin, cos) => ({
  width: Math.ceil(width * cos + height * sin),
  height: Math.ceil(height * cos + width * sin),
});
/** The largest upright rectangle that has no corner to fill, for angles below that of the image's diagonal. */
const STRAIGHTENED: Fit = ({ width, height }, sin, cos) => {
  const squares = cos * cos - sin * sin;
  return {
    width: Math.max(8, Math.floor((width * cos - height * sin) / squares)),
    height: Math.max(8, Math.floor((height * cos - width * sin) / squares)),
  };
};

const FILLS: readonly Rgb[] = [
  [255, 255, 255],
  [0, 0, 0],
];

function rotation(name: string, sizeOf: Fit, [least, most] = [0.5, 4]): Edit {
  return {
    name,
    group: 'rotation',
    async make(image, random) {
      const degrees = signed(random, least, most);
      const fill = oneOf(random, FILLS);
      const radians = (Math.abs(degrees) * Math.PI) / 180;
      const raster = blank(sizeOf(image, Math.sin(radians), Math.cos(radians)), fill);
      const truth = turnedCorners(image, raster, degrees);
      warpInto(raster, image, truth);
      const filled = sizeOf === STRAIGHTENED ? '' : `, ${fill[0] ? 'white' : 'black'}`;
      return { raster, truth, parameters: `${degrees.toFixed(1)}°${filled}` };
    },
  };
}

interface Reorientation {
  readonly name: string;
  /** Which corner of `WHOLE` each of the original's has become. */
  readonly corners: readonly [number, number, number, number];
  apply(image: ReturnType<typeof toSharp>): ReturnType<typeof toSharp>;
}

const MIRRORS: readonly Reorientation[] = [
  { name: 'left to right', corners: [1, 0, 3, 2], apply: (image) => image.flop() },
  { name: 'upside down', corners: [3, 2, 1, 0], apply: (image) => image.flip() },
];
const QUARTERS: readonly Reorientation[] = [
  { name: '90°', corners: [1, 2, 3, 0], apply: (image) => image.rotate(90) },
  { name: '180°', corners: [2, 3, 0, 1], apply: (image) => image.rotate(180) },
  { name: '270°', corners: [3, 0, 1, 2], apply: (image) => image.rotate(270) },
];

function reorientation(name: string, choices: readonly Reorientation[]): Edit {
  return {
    name,
    group: 'orientation',
    async make(image: Raster, random: Random) {
      const { name: parameters, corners, apply } = oneOf(random, choices);
      const truth = corners.map((corner) => WHOLE[corner]!) as unknown as Corners;
      return { raster: await rasterOf(apply(toSharp(image))), truth, parameters };
    },
  };
}

export const TURNS: readonly Edit[] = [
  rotation('rotated, canvas kept', KEPT),
  rotation('rotated, canvas expanded', EXPANDED),
  rotation('rotated, straightened', STRAIGHTENED),
  reorientation('mirrored', MIRRORS),
  reorientation('quarter turn', QUARTERS),
];

/** As far as variants of a listed image reach. */
export const WIDE_TURNS: readonly Edit[] = [rotation('rotated 1 to 8°, straightened', STRAIGHTENED, [1, 8])];
