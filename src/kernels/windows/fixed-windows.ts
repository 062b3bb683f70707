/** Windows at fixed places of any image: rotations, margins and crops undone. Chosen by measurement (`docs/accuracy.md`). */
import { type Place, type Rectangle, WHOLE, type WindowKind } from '../../core/window.js';

const upright = (kind: WindowKind, rectangle: Partial<Rectangle>): Place => ({
  kind,
  rectangle: { ...WHOLE, ...rectangle },
  degrees: 0,
});

/** Shares of an image that a crop took off its sides. */
type Cuts = readonly [left: number, top: number, right: number, bottom: number];

/** Return the rectangle that the image was before a crop, in shares of what is left. */
function uncropped([left, top, right, bottom]: Cuts): Rectangle {
  const [wide, high] = [1 - left - right, 1 - top - bottom];
  return { left: -left / wide, top: -top / high, right: 1 + right / wide, bottom: 1 + bottom / high };
}

/** Return cuts with all their mirror images, each once. */
function mirrored(cuts: Cuts): Cuts[] {
  const [left, top, right, bottom] = cuts;
  const all: Cuts[] = [cuts, [right, top, left, bottom], [left, bottom, right, top], [right, bottom, left, top]];
  return all.filter((one, at) => all.findIndex((other) => other.join() === one.join()) === at);
}

const ALL_ROUND = [1.5, 3, 4, 5, 5.5, 6.5, 7.5, 9.5];
const OF_ONE_SIDE = [3, 5, 6.5, 8, 10, 12];
const OF_TWO_SIDES = [5, 8, 12];
const OF_CORNERS = [
  [4, 7],
  [7, 13],
  [10, 7],
  [13, 7],
] as const;
const OF_FOUR_SIDES: readonly Cuts[] = [
  [3, 1, 3, 3],
  [1, 3, 3, 3],
  [1, 5, 1, 5],
  [1, 1, 3, 5],
  [3, 1, 5, 1],
  [1, 5, 5, 5],
  [7, 1, 7, 5],
  [5, 3, 7, 7],
  [1, 1, 7, 7],
  [3, 1, 3, 5],
  [3, 3, 5, 3],
  [3, 7, 9, 7],
  [1, 5, 7, 7],
  [3, 3, 5, 7],
];

/**
 * Crops of which the most are undone, each set with its mirror images: chosen one after the other from 792, each for the copies of 120
 * photographs that those before it did not find. Unit: percent.
 */
const CROPS: readonly Place[] = [
  ...ALL_ROUND.map((cut): Cuts => [cut, cut, cut, cut]),
  ...OF_ONE_SIDE.flatMap((cut) => [...mirrored([cut, 0, 0, 0]), ...mirrored([0, cut, 0, 0])]),
  ...OF_TWO_SIDES.flatMap((cut): Cuts[] => [
    [cut, 0, cut, 0],
    [0, cut, 0, cut],
  ]),
  ...OF_CORNERS.flatMap(([across, along]) => mirrored([across, along, 0, 0])),
  ...OF_FOUR_SIDES.flatMap(mirrored),
].map((cuts) => upright('crop', uncropped(cuts.map((cut) => cut / 100) as unknown as Cuts)));

/** Of a margin of a share of the image on two sides: its share of the whole. */
const marginOf = (share: number) => share / (1 + 2 * share);

/** Borders that finding does not see: those of a photographed print. */
const MARGINS: readonly Place[] = [
  ...[0.03, 0.06, 0.1, 0.15].map(marginOf).map((by) => ({ left: by, top: by, right: 1 - by, bottom: 1 - by })),
  ...[0.06, 0.12].map(marginOf).flatMap((by) => [
    { left: by, right: 1 - by },
    { top: by, bottom: 1 - by },
  ]),
  ...[0.1, 0.2].flatMap((share) => [{ top: share }, { bottom: 1 - share }]),
].map((rectangle) => upright('margin', rectangle));

/** A panorama leaves less than this of its shorter side: nothing to hash. */
const NARROWEST = 0.3;

/** A rectangle of a width and height about the centre of the image. */
const centred = (width: number, height: number): Rectangle => ({
  left: (1 - width) / 2,
  right: (1 + width) / 2,
  top: (1 - height) / 2,
  bottom: (1 + height) / 2,
});

/** Angles that are undone of each kind of rotation, up to 4°; chosen as the crops. */
const ANGLES = {
  /** In a canvas of the same size. */
  kept: [1.3, 2.25, 3.2, 4.3],
  /** In a canvas that holds all of the image. */
  expanded: [1.45, 2.4, 3.55],
  /** Cut to the largest rectangle without empty corners. */
  straightened: [1.25, 2, 2.75, 3.4, 4.3],
};

/** Return the rotations of an image of `width`×`height`, undone, to both sides. */
function rotationsOf(width: number, height: number): Place[] {
  const undone = (angles: readonly number[], sizeOf: (c: number, s: number) => readonly [number, number]): Place[] =>
    angles.flatMap((degrees) => {
      const [wide, high] = sizeOf(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));
      const rectangle = centred(wide, high);
      return [degrees, -degrees].map((angle): Place => ({ kind: 'rotation', rectangle, degrees: angle }));
    });
  const [upwards, sideways] = [height / width, width / height];
  return [
    ...undone(ANGLES.kept, () => [1, 1]),
    // The bounding box of a rectangle, solved for the rectangle.
    ...undone(ANGLES.expanded, (c, s) => {
      const squares = c * c - s * s;
      return [(c - s * upwards) / squares, (c - s * sideways) / squares];
    }),
    ...undone(ANGLES.straightened, (c, s) => [c + s * upwards, c + s * sideways]),
  ];
}

/**
 * Return the places of all images of these proportions, those that are too narrow too: a place has the same number in each. An inventory stores the
 * numbers (`scan/facts/stored-windows.ts`): another table is another version of it.
 */
export const fixedPlaces = (width: number, height: number): Place[] => [
  ...rotationsOf(width, height),
  ...MARGINS,
  ...CROPS,
];

const isWide = ({ left, top, right, bottom }: Rectangle) => Math.min(right - left, bottom - top) >= NARROWEST;

/** Return all windows at fixed places. Unit: pixels, whose proportions alone count. */
export const fixedWindows = (width: number, height: number): Place[] =>
  fixedPlaces(width, height).filter(({ rectangle }) => isWide(rectangle));
