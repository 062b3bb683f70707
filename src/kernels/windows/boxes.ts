/** Boxes of pixels of a surface: their sides, seen from outside. */
import type { Box } from './surface.js';

/** Shortest side of a found window. Unit: pixels of the surface, whose longest side is at most 1,024. */
export const SIDE_MIN = 24;

type Side = 'top' | 'bottom' | 'left' | 'right';
export const SIDES: readonly Side[] = ['top', 'bottom', 'left', 'right'];

export const widthOf = ({ left, right }: Box) => right - left;
export const heightOf = ({ top, bottom }: Box) => bottom - top;
export const isSame = (a: Box, b: Box, within = 0) => SIDES.every((side) => Math.abs(a[side] - b[side]) <= within);

/** A side of a box as lines that are counted inwards from it. */
export interface Inwards {
  readonly isRow: boolean;
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  lineAt(n: number): number;
}

export function inwards(box: Box, side: Side): Inwards {
  const isRow = side === 'top' || side === 'bottom';
  const [from, to] = isRow ? [box.left, box.right] : [box.top, box.bottom];
  const isFirst = side === 'top' || side === 'left';
  const lineAt = isFirst ? (n: number) => box[side] + n : (n: number) => box[side] - 1 - n;
  return { isRow, from, to, depth: isRow ? heightOf(box) : widthOf(box), lineAt };
}

export const without = (box: Box, side: Side, lines: number): Box => ({
  ...box,
  [side]: side === 'top' || side === 'left' ? box[side] + lines : box[side] - lines,
});

/** Share of the image that a cell of a collage or a piece of a page has at least. */
export const CELL_SHARE_MIN = 0.05;
/** Cells or pieces that one way of finding keeps. */
export const CELLS_MAX = 24;
