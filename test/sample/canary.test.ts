/** The shipped canaries are what their script makes, and do not hold the sample list. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canaries } from '../../scripts/make-canary.js';
import { parseHash256 } from '../../src/core/hash256.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { shippedCanaries } from '../../src/lists/import/pdq-gate.js';

test('hashlists/canary.txt is what the script makes: over five thousand hashes', async () => {
  expect(readFileSync('hashlists/canary.txt', 'utf8')).toBe(await canaries());
  expect(shippedCanaries().length).toBeGreaterThan(5_000);
});

test('no canary is within the radius of the sample list', () => {
  const sample = readFileSync('hashlists/sample/sample.csv', 'utf8')
    .split('\n')
    .filter((line) => line.includes(',pdq,'))
    .map((line) => parseHash256(line.split(',')[2]!));
  expect(sample.length).toBeGreaterThan(10);
  const nearest = Math.min(...sample.flatMap((hash) => shippedCanaries().map((canary) => hamming256(hash, canary))));
  expect(nearest).toBeGreaterThan(31);
});
