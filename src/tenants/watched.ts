/**
 * Reports a tenant's queries to its gate before the look-up, so that the quota of values holds, and with their answers to
 * the probing detection: everything that is searched, whatever form it came in.
 */

import type { CheckAnswer } from '../check/answers.js';
import type { HashQuery } from '../check/candidate.js';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import type { BatchAlgorithm } from '../check/check-values.js';
import type { HashBatch } from '../check/hash-batch.js';
import type { Decision } from '../check/policy.js';
import { Breath } from '../core/breath.js';
import { checksOf, type ItemValue, imagesOf, valuesOf } from './item-values.js';
import { isHamming } from './probing/near-miss.js';
import type { Probing } from './probing/probing.js';
import type { TenantGate } from './tenant-gate.js';

type Found = Pick<Decision, 'matches'>;

/** What the items of a batch search. */
interface Searched {
  readonly checks: number;
  readonly byAlgorithm: ReadonlyMap<BatchAlgorithm, { readonly one: ItemValue; readonly itemAt: number }[]>;
}

async function searchedBy(items: readonly HashItem[]): Promise<Searched> {
  const byAlgorithm = new Map<BatchAlgorithm, { one: ItemValue; itemAt: number }[]>();
  const breath = new Breath();
  let checks = 0;
  for (const [itemAt, item] of items.entries()) {
    if (breath.isDue) await breath.take();
    const values = valuesOf(item);
    const images = values.length > 1 ? imagesOf(values) : values;
    checks += checksOf(images);
    for (const one of images) {
      const column = byAlgorithm.get(one.algorithm) ?? [];
      byAlgorithm.set(one.algorithm, column);
      column.push({ one, itemAt });
    }
  }
  return { checks, byAlgorithm };
}

const joined = (column: readonly { readonly one: ItemValue }[]) => Buffer.concat(column.map(({ one }) => one.value));

/** Return the matches of each value, by its position: of an item with several images, those of its own. */
function decisionsOf(
  column: readonly { readonly one: ItemValue; readonly itemAt: number }[],
  answers: readonly HashItemAnswer[],
): Map<number, Found> {
  const decisions = new Map<number, Found>();
  for (const [position, { one, itemAt }] of column.entries()) {
    const answer = answers[itemAt]!;
    if (!('matches' in answer)) continue;
    const { frame = null, background = null } = one.hash ?? {};
    const matches = answer.matches.filter((match) => match.frame === frame && match.background === background);
    if (matches.length > 0) decisions.set(position, { matches });
  }
  return decisions;
}

/** Errors of its methods, beside those of `batch`: QUOTA_EXCEEDED, RATE_LIMITED. */
export function watchedBatch(batch: HashBatch, gate: TenantGate, probing: Probing): HashBatch {
  const note = (algorithm: BatchAlgorithm, values: Uint8Array, decisions: ReadonlyMap<number, Found>) => {
    if (isHamming(algorithm)) probing.note(gate.tenant, algorithm, values, decisions);
  };
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
 */
export function watchImage(
  { digests, matches }: Pick<CheckAnswer, 'digests' | 'matches'>,
  searched: readonly HashQuery[],
  gate: TenantGate,
  probing: Probing,
): void {
  if (digests.sha256 !== undefined) gate.noteValues('sha256', Buffer.from(digests.sha256, 'hex'));
  const views = new Map<string, HashQuery>();
  for (const query of searched) {
    const key = JSON.stringify([query.frame, query.background]);
    if (query.algorithm === 'pdq' && query.orientation === 'original' && !views.has(key)) views.set(key, query);
  }
  let isFirst = true;
  for (const { hash256, frame, background } of views.values()) {
    if (!isFirst) gate.noteValues('pdq', hash256);
    isFirst = false;
    const found = matches.filter((match) => match.frame === frame && match.background === background);
    probing.note(gate.tenant, 'pdq', hash256, found.length > 0 ? new Map([[0, { matches: found }]]) : new Map());
  }
  const frames = new Set([...views.values()].map(({ frame }) => frame)).size;
  if (frames > 1) gate.noteChecks(frames - 1);
}
