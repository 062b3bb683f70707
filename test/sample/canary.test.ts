/** The shipped canaries are what their script makes, and do not hold the sample list. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canaries } from '../../scripts/make-canary.js';
import { parseHash256 } from '../../src/core/hash256.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { shippedCanaries } from '../../src/lists/import/canaries.js';

test('hashlists/canary.txt is what the script makes: over five thousand hashes', async () => {
  const { hashes, shows } = await canaries();
  expect(readFileSync('hashlists/canary.txt', 'utf8')).toBe(hashes);
  expect(readFileSync('hashlists/canary-shows.txt', 'utf8')).toBe(shows);
  expect(shows.trim().split('\n')).toHaveLength(shippedCanaries().length);
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
