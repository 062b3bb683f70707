/**
 * Reports a tenant's queries to its gate before the look-up, so that the quota of values holds, and with their answers to
 * the probing detection: everything that is searched, whatever form it came in.
 */

import type { CheckAnswer } from '../check/answers.js';
import type { HashQuery } from '../check/candidate.js';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import type { HashBatch } from '../check/hash-batch.js';
import type { Decision, Match } from '../check/policy.js';
import { Breath } from '../core/breath.js';
import { type Algorithm, ORIENTATIONS, type ViewName } from '../core/vocabulary.js';
import type { Window } from '../core/window.js';
import { HAMMING_ALGORITHMS } from '../lists/snapshot.js';
import { checksOf, type ItemValue, imagesOf, valuesOf } from './item-values.js';
import { isHamming } from './probing/near-miss.js';
import type { Probing } from './probing/probing.js';
import type { TenantGate } from './tenant-gate.js';

type Found = Pick<Decision, 'matches'>;

/** A value that is searched, and the item that asks for it. */
interface Asked {
  readonly one: ItemValue;
  readonly itemAt: number;
}

/** What the items of a batch search. */
interface Searched {
  readonly checks: number;
  readonly byAlgorithm: ReadonlyMap<Algorithm, readonly Asked[]>;
}

async function searchedBy(items: readonly HashItem[]): Promise<Searched> {
  const byAlgorithm = new Map<Algorithm, Asked[]>();
  const breath = new Breath();
  let checks = 0;
  for (const [itemAt, item] of items.entries()) {
    if (breath.isDue) await breath.take();
    const values = valuesOf(item);
    checks += checksOf(values.length > 1 ? imagesOf(values) : values);
    for (const one of values) {
      const column = byAlgorithm.get(one.algorithm) ?? [];
      byAlgorithm.set(one.algorithm, column);
      column.push({ one, itemAt });
    }
  }
  return { checks, byAlgorithm };
}

const joined = (column: readonly Asked[]) => Buffer.concat(column.map(({ one }) => one.value));

/** Compares where two windows lie, by their text: each of an image lies elsewhere. */
const isSameWindow = (a: Window | null, b: Window | null) =>
  a === b || (a !== null && b !== null && placeText(a) === placeText(b));
const placeText = ({ rectangle: { left, top, right, bottom }, degrees }: Window) =>
  `${left} ${top} ${right} ${bottom} ${degrees}`;

type Origin = Pick<Match, 'algorithm' | 'orientation' | 'family' | keyof ViewName> & { readonly window: Window | null };
const isFrom = (origin: Origin, match: Match) =>
  match.algorithm === origin.algorithm &&
  match.orientation === origin.orientation &&
  match.family === origin.family &&
  match.frame === origin.frame &&
  match.background === origin.background &&
  match.part === origin.part &&
  isSameWindow(origin.window, match.window);

/** Return whether the match may be this value's. Zeef turns a value without provenance itself. */
function mayBeOf({ algorithm, hash }: ItemValue, match: Match): boolean {
  const { orientation = hash ? ORIENTATIONS[0] : match.orientation, family = null } = hash ?? {};
  const { frame = null, background = null, part = null, window = null } = hash ?? {};
  return isFrom({ algorithm, orientation, family, frame, background, part, window }, match);
}

/** Return the matches of each value, by its position: of an item with several values, its own. */
function decisionsOf(column: readonly Asked[], answers: readonly HashItemAnswer[]): Map<number, Found> {
  const decisions = new Map<number, Found>();
  for (const [position, { one, itemAt }] of column.entries()) {
    const answer = answers[itemAt]!;
    if (!('matches' in answer)) continue;
    const matches = answer.matches.filter((match) => mayBeOf(one, match));
    if (matches.length > 0) decisions.set(position, { matches });
  }
  return decisions;
}

const noteOf =
  ({ tenant }: TenantGate, probing: Probing) =>
  (algorithm: Algorithm, values: Uint8Array, decisions: ReadonlyMap<number, Found>): void => {
    if (isHamming(algorithm)) probing.note(tenant, algorithm, values, decisions);
    if (algorithm === 'photodna') probing.noteVectors(tenant, values, decisions);
  };

/**
 * Count the value of an item that has one, before its look-up. Result: reports what the answer showed, beyond the radius too.
 * Errors QUOTA_EXCEEDED.
 */
export function watchValue(item: HashItem, gate: TenantGate, probing: Probing): (shown: Found) => void {
  const values = valuesOf(item);
  for (const { algorithm, value } of values) gate.takeValues(algorithm, value);
  return (shown) => {
    const decisions = new Map(shown.matches.length > 0 ? [[0, shown]] : []);
    for (const { algorithm, value } of values) noteOf(gate, probing)(algorithm, value, decisions);
  };
}

/** Errors of its methods, beside those of `batch`: QUOTA_EXCEEDED, RATE_LIMITED. */
export function watchedBatch(batch: HashBatch, gate: TenantGate, probing: Probing): HashBatch {
  const note = noteOf(gate, probing);
  return {
    ...batch,
    async checkItems(items) {
      const { checks, byAlgorithm } = await searchedBy(items);
      // The caller took one check an item.
      if (checks > items.length) await gate.waitForChecks(checks - items.length);
      for (const [algorithm, column] of byAlgorithm) gate.takeValues(algorithm, joined(column));
      const answers = await batch.checkItems(items);
      for (const [algorithm, column] of byAlgorithm) note(algorithm, joined(column), decisionsOf(column, answers));
      return answers;
    },
    async checkValues(algorithm, values, referenceOf) {
      gate.takeValues(algorithm, values);
      const decisions = await batch.checkValues(algorithm, values, referenceOf);
      note(algorithm, values, decisions);
      return decisions;
    },
  };
}

/**
 * Report an image, with the hashes that were searched for it. Its values are known only after its answer: the limits refuse
 * the next. Each further frame is an image of its own, and costs a check.
 *
 * Every hash of its pixels is reported, of each family and algorithm: they can be set apart. Turned hashes follow from those,
 * and are watched where they match.
 */
export function watchImage(
  { digests, matches }: Pick<CheckAnswer, 'digests' | 'matches'>,
  searched: readonly HashQuery[],
  gate: TenantGate,
  probing: Probing,
): void {
  if (digests.sha256 !== undefined) gate.noteValues('sha256', Buffer.from(digests.sha256, 'hex'));
  for (const algorithm of HAMMING_ALGORITHMS) {
    const hashes: Uint8Array[] = [];
    const decisions = new Map<number, Found>();
    for (const query of searched) {
      if (query.algorithm !== algorithm) continue;
      const window = query.window?.place ?? null;
      const found = matches.filter((match) => isFrom({ ...query, window }, match));
      // Windows follow from the image, like turned hashes.
      const isOwn = query.orientation === 'original' && window === null;
      if (found.length > 0) decisions.set(hashes.length, { matches: found });
      // The digest stands for the first hash.
      if (isOwn && query !== searched[0]) gate.noteValues(algorithm, query.hash256);
      if (found.length > 0 || isOwn) hashes.push(query.hash256);
    }
    if (hashes.length > 0) probing.note(gate.tenant, algorithm, Buffer.concat(hashes), decisions);
  }
  const frames = new Set(searched.map(({ frame }) => frame)).size;
  if (frames > 1) gate.noteChecks(frames - 1);
}
