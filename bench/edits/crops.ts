/** Parts of the image. The corners of the original lie outside the copy. */
import { between, oneOf, type Random } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Box, cornersOf, type Edit } from './edit.js';
import { cropped } from './rasters.js';

/** Shares that are cut off: left, top, right, bottom. */
type Cuts = readonly [number, number, number, number];

function boxOf({ width, height }: Raster, [left, top, right, bottom]: Cuts): Box {
  const [x, y] = [Math.round(width * left), Math.round(height * top)];
  return {
    left: x,
    top: y,
    width: Math.max(8, width - x - Math.round(width * right)),
    height: Math.max(8, height - y - Math.round(height * bottom)),
  };
}

function crop(name: string, cutsOf: (random: Random, image: Raster) => Cuts): Edit {
  return {
    name,
    group: 'crop',
    async make(image, random) {
      const cuts = cutsOf(random, image);
      const box = boxOf(image, cuts);
      const { width, height } = image;
      return {
        raster: cropped(image, box),
        truth: cornersOf({ left: -box.left, top: -box.top, width, height }, box),
        parameters: `left ${cuts
          .map((cut) => (cut * 100).toFixed(1))
          .join(', top ')
          .replace(/, top ([\d.]+), top ([\d.]+), top /, ', top $1, right $2, bottom ')} %`,
      };
    },
  };
}

/** Cut a share off one side, and nothing off the others. */
const oneSide = (side: number, share: number): Cuts =>
  [0, 1, 2, 3].map((at) => (at === side ? share : 0)) as unknown as Cuts;

const ASPECTS = [1, 4 / 3, 16 / 9, 3 / 4, 4 / 5, 9 / 16];
/** An aspect this near to that of the image is no edit. */
const ASPECT_NEAR = 1.05;
/** Of an aspect farther away little of the image would be left. */
const ASPECT_FAR = 1.8;

function aspectCuts(random: Random, { width, height }: Raster): Cuts {
  const ratioOf = (aspect: number) => Math.max(aspect / (width / height), width / height / aspect);
  const byRatio = ASPECTS.filter((one) => ratioOf(one) > ASPECT_NEAR).sort((a, b) => ratioOf(a) - ratioOf(b));
  const usual = byRatio.filter((one) => ratioOf(one) < ASPECT_FAR);
  const aspect = oneOf(random, usual.length > 0 ? usual : byRatio.slice(0, 1));
  const cut = 1 - 1 / ratioOf(aspect);
  // Mostly the middle, as programs take it; people move it.
  const before = cut * (random() < 0.6 ? 0.5 : random());
  return aspect < width / height ? [before, 0, cut - before, 0] : [0, before, 0, cut - before];
}

const centre = (name: string, least: number, most: number) =>
  crop(name, (random) => {
    const share = between(random, least, most);
    return [share, share, share, share];
  });

const fourSides = (name: string, most: number) =>
  crop(name, (random) => [0, 1, 2, 3].map(() => between(random, 0.005, most)) as unknown as Cuts);

export const CROPS: readonly Edit[] = [
  centre('crop centre 5 %', 0.005, 0.05),
  centre('crop centre 10 %', 0.05, 0.1),
  crop('crop one side', (random) => oneSide(Math.floor(random() * 4), between(random, 0.02, 0.12))),
  fourSides('crop four sides 5 %', 0.05),
  fourSides('crop four sides 10 %', 0.1),
  crop('crop to aspect', aspectCuts),
  crop('crop to corner', (random) => {
    const [x, y] = [between(random, 0.03, 0.15), between(random, 0.03, 0.15)];
    const [isLeft, isTop] = [random() < 0.5, random() < 0.5];
    return [isLeft ? x : 0, isTop ? y : 0, isLeft ? 0 : x, isTop ? 0 : y];
  }),
];

/** As far as variants of a listed image reach. */
export const WIDE_CROPS: readonly Edit[] = [
  centre('crop centre 2.5 to 20 %', 0.025, 0.2),
  crop('crop one side 3 to 20 %', (random) => oneSide(Math.floor(random() * 4), between(random, 0.03, 0.2))),
];
