/** Windows at fixed places of any image: rotations, margins and crops undone. Chosen by measurement (`docs/accuracy.md`). */
import { type Rectangle, WHOLE, type Window, type WindowKind } from '../../core/window.js';

const upright = (kind: WindowKind, rectangle: Partial<Rectangle>): Window => ({
  kind,
  rectangle: { ...WHOLE, ...rectangle },
  degrees: 0,
});

/** Of a crop by a share of each of two sides: what the rest lacks beside it, as a share of the rest. */
const ofBoth = (share: number) => share / (1 - 2 * share);
const ofOne = (share: number) => share / (1 - share);
/** Of a margin of a share of the image on two sides: its share of the whole. */
const marginOf = (share: number) => share / (1 + 2 * share);

const around = (by: number): Rectangle => ({ left: -by, top: -by, right: 1 + by, bottom: 1 + by });
const across = (by: number) => ({ left: -by, right: 1 + by });
const along = (by: number) => ({ top: -by, bottom: 1 + by });

const CROPS_ALL_ROUND = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07];
const CROPS_OF_TWO = [0.02, 0.04, 0.06, 0.08];
const CROPS_OF_ONE = [0.02, 0.04, 0.06, 0.08, 0.1, 0.12];

/** Parts of the image that were cut off, all round, of two sides, of one, and of a corner. */
const CROPS: readonly Window[] = [
  ...CROPS_ALL_ROUND.map((share) => around(ofBoth(share))),
  ...CROPS_OF_TWO.flatMap((share) => [across(ofBoth(share)), along(ofBoth(share))]),
  ...CROPS_OF_ONE.flatMap((share) => {
    const by = ofOne(share);
    return [{ left: -by }, { top: -by }, { right: 1 + by }, { bottom: 1 + by }];
  }),
  ...[0.03, 0.06, 0.1].flatMap((share) => {
    const [before, behind] = [-ofOne(share), 1 + ofOne(share)];
    return [
      { left: before, top: before },
      { right: behind, top: before },
      { left: before, bottom: behind },
      { right: behind, bottom: behind },
    ];
  }),
].map((rectangle) => upright('crop', rectangle));

const MARGINS_ALL_ROUND = [0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.22];
const MARGINS_OF_TWO = [0.03, 0.06, 0.1, 0.15, 0.2];
const MARGINS_OF_ONE = [0.06, 0.1, 0.15, 0.2, 0.25, 0.3];

/** Borders that finding does not see: blurred ones, those of a photographed print. */
const MARGINS: readonly Window[] = [
  ...MARGINS_ALL_ROUND.map((share) => around(-marginOf(share))),
  ...MARGINS_OF_TWO.flatMap((share) => [across(-marginOf(share)), along(-marginOf(share))]),
  ...MARGINS_OF_ONE.flatMap((share) => [{ top: share }, { bottom: 1 - share }]),
].map((rectangle) => upright('margin', rectangle));

/** A rectangle of a width and height about the centre of the image. */
const centred = (width: number, height: number): Rectangle => ({
  left: (1 - width) / 2,
  right: (1 + width) / 2,
  top: (1 - height) / 2,
  bottom: (1 + height) / 2,
});

const ANGLES = [1.5, 3, 4.5];

/**
 * Rotations of an image of `width`×`height`, undone: `kept`, in a canvas of the same size; `expanded`, in one that holds all of it;
 * `straightened`, in the largest rectangle of the same proportions without empty corners.
 */
function rotationsOf(width: number, height: number): Window[] {
  return ANGLES.flatMap((degrees) => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    // Bounding box of a rectangle, solved for the rectangle.
    const expanded = [
      (c - (s * height) / width) / (c * c - s * s),
      (c - (s * width) / height) / (c * c - s * s),
    ] as const;
    const straightened = [c + (s * height) / width, c + (s * width) / height] as const;
    const sizes = [[1, 1] as const, ...(Math.min(...expanded) > 0.3 ? [expanded] : []), straightened];
    return sizes.flatMap(([wide, high]) =>
      [degrees, -degrees].map(
        (angle): Window => ({ kind: 'rotation', rectangle: centred(wide, high), degrees: angle }),
      ),
    );
  });
}

/** Return all windows at fixed places. Unit: pixels, whose proportions alone count. */
export const fixedWindows = (width: number, height: number): Window[] => [
  ...rotationsOf(width, height),
  ...MARGINS,
  ...CROPS,
];
