/** Edited copies: the same from the same seed, valid, changed, and the original where they say that it is. */
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Edit, type Edited, WHOLE } from '../../bench/edits/edit.js';
import { createEdits } from '../../bench/edits/edits.js';
import { openPhotographs } from '../../bench/edits/photographs.js';
import { randomOf } from '../../bench/edits/random.js';
import { resized, toSharp, within } from '../../bench/edits/rasters.js';
import { unwarped } from '../../bench/edits/warp.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';

const SIDE = 360;
const SEED = 5;
const RADIUS_BITS = 31;
const hasher = loadPdqHasher();

function hashOf(raster: Raster): Uint8Array {
  const { families } = hasher.hash(raster, { orientations: 'none', families: 'resized' });
  return Uint8Array.from(families[0]!.hashes[0]!);
}

async function photographsOf(count: number): Promise<Raster[]> {
  const rasters: Raster[] = [];
  for await (const { raster } of openPhotographs(count, SEED, undefined))
    rasters.push(await within(raster, { width: SIDE, height: SIDE }));
  return rasters;
}

/** Everything that an edit decides, in few bytes where it is compared. */
const identityOf = ({ raster: { data, ...size }, truth, parameters }: Edited) => ({
  ...size,
  data: Buffer.from(data).toString('latin1'),
  truth,
  parameters,
});

const NAMES = createEdits([]).map(({ name }) => name);
let images: Raster[] = [];
let edits: ReadonlyMap<string, Edit> = new Map();

beforeAll(async () => {
  const all = await photographsOf(6);
  images = all.slice(0, 2);
  edits = new Map(createEdits(all.slice(2)).map((edit) => [edit.name, edit]));
});

const make = (name: string, at: number, seed = SEED) =>
  edits.get(name)!.make(images[at % images.length]!, randomOf(seed, name, at));

test('edits have different names, and each group several', () => {
  expect(new Set(NAMES).size).toBe(NAMES.length);
  expect(NAMES.length).toBeGreaterThan(50);
});

describe.each(NAMES)('%s', (name) => {
  test('is decided by the seed, valid and changed, and leaves the image as it was', async () => {
    const image = images[0]!;
    const before = Buffer.from(image.data).toString('latin1');
    const copy = await make(name, 0);
    const { width, height, channels, data } = copy.raster;
    expect(channels).toBe(3);
    expect(Math.min(width, height)).toBeGreaterThan(16);
    expect(data.byteLength).toBe(width * height * 3);
    expect(copy.truth.flatMap(({ x, y }) => [x, y]).every(Number.isFinite)).toBe(true);
    expect(Buffer.compare(Buffer.from(data), Buffer.from(image.data)), 'changed').not.toBe(0);
    const again = await make(name, 0);
    expect(identityOf(again).data === identityOf(copy).data, 'pixels of the same seed').toBe(true);
    expect({ ...identityOf(again), data: '' }).toEqual({ ...identityOf(copy), data: '' });
    const other = await make(name, 0, SEED + 1);
    // Grey, sepia and negative have no parameters but the quality in which they are saved.
    expect(identityOf(other).data === identityOf(copy).data, 'pixels of another seed').toBe(false);
    expect(Buffer.from(image.data).toString('latin1') === before, 'the image itself').toBe(true);
  });
});

test.each([
  [600, 90],
  [90, 600],
  [64, 64],
])('images of %i × %i can be edited', async (width, height) => {
  const image = await resized(images[0]!, { width, height });
  for (const [name, edit] of edits)
    for (let seed = 0; seed < 3; seed++) {
      const { raster, truth } = await edit.make(image, randomOf(seed, name));
      expect(Math.min(raster.width, raster.height), name).toBeGreaterThanOrEqual(8);
      expect(truth.flatMap(({ x, y }) => [x, y]).every(Number.isFinite), name).toBe(true);
    }
});

