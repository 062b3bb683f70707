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

const ALL_ROUND = [1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6.5, 8, 8.5, 9.5];
const OF_ONE_SIDE = [2.5, 3.5, 5.5, 8, 10, 12];
const OF_TWO_SIDES = [12];
const OF_CORNERS = [
  [4, 8.5],
  [7, 4],
  [7, 10],
  [10, 7],
] as const;
const OF_FOUR_SIDES: readonly Cuts[] = [
  [1, 1, 1, 3],
  [1, 1, 3, 1],
  [1, 1, 3, 3],
  [1, 1, 5, 5],
  [1, 1, 7, 7],
  [1, 3, 1, 3],
  [1, 3, 1, 7],
  [1, 3, 3, 5],
  [1, 3, 5, 3],
  [1, 5, 1, 5],
  [1, 5, 7, 5],
  [1, 7, 1, 7],
  [3, 1, 3, 3],
  [3, 1, 3, 5],
  [3, 3, 3, 9],
  [3, 3, 5, 3],
  [3, 3, 5, 5],
  [3, 3, 9, 3],
  [3, 5, 7, 9],
  [3, 9, 9, 9],
  [5, 1, 5, 1],
  [7, 1, 7, 7],
  [9, 1, 9, 1],
];

/**
 * Crops of which the most are undone, each with its mirror images. Chosen with the angles from 380 sets for copies of 120 photographs: one after the
 * other, each for copies that those before it did not find; then each was left out and the room filled again, until no exchange found more. Unit: percent.
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

/** Share of the image within which a window is the image itself. */
const WHOLE_WITHIN = 0.005;
/** A panorama leaves less than this of its shorter side: nothing to hash. */
const NARROWEST = 0.3;

/** A rectangle of a width and height about the centre of the image. */
const centred = (width: number, height: number): Rectangle => ({
  left: (1 - width) / 2,
  right: (1 + width) / 2,
  top: (1 - height) / 2,
  bottom: (1 + height) / 2,
});

/** Angles that are undone of each kind of rotation, up to 4°; chosen with the crops. */
const ANGLES = {
  /** In a canvas of the same size. */
  kept: [1.4, 2.6, 3.6],
  /** In a canvas that holds all of the image. */
  expanded: [1, 1.4, 2.4, 3.6],
  /** Cut to the largest rectangle without empty corners. */
  straightened: [1.4, 2.4, 3, 3.6],
  /** Cut to the largest one of the image's own proportions. */
  sameProportions: [1.2],
};

/** Proportions of cameras, screens and stories. */
const PROPORTIONS = [4 / 3, 3 / 2, 16 / 9, 1, 3 / 4, 2 / 3, 9 / 16];

/** Images of usual proportions in the middle of a canvas of `width`×`height`, as large as it has room for: edges may be too faint to be found. */
const centredImages = (width: number, height: number): Place[] =>
  PROPORTIONS.map((proportion) => {
    const ratio = (proportion * height) / width;
    return { kind: 'margin', rectangle: centred(Math.min(1, ratio), Math.min(1, 1 / ratio)), degrees: 0 };
  });

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
    ...undone(ANGLES.sameProportions, (c, s) => {
      const longer = c + s * Math.max(upwards, sideways);
      return [longer, longer];
    }),
  ];
}

/**
 * Return the places of all images of these proportions, those that are too narrow too: a place has the same number in each. An inventory stores the
 * numbers (`scan/facts/stored-windows.ts`): another table is another version of it.
 */
export const fixedPlaces = (width: number, height: number): Place[] => [
  ...rotationsOf(width, height),
  ...centredImages(width, height),
  ...MARGINS,
  ...CROPS,
];

const isWide = ({ left, top, right, bottom }: Rectangle) => Math.min(right - left, bottom - top) >= NARROWEST;
/** The image itself is a window already. */
const isWhole = ({ rectangle: { left, top, right, bottom }, degrees }: Place) =>
  degrees === 0 && Math.max(Math.abs(left), Math.abs(top), Math.abs(right - 1), Math.abs(bottom - 1)) < WHOLE_WITHIN;

/** Return all windows at fixed places. Unit: pixels, whose proportions alone count. */
export const fixedWindows = (width: number, height: number): Place[] =>
  fixedPlaces(width, height).filter((place) => isWide(place.rectangle) && !isWhole(place));
