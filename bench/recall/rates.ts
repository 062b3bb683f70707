/** What the modes cost: decoding and hashing of JPEGs in one thread, and the search of their queries. */
import sharp from 'sharp';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { DETAILS, type Detail } from '../../src/core/window.js';
import { createDecoder } from '../../src/decode/decode.js';
import { buildRing } from '../../src/index/ring.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { hashWindows } from '../../src/kernels/windows/hash-windows.js';
import { pdqLike } from '../pdq-like.js';
import { photographs, uploads } from '../pictures.js';
import { medianOf, startClock } from '../processor.js';
import { POSSIBLE, RULE } from './compare.js';
import { type Queries, queriesOf, WORDS } from './queries.js';

const LARGE = { width: 1280, height: 960, quality: 90 };

async function largeUploads(count: number): Promise<Buffer[]> {
  const { width, height, quality } = LARGE;
  const paths = photographs();
  return Promise.all(
    Array.from({ length: count }, (_, at) =>
      sharp(paths[at % paths.length]!)
        .resize(width, height, { fit: 'cover' })
        .flatten({ background: '#fff' })
        .jpeg({ quality })
        .toBuffer(),
    ),
  );
}

export interface RateOptions {
  readonly images: number;
  readonly rounds: number;
  /** Of each list that is searched. */
  readonly entries: readonly number[];
}

const hasher = loadPdqHasher();
const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX }, (bytes) =>
  hasher.takePlane(bytes),
);

/** Decode and hash all files as the decoder process does. Result: the number of hashes. */
async function hashAll(files: readonly Buffer[], detail: Detail): Promise<number> {
  let hashes = 0;
  for (const file of files) {
    const { raster } = await decoder.decode(file);
    const { families } = hasher.hash(raster, { orientations: 'all', families: 'both' });
    const windows = detail === 'plain' ? [] : hashWindows(hasher.surface(), detail, true);
    hashes += families.length + windows.length;
  }
  return hashes;
}

interface Cost {
  readonly seconds: number;
  readonly processorSeconds: number;
}

/** Measure all modes in turn, round by round; medians. */
async function inTurn(rounds: number, work: (mode: number) => unknown): Promise<Cost[]> {
  const all = DETAILS.map((): Cost[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const mode of DETAILS.keys()) {
      const stop = startClock();
      await work(mode);
      // The first round warms up.
      if (round > 0) all[mode]!.push(stop());
    }
  }
  return all.map((costs) => ({
    seconds: medianOf(costs.map(({ seconds }) => seconds)),
    processorSeconds: medianOf(costs.map(({ processorSeconds }) => processorSeconds)),
  }));
}

/** Rows of one kind of work: mode, images a second, processor time of an image, relative to plain. */
function costRows(name: string, images: number, costs: readonly Cost[]): (string | number)[][] {
  return DETAILS.map((mode, at) => {
    const { seconds, processorSeconds } = costs[at]!;
    return [
      `${name}, ${mode}`,
      images / seconds,
      (processorSeconds * 1000) / images,
      processorSeconds / costs[0]!.processorSeconds,
    ];
  });
}

/** Return the bytes of the queries that a mode asks. */
function bytesOf(all: readonly Queries[], mode: number): Uint8Array {
  const rows = all.flatMap(({ words, levels }) =>
    [...levels.keys()].filter((n) => levels[n]! <= mode).map((n) => words.subarray(n * WORDS, (n + 1) * WORDS)),
  );
  const bytes = new Uint32Array(rows.length * WORDS);
  for (const [at, row] of rows.entries()) bytes.set(row, at * WORDS);
  return new Uint8Array(bytes.buffer);
}

export async function measureRates({ images, rounds, entries }: RateOptions) {
  const small = await uploads(images);
  const large = await largeUploads(Math.ceil(images / 2));
  const rows: (string | number)[][] = [];
  let sum = 0;
  for (const [name, files] of [
    ['JPEG 500×375', small],
    ['JPEG 1280×960', large],
  ] as const) {
    const costs = await inTurn(rounds, async (mode) => {
      sum += await hashAll(files, DETAILS[mode]!);
    });
    rows.push(...costRows(name, files.length, costs));
  }
  const queries: Queries[] = [];
  for (const file of small) queries.push(queriesOf((await decoder.decode(file)).raster));
  const batches = DETAILS.map((_, mode) => bytesOf(queries, mode));
  for (const count of entries) {
    const ring = buildRing(pdqLike(count, 12));
    const costs = await inTurn(rounds, (mode) => {
      sum += ring.searchBatch(batches[mode]!, RULE.radiusBits).count;
    });
    rows.push(...costRows(`search, ${count.toLocaleString('en')} entries`, small.length, costs));
    const loosely = await inTurn(rounds, (mode) => {
      sum += ring.searchLoosely(batches[mode]!, POSSIBLE.radiusBits).count;
    });
    rows.push(...costRows('the same, loosely to 47 bits', small.length, loosely));
  }
  return { rows, sum };
}
