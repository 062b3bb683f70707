/**
 * Windows found in the pixels of an image: what is left when borders, captions and the chrome of a page are taken off, and the cells between
 * straight seams. Geometry alone; `Lines` does the work on pixels.
 */

import type { Place, WindowKind } from '../../core/window.js';
import { heightOf, isSame, SIDE_MIN, widthOf } from './boxes.js';
import { piecesOf, snapped } from './page-cutter.js';
import { peelPage, peelStrips, trim, trimEven } from './peel.js';
import { cellsOf, usualCells } from './seams.js';
import type { Box, Lines, Profile } from './surface.js';

/** Largest pieces that are completed to centred boxes. */
const CENTRED_MAX = 3;

/** Boxes about the centre of the image with the one, or the other, edge of a box: of two edges one may be too faint to be found. */
function centredOf(box: Box, { right: width, bottom: height }: Box): Box[] {
  const across = (edge: number) => [Math.min(edge, width - edge), Math.max(edge, width - edge)] as const;
  const along = (edge: number) => [Math.min(edge, height - edge), Math.max(edge, height - edge)] as const;
  return [box.left, box.right].flatMap((x) =>
    [box.top, box.bottom].map((y) => {
      const [[left, right], [top, bottom]] = [across(x), along(y)];
      return { left, right, top, bottom };
    }),
  );
}

/** Windows that are found in one image: a page of many cells has more than any copy needs. */
export const FOUND_MAX = 48;
/** Standard deviations of lines that are of one colour: drawn by a program, and after a JPEG of high quality. Unit: levels. */
const EVEN = { drawn: 1.2, saved: 3 };
/** Cells that are kept of the trimmed image, of the image without an even border, and of a page. */
const CELLS = { trimmed: 16, even: 10, page: 8 };

/** The same lines, of which all of a box are looked at once: several ways of finding begin with the same boxes. */
function remembered(lines: Lines): Lines {
  const profiles = new Map<string, Profile>();
  const seams = new Map<string, Uint16Array>();
  const keyOf = (isRow: boolean, { left, top, right, bottom }: Box) => `${isRow} ${left} ${top} ${right} ${bottom}`;
  return {
    width: lines.width,
    height: lines.height,
    commonest: (...line) => lines.commonest(...line),
    spread: (...line) => lines.spread(...line),
    difference: (...both) => lines.difference(...both),
    profile(isRow, box) {
      const key = keyOf(isRow, box);
      const profile = profiles.get(key) ?? lines.profile(isRow, box);
      profiles.set(key, profile);
      return profile;
    },
    seams(isColumn, box) {
      const key = keyOf(isColumn, box);
      const counts = seams.get(key) ?? lines.seams(isColumn, box).slice();
      seams.set(key, counts);
      return counts;
    },
  };
}

/** Return the windows that are found, each once. */
export function findWindows(surfaceLines: Lines): Place[] {
  const lines = remembered(surfaceLines);
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
  const even = trimEven(lines, whole, EVEN.saved);
  add('border', [trimmed, even, trimEven(lines, whole, EVEN.drawn)]);
  for (const isQuiet of [false, true]) {
    const pieces = piecesOf(lines, whole, isQuiet).map((piece) => snapped(lines, piece));
    add('part', pieces);
    add(
      'border',
      pieces.slice(0, CENTRED_MAX).flatMap((piece) => centredOf(piece, whole)),
    );
  }
  add('part', usualCells(lines, even));
  const page = peelPage(lines, whole);
  add('strip', [peelStrips(lines, trimmed), page]);
  for (const cell of cellsOf(lines, trimmed).slice(0, CELLS.trimmed)) {
    add('part', [cell]);
    add('strip', [peelStrips(lines, cell)]);
  }
  if (!isSame(even, trimmed)) add('part', cellsOf(lines, even).slice(0, CELLS.even));
  if (!isSame(page, trimmed) && !isSame(page, even)) add('part', cellsOf(lines, page).slice(0, CELLS.page));
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
