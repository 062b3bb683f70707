/**
 * Windows found in the pixels of an image: what is left when borders, captions and the chrome of a page are taken off, and the cells between
 * straight seams. Geometry alone; `Lines` does the work on pixels.
 */

import type { Place, WindowKind } from '../../core/window.js';
import type { Box, Lines, Profile } from './surface.js';

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
    const first = lines.commonest(isRow, lineAt(0), from, to);
    if (!isTaken(first, first)) return 0;
    let taken = 1;
    let misses = 0;
    for (let n = 1; n < depth * PEELED_MAX && misses <= missesMax; n++) {
      if (isTaken(lines.commonest(isRow, lineAt(n), from, to), first)) {
        taken = n + 1;
        misses = 0;
      } else misses++;
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

/** Standard deviation of a line of one colour. Unit: levels; a JPEG of quality 70 leaves half of it. */
const EVEN_MAX = 3.5;
/** Lines without content between two parts, at least: fewer are in a photograph too. */
const GAP_MIN = 4;
/** A gap of a few pixels between photographs: JPEG rings in it, but its lines are far more even than those beside it. */
const THIN = { deviationMax: 12, share: 0.35, beside: 6 };
/** Mean step along a line of a blurred or graded border. */
const QUIET_MAX = 1.6;
/** A page in a page, its columns, their paragraphs, and what is beside an image in one. */
const CUTS_MAX = 5;
const PIECE_SIDE_MIN = 32;

/** A run of lines with content, and where the gap beside it ends on each side. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly gapFrom: number;
  readonly gapTo: number;
}

/** Which lines have nothing on them: of one colour; or, where `isQuiet`, without sharp steps. */
function isGap({ deviations, steps }: Profile, isQuiet: boolean): (n: number) => boolean {
  const last = deviations.length - 1;
  return (n) => {
    const here = deviations[n]!;
    if (here <= EVEN_MAX || (isQuiet && steps[n]! <= QUIET_MAX)) return true;
    if (here > THIN.deviationMax) return false;
    const beside = Math.min(deviations[Math.max(0, n - THIN.beside)]!, deviations[Math.min(last, n + THIN.beside)]!);
    return here <= beside * THIN.share;
  };
}

/** Return the runs of lines with content. */
function runsOf(profile: Profile, isQuiet: boolean): Run[] {
  const empty = isGap(profile, isQuiet);
  const count = profile.deviations.length;
  const runs: [number, number][] = [];
  let gap = GAP_MIN;
  let isThin = false;
  for (let n = 0; n < count; n++) {
    if (empty(n)) {
      gap++;
      isThin ||= profile.deviations[n]! > EVEN_MAX;
      continue;
    }
    if (gap >= GAP_MIN || (gap > 0 && isThin)) runs.push([n, n + 1]);
    else runs.at(-1)![1] = n + 1;
    gap = 0;
    isThin = false;
  }
  return runs.map(([from, to], at) => ({
    from,
    to,
    gapFrom: runs[at - 1]?.[1] ?? 0,
    gapTo: runs[at + 1]?.[0] ?? count,
  }));
}

/** Mean difference of two neighbouring lines at an edge, at least; and over that of all lines of the gap. Unit: levels. */
const EDGE = { stepMin: 2, overMean: 4 };

/**
 * Return where the edge of a part is within the gap beside it: the sky of a photograph is as empty as the page, but it has an edge.
 * `from`, `to`: lines of the box, in the gap. Null where there is none.
 */
function edgeIn(lines: Lines, box: Box, isRow: boolean, from: number, to: number): number | null {
  const [start, end] = isRow ? [box.left, box.right] : [box.top, box.bottom];
  const first = isRow ? box.top : box.left;
  let [at, most, sum]: [number | null, number, number] = [null, EDGE.stepMin * (end - start), 0];
  for (let n = Math.max(1, from); n < to; n++) {
    const step = lines.difference(isRow, first + n, first + n - 1, start, end);
    sum += step;
    if (step > most) [at, most] = [n, step];
  }
  return at !== null && most >= (EDGE.overMean * sum) / (to - from) ? at : null;
}

/**
 * Cut a page along its lines without content: into what is above and below each other, then side by side, and so on.
 * Source  Nagy, Seth: Hierarchical representation of optically scanned documents, 1984 (the X-Y cut).
 */
class PageCutter {
  readonly found: Box[] = [];
  readonly #areaMin: number;

  constructor(
    readonly lines: Lines,
    readonly isQuiet: boolean,
  ) {
    this.#areaMin = lines.width * lines.height * CELL_SHARE_MIN;
  }

  cut(box: Box, isRow: boolean, left: number): void {
    for (const rows of [isRow, !isRow]) {
      const pieces = this.#piecesOf(box, rows);
      if (pieces.length === 1 && isSame(pieces[0]!.tight, box)) continue;
      for (const { tight, whole } of pieces) {
        for (const piece of isSame(tight, whole) ? [tight] : [whole, tight]) {
          if (!this.#keep(piece)) continue;
          if (left > 1) this.cut(piece, !rows, left - 1);
        }
      }
      return;
    }
  }

  #keep(piece: Box): boolean {
    const [wide, high] = [widthOf(piece), heightOf(piece)];
    if (Math.min(wide, high) < PIECE_SIDE_MIN || wide * high < this.#areaMin) return false;
    if (this.found.length >= CELLS_MAX || this.found.some((other) => isSame(other, piece))) return false;
    this.found.push(piece);
    return true;
  }

  /** Runs of lines: `tight`, without the gaps; `whole`, up to the edges in them. */
  #piecesOf(box: Box, isRow: boolean): { readonly tight: Box; readonly whole: Box }[] {
    const first = isRow ? box.top : box.left;
    const between = (from: number, to: number): Box =>
      isRow ? { ...box, top: first + from, bottom: first + to } : { ...box, left: first + from, right: first + to };
    const profile = this.lines.profile(isRow, box);
    return runsOf(profile, this.isQuiet).map(({ from, to, gapFrom, gapTo }) => {
      const before = edgeIn(this.lines, box, isRow, gapFrom, from);
      const behind = edgeIn(this.lines, box, isRow, to + 1, gapTo);
      // A gap up to the border of the box without an edge in it belongs to the part.
      const start = before ?? (gapFrom === 0 ? 0 : from);
      const end = behind ?? (gapTo === profile.deviations.length ? gapTo : to);
      return { tight: between(from, to), whole: between(start, end) };
    });
  }
}

/** Largest pieces that are kept of a cut. */
const PIECES_MAX = 12;

/** Return the pieces of a page, the largest first. */
function piecesOf(lines: Lines, page: Box, isQuiet: boolean): Box[] {
  const cutter = new PageCutter(lines, isQuiet);
  cutter.cut(page, true, isQuiet ? 2 : CUTS_MAX);
  const areaOf = (box: Box) => widthOf(box) * heightOf(box);
  return cutter.found.sort((a, b) => areaOf(b) - areaOf(a)).slice(0, PIECES_MAX);
}

/** Lines behind the edge of a part among which it is looked for: JPEG rings so far beside it. */
const SNAP_LINES = 9;
/** The outermost step of so much of the strongest one is the edge. */
const SNAP_SHARE = 0.6;

/** Move each side of a box inwards to the step that is its edge. */
function snapped(lines: Lines, box: Box): Box {
  let inner = box;
  for (const name of SIDES) {
    const { isRow, from, to, depth, lineAt } = inwards(inner, name);
    const outside = lineAt(-1);
    // The edge of the image itself needs no step.
    if (outside < 0 || outside >= (isRow ? lines.height : lines.width)) continue;
    const count = Math.max(0, Math.min(SNAP_LINES, depth - SIDE_MIN));
    const steps = Array.from({ length: count }, (_, n) => lines.difference(isRow, lineAt(n), lineAt(n - 1), from, to));
    const most = Math.max(0, ...steps);
    const at = steps.findIndex((step) => step >= most * SNAP_SHARE);
    if (at > 0) inner = without(inner, name, at);
  }
  return inner;
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
function usualCells(lines: Lines, box: Box): Box[] {
  const columns = [[box.left, box.right] as const, ...usualSpans(lines, box, true)];
  const rows = [[box.top, box.bottom] as const, ...usualSpans(lines, box, false)];
  return columns.flatMap(([left, right]) => rows.map(([top, bottom]) => ({ left, top, right, bottom })));
}

const LEVELS_OF_CELLS = 2;

function cellsOf(lines: Lines, box: Box): Box[] {
  const found: Box[] = [];
  addCells(lines, box, LEVELS_OF_CELLS, found);
  return found;
}

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

const FOUND_MAX = 48;

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
  const even = trimEven(lines, whole, 3);
  add('border', [trimmed, even, trimEven(lines, whole, 1.2)]);
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
