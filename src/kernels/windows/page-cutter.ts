/** Pieces of a page between its empty lines: screenshots, captions, images beside text. */
import { CELL_SHARE_MIN, CELLS_MAX, heightOf, inwards, isSame, SIDE_MIN, SIDES, widthOf, without } from './boxes.js';
import type { Box, Lines, Profile } from './surface.js';

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
export function piecesOf(lines: Lines, page: Box, isQuiet: boolean): Box[] {
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
export function snapped(lines: Lines, box: Box): Box {
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
