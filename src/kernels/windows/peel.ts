/** What is left of a box when lines of one colour are taken off its sides: borders, strips with writing, the bars of a page. */
import { type Inwards, inwards, isSame, SIDE_MIN, SIDES, without } from './boxes.js';
import type { Box, Lines } from './surface.js';

/** Levels are alike within this. */
const LEVEL_TOLERANCE = 14;
/** Largest share of a box that comes off at one side. */
const PEELED_MAX = 0.8;
/** A strip's ends may belong to another one: each round takes off all four sides. */
const ROUNDS = 3;

type Line = ReturnType<Lines['commonest']>;

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

/** Share of a line near its commonest level: of a border, of a strip with writing, of a page; and lines in between that may have less. */
const BORDER = { share: 0.96, missesMax: 0 };
const STRIP = { share: 0.55, missesMax: 2 };
const PAGE = { share: 0.6, missesMax: 3 };

const isLike = ({ level }: Line, first: Line) => Math.abs(level - first.level) <= LEVEL_TOLERANCE;
/** Lines of one colour, with some noise. */
export const trim = (lines: Lines, box: Box) =>
  peel(lines, box, (line, first) => line.share >= BORDER.share && isLike(line, first), BORDER.missesMax);
/** Lines with writing on one colour: captions, the bars of a program. */
export const peelStrips = (lines: Lines, box: Box) =>
  peel(lines, box, (line, first) => line.share >= STRIP.share && isLike(line, first), STRIP.missesMax);
/** Lines mostly of one colour, whichever: pages of several bars. */
export const peelPage = (lines: Lines, box: Box) =>
  peel(lines, box, ({ share }) => share >= PAGE.share, PAGE.missesMax);

/** Lines behind an even margin among which its edge is looked for: JPEG rings so far beside a strong step. */
const RINGING = 9;
/** A later step is the edge only if it is so much stronger. */
const STRONGER = 1.15;

/** Take off what is of exactly one colour, as programs draw it; then up to the strongest step near its end. */
export function trimEven(lines: Lines, box: Box, tolerance: number): Box {
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
