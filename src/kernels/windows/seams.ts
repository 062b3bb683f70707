/** Cells between straight seams: collages, and images in a page without gaps. */
import { CELL_SHARE_MIN, CELLS_MAX, heightOf, isSame, SIDE_MIN, widthOf } from './boxes.js';
import { trim } from './peel.js';
import type { Box, Lines } from './surface.js';

/** Share of a seam's length on which its step is seen. */
const SEAM_SHARE = 0.42;
const SEAMS_MAX = 3;
/** Distance of two seams, at least: pixels, and share of the side. */
const APART = { pixels: 6, share: 0.03 };
/** Sides of a box in which seams are looked for: across them, and along. */
const ACROSS_MIN = 40;
/** Pixels at both ends of a box where no seam is. */
const SEAM_MARGIN = 8;

/** Return how much of each line of a box is on a seam. */
function seamShares(lines: Lines, box: Box, isColumn: boolean): { readonly at: number; readonly share: number }[] {
  const [start, end] = isColumn ? [box.left, box.right] : [box.top, box.bottom];
  const length = isColumn ? heightOf(box) : widthOf(box);
  if (end - start < ACROSS_MIN || length < SIDE_MIN) return [];
  const [near, far] = isColumn ? (['left', 'right'] as const) : (['top', 'bottom'] as const);
  const inner = { ...box, [near]: start + SEAM_MARGIN, [far]: end - SEAM_MARGIN };
  return Array.from(lines.seams(isColumn, inner), (count, n) => ({
    at: start + SEAM_MARGIN + n,
    share: count / length,
  }));
}

/** Positions of the clearest seams of a box, ascending. */
function seamsOf(lines: Lines, box: Box, isColumn: boolean): number[] {
  const [start, end] = isColumn ? [box.left, box.right] : [box.top, box.bottom];
  const shares = seamShares(lines, box, isColumn);
  const clear = shares.filter(({ share }) => share >= SEAM_SHARE).sort((a, b) => b.share - a.share);
  const apart = Math.max(APART.pixels, (end - start) * APART.share);
  const kept: number[] = [];
  for (const { at } of clear) {
    if (kept.length === SEAMS_MAX) break;
    if (kept.every((other) => Math.abs(other - at) > apart)) kept.push(at);
  }
  return kept.sort((a, b) => a - b);
}

const CELL_SIDE_MIN = 40;

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
      const whole = { left, top, right, bottom };
      for (const cell of [whole, trim(lines, whole)]) {
        const [wide, high] = [widthOf(cell), heightOf(cell)];
        if (isSame(cell, box) || Math.min(wide, high) < CELL_SIDE_MIN || wide * high < least) continue;
        if (found.length >= CELLS_MAX || found.some((other) => isSame(other, cell, 1))) continue;
        found.push(cell);
        if (depth > 1) addCells(lines, cell, depth - 1, found);
      }
    }
  }
}

/** Cells of cells are looked for, and no further. */
const LEVELS_OF_CELLS = 2;

/** Return the cells of a box between its seams, and theirs, whole and trimmed. */
export function cellsOf(lines: Lines, box: Box): Box[] {
  const found: Box[] = [];
  addCells(lines, box, LEVELS_OF_CELLS, found);
  return found;
}

/** Where most collages have their seams, how near to it, and how much of a faint one is enough there. */
const USUAL = { places: [[1 / 2], [1 / 3, 2 / 3], [1 / 3], [2 / 3]], near: 0.025, share: 0.18 };

/** Return the spans of a side between seams at usual places: of halves, of thirds, of a third and the rest. */
function usualSpans(lines: Lines, box: Box, isColumn: boolean): (readonly [number, number])[] {
  const [start, end] = isColumn ? [box.left, box.right] : [box.top, box.bottom];
  const shares = seamShares(lines, box, isColumn);
  const seamNear = (place: number) => {
    const near = shares.filter(({ at }) => Math.abs((at - start) / (end - start) - place) <= USUAL.near);
    const best = near.reduce((most, one) => (one.share > most.share ? one : most), { at: 0, share: 0 });
    return best.share >= USUAL.share ? best.at : null;
  };
  return USUAL.places.flatMap((places) => {
    const seams = places.map(seamNear).filter((at) => at !== null);
    if (seams.length < places.length) return [];
    const edges = [start, ...seams, end];
    return edges.slice(1).map((to, n) => [edges[n]!, to] as const);
  });
}

/** Return the cells of a collage with faint seams at usual places. */
export function usualCells(lines: Lines, box: Box): Box[] {
  const columns = [[box.left, box.right] as const, ...usualSpans(lines, box, true)];
  const rows = [[box.top, box.bottom] as const, ...usualSpans(lines, box, false)];
  return columns.flatMap(([left, right]) => rows.map(([top, bottom]) => ({ left, top, right, bottom })));
}
