/** What an edit is: a copy of an image with one thing done to it, as people and programs do it, at random parameters. */
import type { Random } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';

/** Unit: shares of the width and the height, from the upper left; outside 0 to 1 where the image was cropped. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where the upper left, upper right, lower right and lower left corner of the original are in the copy. */
export type Corners = readonly [Point, Point, Point, Point];

export interface Edited {
  /** Three channels. */
  readonly raster: Raster;
  readonly truth: Corners;
  /** What was drawn at random, for a person: `12.3 % left, JPEG 84`. */
  readonly parameters: string;
}

export interface Edit {
  readonly name: string;
  readonly group: string;
  /** Of the same image and the same state of `random`, the same pixels. `image`: three channels. */
  make(image: Raster, random: Random): Promise<Edited>;
}

/** The whole copy is the original. */
export const WHOLE: Corners = [
  { x: 0, y: 0 },
  { x: 1, y: 0 },
  { x: 1, y: 1 },
  { x: 0, y: 1 },
];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Unit: pixels. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** Return the corners of a rectangle of a copy of this size. */
export function cornersOf({ left, top, width, height }: Box, copy: Size): Corners {
  const [x1, x2] = [left / copy.width, (left + width) / copy.width];
  const [y1, y2] = [top / copy.height, (top + height) / copy.height];
  return [
    { x: x1, y: y1 },
    { x: x2, y: y1 },
    { x: x2, y: y2 },
    { x: x1, y: y2 },
  ];
}

export const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
