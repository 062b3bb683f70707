/** What a tenant asked, told to its gate: values before they are looked up, so that a quota of them holds. */
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { CheckAnswer } from '../answers.js';
import type { HashItem } from '../check-hashes.js';
import { BATCH_ALGORITHMS } from '../check-values.js';
import type { HashBatch } from '../service.js';
import type { TenantGate } from './tenant-gate.js';

const HEX = /^[0-9a-f]+$/i;

/** Well-formed values of all items, by algorithm, end to end. */
function valuesOf(items: readonly HashItem[]): { algorithm: (typeof BATCH_ALGORITHMS)[number]; values: Buffer }[] {
  return BATCH_ALGORITHMS.flatMap((algorithm) => {
    const digits = VALUE_BYTES[algorithm] * 2;
    const hex = items.map((item) => item[algorithm]).filter((one) => one?.length === digits && HEX.test(one));
    return hex.length > 0 ? [{ algorithm, values: Buffer.from(hex.join(''), 'hex') }] : [];
  });
}

/** Errors of its methods, beside those of `batch`: QUOTA_EXCEEDED. */
export function watchedBatch(batch: HashBatch, gate: TenantGate): HashBatch {
  return {
    ...batch,
    checkItems(items) {
      for (const { algorithm, values } of valuesOf(items)) gate.takeValues(algorithm, values);
      return batch.checkItems(items);
    },
    async checkValues(algorithm, values) {
      gate.takeValues(algorithm, values);
      return batch.checkValues(algorithm, values);
    },
  };
}

/** A picture's values are known only when it has been answered: the quota refuses the next. */
export function watchImage({ digests }: CheckAnswer, gate: TenantGate | undefined): void {
  if (gate && digests.sha256 !== undefined) gate.noteValues('sha256', Buffer.from(digests.sha256, 'hex'));
}
