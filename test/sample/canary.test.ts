/** The canary set that ships is what its script makes, and the sample list is no part of it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canaries } from '../../scripts/make-canary.js';
import { parseHash256 } from '../../src/core/hash256.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { shippedCanaries } from '../../src/lists/import/import-review.js';

test('hashlists/canary.txt is made by the script: some three thousand hashes', async () => {
  expect(readFileSync('hashlists/canary.txt', 'utf8')).toBe(await canaries());
  expect(shippedCanaries().length).toBeGreaterThan(3_000);
});

test('the sample list is not held back by it', () => {
  const sample = readFileSync('hashlists/sample/sample.csv', 'utf8')
    .split('\n')
    .filter((line) => line.includes(',pdq,'))
    .map((line) => parseHash256(line.split(',')[2]!));
  expect(sample.length).toBeGreaterThan(10);
  const nearest = Math.min(...sample.flatMap((hash) => shippedCanaries().map((canary) => hamming256(hash, canary))));
  expect(nearest).toBeGreaterThan(31);
});