test('the pixels do not depend on the number of threads', async () => {
  const names = ['jpeg', 'webp', 'avif', 'palette GIF', 'resized', 'blur', 'caption above', 'screenshot, card'];
  const threads = sharp.concurrency();
  try {
    sharp.concurrency(1);
    const single = await Promise.all(names.map((name) => make(name, 0)));
    sharp.concurrency(4);
    const several = await Promise.all(names.map((name) => make(name, 0)));
    const differ = names.filter((_, at) => identityOf(single[at]!).data !== identityOf(several[at]!).data);
    expect(differ).toEqual([]);
  } finally {
    sharp.concurrency(threads);
  }
});

/** Groups whose copies show the whole original unaltered, and edits that show it so. */
const EXACT_GROUPS = new Set(['encoding', 'size', 'border', 'strip', 'screenshot', 'orientation', 'print']);
const EXACT_NAMES = ['collage', 'picture in picture', 'rotated, canvas expanded', 'grey', 'rounded corners'];

test('the original is where the truth says: read from there, it is within the radius', async () => {
  const far: string[] = [];
  const exact = [...edits.values()].filter(({ group, name }) => EXACT_GROUPS.has(group) || EXACT_NAMES.includes(name));
  expect(exact.length).toBeGreaterThan(25);
  for (const { name } of exact)
    for (const [at, image] of images.entries()) {
      const { raster, truth, parameters } = await make(name, at);
      const read = unwarped(raster, truth, image.width, image.height);
      const distanceBits = hamming256(hashOf(read), hashOf(image));
      if (distanceBits > RADIUS_BITS) far.push(`${name} (${parameters}): ${distanceBits}`);
    }
  expect(far).toEqual([]);
});

test('the original of a crop or a rotation is where the truth says: what is left of it has its pixels there', async () => {
  const partial = [...edits.values()].filter(({ group }) => group === 'crop' || group === 'rotation');
  expect(partial.length).toBe(10);
  for (const { name } of partial) {
    const image = images[0]!;
    const { raster, truth } = await make(name, 0);
    const read = unwarped(raster, truth, image.width, image.height);
    // The middle half of the original is in each of the copies.
    let difference = 0;
    let count = 0;
    for (let row = Math.floor(image.height / 4); row < (image.height * 3) / 4; row++)
      for (let at = Math.floor(image.width / 4) * 3; at < (image.width * 9) / 4; at++) {
        difference += Math.abs(read.data[row * image.width * 3 + at]! - image.data[row * image.width * 3 + at]!);
        count++;
      }
    expect(difference / count, name).toBeLessThan(8);
    expect(truth, name).not.toEqual(WHOLE);
  }
});

test('crops cut no more than they say', async () => {
  const cutOf = async (name: string, at: number) => {
    const { truth } = await make(name, at);
    const [width, height] = [truth[1].x - truth[0].x, truth[3].y - truth[0].y];
    return { x: 1 - 1 / width, y: 1 - 1 / height };
  };
  for (let at = 0; at < 8; at++) {
    const pixel = 3 / SIDE;
    const centre = await cutOf('crop centre 5 %', at);
    expect(Math.max(centre.x, centre.y)).toBeLessThanOrEqual(0.1 + pixel);
    const side = await cutOf('crop one side', at);
    expect(Math.max(side.x, side.y)).toBeLessThanOrEqual(0.12 + pixel);
    expect(Math.min(side.x, side.y)).toBe(0);
    const four = await cutOf('crop four sides 10 %', at);
    expect(Math.min(four.x, four.y)).toBeGreaterThan(0);
    expect(Math.max(four.x, four.y)).toBeLessThanOrEqual(0.2 + pixel);
  }
});

test('photographs come in an order of the seed, each once', async () => {
  const namesOf = async (count: number, seed: number) => {
    const names: string[] = [];
    for await (const { name, raster } of openPhotographs(count, seed, undefined)) {
      expect(Math.max(raster.width, raster.height)).toBeLessThanOrEqual(800);
      expect((await toSharp(raster).stats()).isOpaque).toBe(true);
      names.push(name);
    }
    return names;
  };
  const first = await namesOf(5, 1);
  expect(await namesOf(5, 1)).toEqual(first);
  expect(await namesOf(3, 1)).toEqual(first.slice(0, 3));
  expect(await namesOf(5, 2)).not.toEqual(first);
});
