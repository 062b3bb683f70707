/** Classes of harmless images: the same from the same seed, valid, and of one class no two alike. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CLASS_NAMES, classOf } from '../../bench/edits/benign/classes.js';
import type { Raster } from '../../src/core/vocabulary.js';

const SEED = 3;
const IMAGES = 4;

const digestOf = ({ width, height, data }: Raster) =>
  createHash('sha256').update(`${width} ${height} `).update(data).digest('hex');

const isOneColour = ({ data }: Raster) => data.every((value, at) => value === data[at % 3]);

test('there are enough classes for thousands of images', () => {
  const classes = CLASS_NAMES.map(classOf);
  expect(classes.length).toBeGreaterThanOrEqual(30);
  expect(classes.reduce((sum, { full }) => sum + full, 0)).toBeGreaterThanOrEqual(3_000);
  for (const { smoke, full } of classes) expect(smoke).toBeLessThan(full);
  expect(() => classOf('no such class')).toThrow('no such class');
});

describe.each(CLASS_NAMES)('%s', (name) => {
  test('is decided by the seed, valid, and no two are alike', async () => {
    const { make } = classOf(name);
    const digests = new Set<string>();
    for (let n = 0; n < IMAGES; n++) {
      const image = await make(SEED, n);
      expect(image.channels).toBe(3);
      expect(image.data.byteLength).toBe(image.width * image.height * 3);
      expect(Math.min(image.width, image.height)).toBeGreaterThanOrEqual(200);
      expect(isOneColour(image), 'one colour').toBe(false);
      digests.add(digestOf(image));
    }
    expect(digests.size, 'different images').toBe(IMAGES);
    expect(digestOf(await make(SEED, 1)), 'in any order').toBe([...digests][1]);
    expect(digests.has(digestOf(await make(SEED + 1, 0))), 'another seed').toBe(false);
  });
});
