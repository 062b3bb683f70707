/** A batch that arrives as a stream goes no faster than its tenant may: pieces wait for the rate, and for it alone. */
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { BatchAlgorithm } from '../check-values.js';
import type { Decision } from '../policy.js';
import type { HashBatch } from '../service.js';
import type { TenantGate } from './tenant-gate.js';

/** Errors of its methods, beside those of `batch`: RATE_LIMITED, where the wait would be too long; QUOTA_EXCEEDED. */
export function pacedBatch(batch: HashBatch, gate: TenantGate): HashBatch {
  return {
    ...batch,
    async checkItems(items) {
      await gate.waitForChecks(items.length);
      return batch.checkItems(items);
    },
    /** A piece larger than the burst goes in parts, since so many are never admitted at once. */
    async checkValues(algorithm: BatchAlgorithm, values: Uint8Array) {
      const width = VALUE_BYTES[algorithm];
      const partBytes = gate.checksAtOnce * width;
      if (values.length <= partBytes) {
        await gate.waitForChecks(values.length / width);
        return batch.checkValues(algorithm, values);
      }
      const decisions = new Map<number, Decision>();
      for (let from = 0; from < values.length; from += partBytes) {
        const part = values.subarray(from, from + partBytes);
        await gate.waitForChecks(part.length / width);
        for (const [position, decision] of await batch.checkValues(algorithm, part)) {
          decisions.set(from / width + position, decision);
        }
      }
      return decisions;
    },
  };
}
