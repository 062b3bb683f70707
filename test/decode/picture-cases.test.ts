/** Pictures of the corpus that were once hashed wrongly, or not: each against the hash of what a person sees. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { createDecoder } from '../../src/decode/decode.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { corpusPath, hasCorpus } from '../support/corpus.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const hasher = createPdqHasher();

/** File, format, size, and the hash of the pixels that Chromium draws. */
const PICTURES: readonly (readonly [string, string, number, number, string])[] = [
  ['06-pal8offs.bmp', 'bmp', 127, 64, 'c3e13271271eccccd8e39b0f272464f4c3219b19b8da4b4b6e4fb4b183b53939'],
  ['21-hopper_rle8.bmp', 'bmp', 128, 128, '7719e767ccf967a7044f6783e472231067f89990447cd9f999e04608bb8f9454'],
  ['22-Core_8_Bit.bmp', 'bmp', 435, 353, 'd98fe79a562b1c70910f679ce0d48cf2b854338ce596ccf31a29330d57abe017'],
];

test.runIf(hasCorpus).each(PICTURES)('%s', async (file, format, width, height, hash) => {
  const decoded = await decoder.decode(readFileSync(corpusPath('cases/pictures', file)));
  expect(decoded).toMatchObject({ format, width, height, damage: null });
  const [family] = hasher.hash(decoded.raster, { orientations: 'none', families: 'resized' }).families;
  expect(Buffer.from(family!.hashes[0]!).toString('hex')).toBe(hash);
});

test.runIf(hasCorpus)('19-flower_small_rgb.jxl', async () => {
  const decoded = await decoder.decode(readFileSync(corpusPath('cases/pictures', '19-flower_small_rgb.jxl')));
  expect(decoded).toMatchObject({ format: 'jxl', width: 510, height: 532, damage: null });
  const { families } = hasher.hash(decoded.raster, { orientations: 'none', families: 'resized' });
  expect(families[0]!.quality).toBe(100);
});
