/**
 * Windows found in the pixels of an image: what is left when borders, captions and the chrome of a page are taken off, and the cells between
 * straight seams. Geometry alone; `Lines` does the work on pixels.
 */

import type { Window, WindowKind } from '../../core/window.js';
import type { Box, Lines } from './surface.js';

/** Shortest side of a found window. Unit: pixels of the surface, whose longest side is at most 1,024. */
const SIDE_MIN = 24;
/** Levels are alike within this. */
const LEVEL_TOLERANCE = 14;
/** Largest share of a box that comes off at one side. */
const PEELED_MAX = 0.8;
/** A strip's ends may belong to another one: each round takes off all four sides. */
const ROUNDS = 3;

type Line = ReturnType<Lines['commonest']>;
type Side = 'top' | 'bottom' | 'left' | 'right';
const SIDES: readonly Side[] = ['top', 'bottom', 'left', 'right'];

const widthOf = ({ left, right }: Box) => right - left;
const heightOf = ({ top, bottom }: Box) => bottom - top;
const isSame = (a: Box, b: Box, within = 0) => SIDES.every((side) => Math.abs(a[side] - b[side]) <= within);

/** A side of a box as lines that are counted inwards from it. */
interface Inwards {
  readonly isRow: boolean;
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  lineAt(n: number): number;
}

function inwards(box: Box, side: Side): Inwards {
  const isRow = side === 'top' || side === 'bottom';
  const [from, to] = isRow ? [box.left, box.right] : [box.top, box.bottom];
  const isFirst = side === 'top' || side === 'left';
  const lineAt = isFirst ? (n: number) => box[side] + n : (n: number) => box[side] - 1 - n;
  return { isRow, from, to, depth: isRow ? heightOf(box) : widthOf(box), lineAt };
}

const without = (box: Box, side: Side, lines: number): Box => ({
  ...box,
  [side]: side === 'top' || side === 'left' ? box[side] + lines : box[side] - lines,
});

/** Take lines off all sides, as many as `linesOf` says of each, until nothing comes off. */
function peelBy(box: Box, linesOf: (side: Inwards) => number, rounds = ROUNDS): Box {
  let left = box;
  for (let round = 0; round < rounds; round++) {
    const before = left;
    for (const name of SIDES) {
      const side = inwards(left, name);
      const lines = linesOf(side);
      if (side.depth - lines > SIDE_MIN) left = without(left, name, lines);
    }
    if (isSame(before, left)) break;
  }
  return left;
}

/** Take off lines that are of one colour in good part. `missesMax`: lines between them that are not. */
function peel(lines: Lines, box: Box, isTaken: (line: Line, first: Line) => boolean, missesMax: number): Box {
  return peelBy(box, ({ isRow, from, to, depth, lineAt }) => {
    const line = (n: number) => lines.commonest(isRow, lineAt(n), from, to);
    const first = line(0);
    let taken = 0;
    let misses = 0;
    for (let n = 0; n < depth * PEELED_MAX && misses <= missesMax; n++) {
      if (isTaken(line(n), first)) {
        taken = n + 1;
        misses = 0;
      } else if (n === 0) break;
      else misses++;
    }
    return taken;
  });
}

const isLike = ({ level }: Line, first: Line) => Math.abs(level - first.level) <= LEVEL_TOLERANCE;
/** Lines of one colour, with some noise. */
const trim = (lines: Lines, box: Box) =>
  peel(lines, box, (line, first) => line.share >= 0.96 && isLike(line, first), 0);
/** Lines with writing on one colour: captions, the bars of a program. */
const peelStrips = (lines: Lines, box: Box) =>
  peel(lines, box, (line, first) => line.share >= 0.55 && isLike(line, first), 2);
/** Lines mostly of one colour, whichever: pages of several bars. */
const peelPage = (lines: Lines, box: Box) => peel(lines, box, ({ share }) => share >= 0.6, 3);

/** Lines behind an even margin among which its edge is looked for: JPEG rings so far beside a strong step. */
const RINGING = 9;
/** A later step is the edge only if it is so much stronger. */
const STRONGER = 1.15;

/** Take off what is of exactly one colour, as programs draw it; then up to the strongest step near its end. */
function trimEven(lines: Lines, box: Box, tolerance: number): Box {
  return peelBy(
    box,
    ({ isRow, from, to, depth, lineAt }) => {
      const line = (n: number) => lines.spread(isRow, lineAt(n), from, to);
      const first = line(0);
      if (first.deviation > tolerance) return 0;
      let end = 0;
      for (; end < depth * PEELED_MAX; end++) {
        const { mean, deviation } = line(end);
        if (deviation > tolerance || Math.abs(mean - first.mean) > tolerance) break;
      }
      let [edge, strongest] = [end, 0];
      for (let n = Math.max(1, end - 2); n <= end + RINGING && n < depth - 2; n++) {
        const step = lines.difference(isRow, lineAt(n), lineAt(n - 1), from, to);
        if (step > strongest * STRONGER) [edge, strongest] = [n, step];
      }
      return edge;
    },
    2,
  );
}

