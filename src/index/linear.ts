/** The test oracle: every entry is compared, in plain TypeScript. Shares no code with the ring. */
import { HASH256_BYTES } from '../core/hash256.js';
import { hamming256 } from '../kernels/hamming.js';
import { searchOneByOne } from './columns.js';
import { HashBytes } from './hash-bytes.js';
import { byDistance, requireRadius } from './radius.js';
import type { Candidate, IndexBuilder, RadiusIndex } from './types.js';

export function linearBuilder(expectedCount: number): IndexBuilder {
  const gathered = new HashBytes(expectedCount);
  return {
    add: (hash256) => gathered.add(hash256),
    seal: () => linearIndex(gathered.bytes.slice()),
  };
}

function linearIndex(hashes: Uint8Array): RadiusIndex {
  const entryCount = hashes.length / HASH256_BYTES;
  const search = (hash256: Uint8Array, radiusBits: number): Candidate[] => {
    requireRadius(radiusBits);
    const found: Candidate[] = [];
    for (let entryIndex = 0; entryIndex < entryCount; entryIndex++) {
      const from = entryIndex * HASH256_BYTES;
      const distanceBits = hamming256(hash256, hashes.subarray(from, from + HASH256_BYTES));
      if (distanceBits <= radiusBits) found.push({ entryIndex, distanceBits });
    }
    return found.sort(byDistance);
  };
  const searchBatch = (hashes256: Uint8Array, radiusBits: number) =>
    searchOneByOne((hash256) => search(hash256, radiusBits), hashes256);
  return {
    kind: 'linear',
    exact: true,
    entryCount,
    memoryBytes: hashes.byteLength,
    hashOf: (entryIndex) => hashes.subarray(entryIndex * HASH256_BYTES, (entryIndex + 1) * HASH256_BYTES),
    search,
    searchBatch,
    searchLoosely: searchBatch,
  };
}
