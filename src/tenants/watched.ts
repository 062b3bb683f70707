/**
 * Reports a tenant's queries to its gate before the look-up, so that the quota of values holds, and with their answers to
 * the probing detection.
 */

import type { CheckAnswer } from '../check/answers.js';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../check/check-values.js';
import type { HashBatch } from '../check/hash-batch.js';
import type { Decision } from '../check/policy.js';
import { type Algorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { isHamming } from './probing/near-miss.js';
import type { Probing } from './probing/probing.js';
import type { TenantGate } from './tenant-gate.js';

const HEX = /^[0-9a-f]+$/i;

interface ItemValues {
  readonly algorithm: BatchAlgorithm;
  /** Concatenated. */
  readonly values: Buffer;
  /** Indexes of their items. */
  readonly itemAt: readonly number[];
}

/** Return the well-formed values of all items. */
function valuesOf(items: readonly HashItem[]): readonly ItemValues[] {
  return BATCH_ALGORITHMS.flatMap((algorithm) => {
    const digits = VALUE_BYTES[algorithm] * 2;
    const itemAt: number[] = [];
    const hex: string[] = [];
    for (const [at, { [algorithm]: value }] of items.entries()) {
      if (value?.length !== digits || !HEX.test(value)) continue;
      itemAt.push(at);
      hex.push(value);
    }
    return hex.length > 0 ? [{ algorithm, values: Buffer.from(hex.join(''), 'hex'), itemAt }] : [];
  });
}

function decisionsOf(
  itemAt: readonly number[],
  answers: readonly HashItemAnswer[],
): Map<number, Pick<Decision, 'matches'>> {
  const decisions = new Map<number, Pick<Decision, 'matches'>>();
  itemAt.forEach((at, position) => {
    const answer = answers[at]!;
    if ('matches' in answer && answer.matches.length > 0) decisions.set(position, answer);
  });
  return decisions;
}

/** Errors of its methods, beside those of `batch`: QUOTA_EXCEEDED. */
export function watchedBatch(batch: HashBatch, gate: TenantGate, probing: Probing): HashBatch {
  const note = (
    algorithm: Algorithm,
    values: Uint8Array,
    decisions: ReadonlyMap<number, Pick<Decision, 'matches'>>,
  ) => {
    if (isHamming(algorithm)) probing.note(gate.tenant, algorithm, values, decisions);
  };
  return {
    ...batch,
    async checkItems(items) {
      const counted = valuesOf(items);
      for (const { algorithm, values } of counted) gate.takeValues(algorithm, values);
      const answers = await batch.checkItems(items);
      for (const { algorithm, values, itemAt } of counted) note(algorithm, values, decisionsOf(itemAt, answers));
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

/** Report an image. Its values are known only after its answer: the quota refuses the next. */
export function watchImage({ digests, pdq, ...answer }: CheckAnswer, gate: TenantGate, probing: Probing): void {
  if (digests.sha256 !== undefined) gate.noteValues('sha256', Buffer.from(digests.sha256, 'hex'));
  if (pdq) probing.note(gate.tenant, 'pdq', Buffer.from(pdq.hash, 'hex'), new Map([[0, answer]]));
}
