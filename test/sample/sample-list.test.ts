import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { sampleList } from '../../scripts/make-sample-list.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { formatHash256, parseHash256 } from '../../src/core/hash256.js';
import { PACKAGE_ROOT } from '../../src/core/package-root.js';
import { createDecoder } from '../../src/decode/decode.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { corpusPath, hasCorpus, readCsv } from '../support/corpus.js';

const SAMPLE = join(PACKAGE_ROOT, 'hashlists', 'sample');
const PICTURES = join(SAMPLE, 'pictures');
const PHOTOGRAPHS = join(PACKAGE_ROOT, 'test', 'fixtures', 'photographs');
const EXPECTED_COLUMNS = 'file,pdq_hash,pdq_quality,pdq_hash_noresize,pdq_quality_noresize,width,height';
/** Largest distance between the hashes of two JPEG decoders, for an image of trusted quality. */
const DISTANCE_BITS_MAX = 10;
const QUALITY_TRUSTED = 80;

const pictureNames = (folder: string) => readdirSync(folder).filter((name) => /\.(jpg|png|webp)$/.test(name));
const medianOf = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

describe('the sample list', () => {
  test('is what the script makes from the images, byte for byte', async () => {
    expect(await sampleList()).toBe(readFileSync(join(SAMPLE, 'sample.csv'), 'utf8'));
  });

  test('has three digests and two PDQ hashes of each image, under unique ids', () => {
    const rows = readCsv(join(SAMPLE, 'sample.csv'));
    for (const name of pictureNames(PICTURES)) {
      const id = name.replace(/\.\w+$/, '');
      const own = rows.filter((row) => row.entryId === id || row.entryId === `${id}-full`);
      expect(own.map((row) => row.algorithm)).toEqual(['md5', 'sha1', 'sha256', 'pdq', 'pdq']);
    }
    expect(rows).toHaveLength(5 * pictureNames(PICTURES).length);
    expect(new Set(rows.map((row) => `${row.entryId} ${row.algorithm}`)).size).toBe(rows.length);
  });
});

describe.each([
  ['sample', PICTURES, 8],
  ['fixture', PHOTOGRAPHS, 20],
])('%s images', (_, folder, atLeast) => {
  const expected = readCsv(join(folder, 'expected.csv'));

  test('each has its expected row and its attribution, and no other row exists', () => {
    const names = pictureNames(folder).sort();
    expect(names.length).toBeGreaterThanOrEqual(atLeast);
    expect(readFileSync(join(folder, 'expected.csv'), 'utf8').split('\n')[0]).toBe(EXPECTED_COLUMNS);
    expect(expected.map((row) => row.file).sort()).toEqual(names);
    const attribution = readFileSync(join(folder, 'ATTRIBUTION.md'), 'utf8');
    const attributed = [...attribution.matchAll(/^\| (\S+\.(?:jpg|png|webp)) \| (.+) \|$/gm)];
    expect(attributed.map(([, name]) => name).sort()).toEqual(names);
    for (const [, , cells] of attributed) expect(cells!.split(' | ').filter((cell) => cell.trim())).toHaveLength(4);
  });

  test('their hashes agree with the reference, in both families', async () => {
    const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
    const hasher = loadPdqHasher();
    const distances: Record<string, number[]> = { resized: [], full: [] };
    for (const row of expected) {
      const { raster, damage } = await decoder.decode(readFileSync(join(folder, row.file!)));
      expect([row.file, damage, raster.width, raster.height]).toEqual([
        row.file,
        null,
        Number(row.width),
        Number(row.height),
      ]);
      const { families } = hasher.hash(raster, { orientations: 'none', families: 'both' });
      expect(families.map(({ family }) => family)).toEqual(['resized', 'full']);
      for (const { family, quality, hashes } of families) {
        const suffix = family === 'full' ? '_noresize' : '';
        const distance = hamming256(hashes[0]!, parseHash256(row[`pdq_hash${suffix}`]!));
        distances[family]!.push(distance);
        const qualityExpected = Number(row[`pdq_quality${suffix}`]);
        expect(Math.abs(quality - qualityExpected), `${row.file} ${family} quality`).toBeLessThanOrEqual(2);
        if (qualityExpected >= QUALITY_TRUSTED) {
          expect(distance, `${row.file} ${family} ${formatHash256(hashes[0]!)}`).toBeLessThanOrEqual(DISTANCE_BITS_MAX);
        }
      }
    }
    expect(medianOf(distances.resized!)).toBe(0);
    expect(medianOf(distances.full!)).toBe(0);
  });
});

describe('with the test corpus (ZEEF_CORPUS)', () => {
  test.runIf(hasCorpus)('each is a free image of the corpus, byte for byte', () => {
    const manifest = readCsv(corpusPath('corpus', 'MANIFEST.csv'));
    for (const folder of [PICTURES, PHOTOGRAPHS]) {
      for (const name of pictureNames(folder)) {
        const row = manifest.find(({ file }) => file === `photos/${name}` || file === `graphics/${name}`);
        expect(row?.source, name).toMatch(/^Debian package /);
        const original = readFileSync(corpusPath('corpus', row!.file!));
        expect(readFileSync(join(folder, name)).equals(original), name).toBe(true);
      }
    }
  });
});

test('thumbnails of the photographs are near the hash that a list has, by the family symmetric', async () => {
  const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
  const hasher = loadPdqHasher();
  const [before, now]: [number[], number[]] = [[], []];
  for (const folder of [PICTURES, PHOTOGRAPHS]) {
    for (const row of readCsv(join(folder, 'expected.csv'))) {
      if (Number(row.pdq_quality) < QUALITY_TRUSTED) continue;
      const thumbnail = await sharp(join(folder, row.file!), { ignoreIcc: true })
        .resize(150, 150, { fit: 'inside' })
        .jpeg({ quality: 75 })
        .toBuffer();
      const { raster } = await decoder.decode(thumbnail);
      const { families } = hasher.hash(raster, { orientations: 'none', families: 'both' });
      const distances = families.map(({ hashes }) => hamming256(hashes[0]!, parseHash256(row.pdq_hash!)));
      before.push(distances[0]!);
      now.push(Math.min(...distances));
    }
  }
  // One is a fine pattern, which no thumbnail of it has any more.
  expect(now.filter((distance) => distance > 20)).toHaveLength(1);
  expect(now.filter((distance, at) => distance <= 16 && before[at]! > 16).length).toBeGreaterThan(now.length / 2);
  expect(medianOf(now)).toBeLessThanOrEqual(8);
  expect(medianOf(before)).toBeGreaterThanOrEqual(16);
});
