/** How certain a window is of copies and of strangers, and how often a stranger would match. */
import { DETAILS, type WindowRule } from '../../src/core/window.js';
import type { BenchTable } from '../report.js';
import { BY_DISTANCE, POSSIBLE, RULE, type Strangers, SURER } from './compare.js';
import {
  chancePasses,
  fitTail,
  normalShareBelow,
  perBillion,
  spreadOf,
  tailFactor,
  unseenShare,
} from './extrapolate.js';

/** Entries of the list for which matches are extrapolated. */
const LISTED = 10_000_000;
/** Nearest strangers to which a tail is fitted. */
const TAIL = 5_000;

interface Pair {
  readonly distance: number;
  readonly wrong: number;
}

/** Return the nearest windows of strangers, each as often as it is. */
function nearestStrangers(strangers: Strangers): Pair[] {
  const found: Pair[] = [];
  for (const { distance, wrong, count } of strangers.nearWindows())
    for (let n = 0; n < count && found.length < TAIL; n++) found.push({ distance, wrong });
  return found;
}

const BANDS = [
  { name: 'copies at 0 to 31', from: 0, to: RULE.radiusBits },
  { name: 'copies at 32 to 47', from: RULE.radiusBits + 1, to: POSSIBLE.radiusBits },
];

function certaintyRow(name: string, pairs: readonly Pair[]): (string | number)[] {
  const wrong = pairs.map((pair) => pair.wrong).sort((a, b) => a - b);
  const at = (share: number) => wrong[Math.min(wrong.length - 1, Math.floor(wrong.length * share))] ?? '-';
  const within = ({ wrongBitsMax }: WindowRule) => {
    const count = wrong.filter((bits) => bits <= wrongBitsMax).length;
    return `${((100 * count) / Math.max(1, wrong.length)).toFixed(1)}%`;
  };
  return [
    name,
    wrong.length,
    wrong[0] ?? '-',
    at(0.5),
    at(0.99),
    wrong.at(-1) ?? '-',
    within(SURER),
    within(RULE),
    within(POSSIBLE),
  ];
}

/** `best`: the nearest windows of copies. */
export function certaintyTable(best: readonly Pair[], strangers: Strangers): BenchTable {
  const near = nearestStrangers(strangers);
  const ofBand = (from: number, to: number) => best.filter(({ distance }) => distance >= from && distance <= to);
  const chance = (rule: WindowRule) => chancePasses(rule.radiusBits, rule.wrongBitsMax).toExponential(1);
  return {
    title: 'Recall 3: certain bits wrong, of 128, of the nearest windows',
    notes: [
      `bits wrong anywhere, 31: ${chance(RULE)} of strangers have at most 6 certain ones; 47: ${chance(POSSIBLE)} at most 14`,
    ],
    columns: ['windows', 'pairs', 'least', 'median', 'p99', 'most', 'within 4', 'within 6', 'within 14'],
    rows: [
      ...BANDS.map(({ name, from, to }) => certaintyRow(name, ofBand(from, to))),
      certaintyRow(`strangers at ${near[0]?.distance ?? '-'} to ${near.at(-1)?.distance ?? '-'}`, near),
    ],
    checksum: String([...best, ...near].reduce((sum, { wrong }) => sum + wrong, 0)),
  };
}

/** Share of the nearest strangers that would pass a rule, if as large a share of their bits were wrong at its radius. */
function passingShare(near: readonly Pair[], { radiusBits, wrongBitsMax }: WindowRule): number {
  if (near.length === 0) return 1;
  const passing = near.filter(({ distance, wrong }) => wrong / distance <= wrongBitsMax / radiusBits).length;
  return passing > 0 ? passing / near.length : unseenShare(near.length);
}

/** Rules of the modes' own queries: of the whole image, found windows, and those at fixed places. */
const CHANCES: readonly { readonly name: string; readonly rules: readonly WindowRule[] }[] = [
  { name: 'plain', rules: [BY_DISTANCE] },
  { name: 'standard', rules: [BY_DISTANCE, RULE] },
  { name: 'deep', rules: [BY_DISTANCE, RULE, RULE] },
  { name: 'deep, by the distance alone', rules: [BY_DISTANCE, BY_DISTANCE, BY_DISTANCE] },
  { name: 'deep, 47 with 4', rules: [BY_DISTANCE, SURER, SURER] },
  { name: 'deep, 47 with 14', rules: [BY_DISTANCE, POSSIBLE, POSSIBLE] },
];

const ratio = (value: number) => (value < 1_000 ? value.toFixed(4) : value.toExponential(1));

/** Expected false matches of a billion checks, by both models. */
export function chanceTable(strangers: Strangers): BenchTable {
  const together = new Float64Array(257);
  for (const mode of DETAILS.keys())
    for (const [d, count] of strangers.distancesOf(mode).entries()) together[d]! += count;
  const tail = fitTail(together, TAIL);
  const near = nearestStrangers(strangers);
  const { pairs } = strangers;
  /** Of the queries that a mode has and those before it have not. */
  const ofMode = (mode: number, rule: WindowRule) => {
    const { count, mean, deviation } = spreadOf(strangers.distancesOf(mode));
    const { radiusBits, wrongBitsMax } = rule;
    const normal = normalShareBelow(radiusBits + 0.5, mean, deviation) * chancePasses(radiusBits, wrongBitsMax);
    const upToEnd = strangers
      .distancesOf(mode)
      .subarray(0, tail.to + 1)
      .reduce((sum, one) => sum + one, 0);
    const line = (upToEnd / pairs) * tailFactor(tail, radiusBits) * passingShare(near, rule);
    return {
      queries: count / pairs,
      normal: perBillion(count / pairs, LISTED, normal),
      line: perBillion(1, LISTED, line),
    };
  };
  const sums = CHANCES.map(({ name, rules }) => {
    const parts = rules.map((rule, mode) => ofMode(mode, rule));
    const sumOf = (key: 'queries' | 'normal' | 'line') => parts.reduce((sum, part) => sum + part[key], 0);
    return { name, queries: sumOf('queries'), normal: sumOf('normal'), line: sumOf('line') };
  });
  const [plain] = sums as [(typeof sums)[number]];
  const { count, mean, deviation } = spreadOf(together);
  return {
    title: 'Recall 4: expected false matches of a billion checks, list of 10 million, extrapolated by two models',
    notes: [
      `strangers: ${count.toExponential(2)} comparisons, mean ${mean.toFixed(1)}, standard deviation ${deviation.toFixed(2)}`,
      `line through the logarithm of the nearest ${tail.count}, up to ${tail.to} bits: ${tail.slope.toFixed(3)} a bit`,
    ],
    columns: ['mode', 'queries/image', 'normal', 'of plain', 'line', 'of plain'],
    rows: sums.map(({ name, queries, normal, line }) => [
      name,
      queries,
      normal.toExponential(1),
      ratio(normal / plain.normal),
      line.toExponential(1),
      ratio(line / plain.line),
    ]),
    checksum: String(count),
  };
}
