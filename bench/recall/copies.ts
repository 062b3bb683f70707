/** Recall: edited copies against the entries of their originals. */

import { DETAILS } from '../../src/core/window.js';
import { buildRing } from '../../src/index/ring.js';
import { createEdits } from '../edits/edits.js';
import type { Photograph } from '../edits/photographs.js';
import { randomOf } from '../edits/random.js';
import { type Compared, compare, POSSIBLE, type Strangers, type Way } from './compare.js';
import { countsOf, queriesOf, WORDS } from './queries.js';

/** The edits that the goals are about, as the first measurement had them. */
const OF_GOALS: ReadonlySet<string> = new Set([
  'border even',
  'border uneven',
  'border blurred',
  'letterbox',
  'pillarbox',
  'caption above',
  'caption below',
  'screenshot, phone',
  'screenshot, card',
  'screenshot, web page',
  'collage',
  'rotated, canvas kept',
  'rotated, canvas expanded',
  'rotated, straightened',
  'crop centre 5 %',
  'crop one side',
  'crop four sides 5 %',
  'crop four sides 10 %',
  'print on a table',
  'print, tight',
]);

export interface Listed {
  readonly photograph: Photograph;
  /** Number of its entry. */
  readonly own: number;
}

interface EditResult {
  readonly name: string;
  readonly copies: readonly Compared[];
}

interface CopyResults {
  readonly edits: readonly EditResult[];
  /** Means over all copies, by mode. */
  readonly queries: readonly number[];
  readonly ms: readonly number[];
}

export interface CopyOptions {
  readonly seed: number;
  readonly photographs: readonly Listed[];
  readonly collageParts: readonly Photograph[];
  /** Shape: N × 8. */
  readonly listed: Uint32Array;
  /** Each edit of the list, or every so many. */
  readonly everyEdit: number;
  readonly strangers: Strangers;
}

/** Edit all photographs in all ways and compare each copy with the entry of its original, and with all others. */
export async function measureCopies(options: CopyOptions): Promise<CopyResults> {
  const { seed, photographs, collageParts, listed, everyEdit, strangers } = options;
  const edits = createEdits(collageParts.map(({ raster }) => raster)).filter((_, at) => at % everyEdit === 0);
  const sums = { copies: 0, queries: DETAILS.map(() => 0), ms: DETAILS.map(() => 0) };
  const results: EditResult[] = [];
  const ring = buildRing(new Uint8Array(listed.buffer, listed.byteOffset, listed.byteLength));
  const reachesOwn = (own: number) => (query: Uint8Array) =>
    ring.searchLoosely(query, POSSIBLE.radiusBits).entryIndex.includes(own);
  for (const edit of edits) {
    const copies: Compared[] = [];
    for (const { photograph, own } of photographs) {
      const { raster } = await edit.make(photograph.raster, randomOf(seed, edit.name, photograph.name));
      const queries = queriesOf(raster);
      const compared = compare(queries, listed.subarray(own * WORDS, (own + 1) * WORDS), reachesOwn(own));
      copies.push(compared);
      strangers.add(queries, listed, own);
      sums.copies++;
      for (const [mode, count] of countsOf(queries).entries()) {
        sums.queries[mode]! += count;
        sums.ms[mode]! += queries.ms[mode]!;
      }
    }
    results.push({ name: edit.name, copies });
  }
  const means = (values: readonly number[]) => values.map((value) => value / sums.copies);
  return { edits: results, queries: means(sums.queries), ms: means(sums.ms) };
}

/** Return the middle value, or a dash where there is none. */
const middleOf = (values: readonly number[]): number | '-' =>
  values.length === 0 ? '-' : [...values].sort((a, b) => a - b)[values.length >> 1]!;

const recallOf = (copies: readonly Compared[], way: Way) =>
  (100 * copies.filter(({ ways }) => ways.has(way)).length) / copies.length;

const RECALL_WAYS: readonly Way[] = ['plain', 'standard', 'deep', 'deep, no rule', 'deep, surer 47', 'deep 47'];

const percentOf = (value: number): string => (value === 100 ? '100' : value.toFixed(1));

/** Rows of table one: an edit each, then the means. */
export function recallRows({ edits, queries, ms }: CopyResults): (string | number)[][] {
  const row = ({ name, copies }: EditResult) => {
    const best = copies.map(({ window }) => window);
    return [
      name,
      copies.length,
      ...RECALL_WAYS.map((way) => percentOf(recallOf(copies, way))),
      middleOf(best.map(({ distance }) => distance)),
      middleOf(best.filter(({ distance }) => distance <= 31).map(({ wrong }) => wrong)),
    ];
  };
  const mean = (name: string, of: readonly EditResult[]) => {
    const meanOf = (way: Way) => of.reduce((sum, { copies }) => sum + recallOf(copies, way), 0) / of.length;
    return [name, of.length, ...RECALL_WAYS.map((way) => (of.length === 0 ? '-' : percentOf(meanOf(way)))), '', ''];
  };
  const [plain, standard, deep] = [0, 1, 2] as const;
  const byMode = (values: readonly number[]) => [
    ...[plain, standard, deep].map((mode) => values[mode]!.toFixed(1)),
    ...Array<string>(5).fill(''),
  ];
  const goals = edits.filter(({ name }) => OF_GOALS.has(name));
  return [
    ...edits.map(row),
    mean(`mean of ${goals.length} edits of goals`, goals),
    mean('mean of all edits', edits),
    ['queries an image', '', ...byMode(queries)],
    ['hashing, processor ms', '', ...byMode(ms)],
  ];
}

/** Say how many copies are possible alone, and how many of them the loose search of the index finds. */
export function reachWords({ edits }: CopyResults): string {
  const all = edits.flatMap(({ copies }) => copies.map(({ isReached }) => isReached)).filter((one) => one !== null);
  return `47/14 alone finds ${all.length} copies, of which the loose search finds ${all.filter(Boolean).length}`;
}

/** Sum over the results, that a change would change. */
export const copiesSum = ({ edits }: CopyResults): number =>
  edits.reduce(
    (sum, { copies }) =>
      copies.reduce((inner, { nearest, ways, window }) => inner + nearest + window.wrong + ways.size, sum),
    0,
  );

/** Return the nearest windows of all copies. */
export const bestWindows = ({ edits }: CopyResults): readonly Compared['window'][] =>
  edits.flatMap(({ copies }) => copies.map(({ window }) => window));