/** Share of a seam's length on which its step is seen. */
const SEAM_SHARE = 0.42;
const SEAMS_MAX = 3;
/** Sides of a box in which seams are looked for: across them, and along. */
const ACROSS_MIN = 40;
/** Pixels at both ends of a box where no seam is. */
const SEAM_MARGIN = 8;

/** Positions of the clearest seams of a box, ascending. */
function seamsOf(lines: Lines, box: Box, isColumn: boolean): number[] {
  const [start, end] = isColumn ? [box.left, box.right] : [box.top, box.bottom];
  const length = isColumn ? heightOf(box) : widthOf(box);
  if (end - start < ACROSS_MIN || length < SIDE_MIN) return [];
  const [near, far] = isColumn ? (['left', 'right'] as const) : (['top', 'bottom'] as const);
  const inner = { ...box, [near]: start + SEAM_MARGIN, [far]: end - SEAM_MARGIN };
  const shares = Array.from(lines.seams(isColumn, inner), (count, n) => ({
    at: start + SEAM_MARGIN + n,
    share: count / length,
  }));
  const clear = shares.filter(({ share }) => share >= SEAM_SHARE).sort((a, b) => b.share - a.share);
  const apart = Math.max(6, (end - start) * 0.03);
  const kept: number[] = [];
  for (const { at } of clear) {
    if (kept.length === SEAMS_MAX) break;
    if (kept.every((other) => Math.abs(other - at) > apart)) kept.push(at);
  }
  return kept.sort((a, b) => a - b);
}

const CELL_SIDE_MIN = 40;
/** Share of the image that a cell has at least. */
const CELL_SHARE_MIN = 0.05;
const CELLS_MAX = 24;

/** All runs of neighbours among positions: [0, 5, 9] → [0, 5], [5, 9], [0, 9]. */
const spans = (at: readonly number[]): (readonly [number, number])[] =>
  at.flatMap((from, n) => at.slice(n + 1).map((to) => [from, to] as const));

/** Add the cells of a box between its seams, and theirs, each trimmed. */
function addCells(lines: Lines, box: Box, depth: number, found: Box[]): void {
  const xs = [box.left, ...seamsOf(lines, box, true), box.right];
  const ys = [box.top, ...seamsOf(lines, box, false), box.bottom];
  const least = lines.width * lines.height * CELL_SHARE_MIN;
  for (const [left, right] of spans(xs)) {
    for (const [top, bottom] of spans(ys)) {
      const cell = trim(lines, { left, top, right, bottom });
      const [wide, high] = [widthOf(cell), heightOf(cell)];
      if (isSame(cell, box) || Math.min(wide, high) < CELL_SIDE_MIN || wide * high < least) continue;
      if (found.length >= CELLS_MAX || found.some((other) => isSame(other, cell, 1))) continue;
      found.push(cell);
      if (depth > 1) addCells(lines, cell, depth - 1, found);
    }
  }
}

const LEVELS_OF_CELLS = 2;

function cellsOf(lines: Lines, box: Box): Box[] {
  const found: Box[] = [];
  addCells(lines, box, LEVELS_OF_CELLS, found);
  return found;
}

const FOUND_MAX = 28;

/** Return the windows that are found, each once. */
export function findWindows(lines: Lines): Window[] {
  const { width, height } = lines;
  const whole: Box = { left: 0, top: 0, right: width, bottom: height };
  const found: { readonly kind: WindowKind; readonly box: Box }[] = [];
  const add = (kind: WindowKind, boxes: readonly Box[]) => {
    for (const box of boxes) {
      if (Math.min(widthOf(box), heightOf(box)) < SIDE_MIN || isSame(box, whole)) continue;
      if (!found.some((other) => isSame(other.box, box))) found.push({ kind, box });
    }
  };
  const trimmed = trim(lines, whole);
  const even = trimEven(lines, whole, 3);
  add('border', [trimmed, even, trimEven(lines, whole, 1.2)]);
  const page = peelPage(lines, whole);
  add('strip', [peelStrips(lines, trimmed), page]);
  for (const cell of cellsOf(lines, trimmed).slice(0, 16)) {
    add('part', [cell]);
    add('strip', [peelStrips(lines, cell)]);
  }
  if (!isSame(even, trimmed)) add('part', cellsOf(lines, even).slice(0, 10));
  if (!isSame(page, trimmed) && !isSame(page, even)) add('part', cellsOf(lines, page).slice(0, 8));
  return found.slice(0, FOUND_MAX).map(({ kind, box }) => ({
    kind,
    rectangle: {
      left: box.left / width,
      top: box.top / height,
      right: box.right / width,
      bottom: box.bottom / height,
    },
    degrees: 0,
  }));
}
