/** Paces a streamed batch at its tenant's rate: pieces wait for the rate alone. */

import type { HashBatch } from '../check/hash-batch.js';
import type { Decision } from '../check/policy.js';
import { VALUE_BYTES } from '../core/vocabulary.js';
import type { TenantGate } from './tenant-gate.js';

/** Errors of its methods, beside those of `batch`: RATE_LIMITED, where the wait would be too long; QUOTA_EXCEEDED. */
export function pacedBatch(batch: HashBatch, gate: TenantGate): HashBatch {
  return {
    ...batch,
    async checkItems(items) {
      await gate.waitForChecks(items.length);
      return batch.checkItems(items);
    },
    /** Split a piece larger than the burst, since it would never be admitted at once. */
    async checkValues(algorithm, values, referenceOf = () => null) {
      const width = VALUE_BYTES[algorithm];
      const partBytes = gate.checksAtOnce * width;
      if (values.length <= partBytes) {
        await gate.waitForChecks(values.length / width);
        return batch.checkValues(algorithm, values, referenceOf);
      }
      const decisions = new Map<number, Decision>();
      for (let from = 0; from < values.length; from += partBytes) {
        const part = values.subarray(from, from + partBytes);
        await gate.waitForChecks(part.length / width);
        const first = from / width;
        const found = await batch.checkValues(algorithm, part, (position) => referenceOf(first + position));
        for (const [position, decision] of found) decisions.set(first + position, decision);
      }
      return decisions;
    },
  };
}
