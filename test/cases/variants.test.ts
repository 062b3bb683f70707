import { expect, test } from 'vitest';
import { placeText, VARIANTS_MAX, variantsOf } from '../../src/cases/variants.js';
import { formatHash256 } from '../../src/core/hash256.js';
import { WHOLE, type WindowKind } from '../../src/core/window.js';
import { randomBytes, seeded } from '../support/random.js';

const random = seeded(5);
const part = (hash256: Uint8Array, kind: WindowKind = 'crop') => ({
  window: { kind, rectangle: WHOLE, degrees: 0, proportion: 1 },
  quality: 100,
  hashes: [hash256],
  certain: new Uint8Array(32),
});
/** A hash so many bits away. */
function moved(hash256: Uint8Array, bits: number): Uint8Array {
  const other = Uint8Array.from(hash256);
  for (let bit = 0; bit < bits; bit++) other[bit]! ^= 1;
  return other;
}
const own = randomBytes(random, 32);
const OWN = [formatHash256(own)];
const hashesOf = (variants: ReturnType<typeof variantsOf>) => variants.map(({ hash }) => hash);

test('a variant near the image itself, or another variant, is left out', () => {
  const first = moved(own, 5);
  const parts = [moved(own, 4), first, moved(first, 9), moved(own, 10), own].map((hash256) => part(hash256));
  // The third is nearer to the image than to the first.
  expect(hashesOf(variantsOf(parts, OWN))).toEqual([moved(own, 5), moved(own, 10)].map(formatHash256));
});

test('none of an image whose own hash is not stored, and none of another kind', () => {
  const far = randomBytes(random, 32);
  expect(variantsOf([part(far)], [])).toEqual([]);
  expect(variantsOf([part(far, 'border')], OWN)).toEqual([]);
  expect(variantsOf([part(far, 'rotation')], OWN)).toMatchObject([{ kind: 'rotation' }]);
});

test('no more than the limit, however many a decoder returns', () => {
  const parts = Array.from({ length: 500 }, () => part(randomBytes(random, 32)));
  expect(variantsOf(parts, OWN)).toHaveLength(VARIANTS_MAX);
});

test('a place in words', () => {
  expect(placeText({ kind: 'crop', rectangle: { ...WHOLE, left: 0.05 }, degrees: -1.75 })).toBe(
    'left 0.050, top 0.000, right 1.000, bottom 1.000, turned -1.75°',
  );
});
