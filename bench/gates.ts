/**
 * What the review of an import holds by the image: canaries and the shape gate, on images of offices and screens that are not
 * in `hashlists/canary.txt`, on captioned photographs, and on photographs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { between, Canvas } from '../scripts/canary/canvas.js';
import { templateCanaries } from '../scripts/canary/template-canaries.js';
import { TEMPLATES } from '../scripts/canary/templates.js';
import { formatHash256, HASH256_BYTES, parseHash256 } from '../src/core/hash256.js';
import { PDQ_QUALITY_MIN } from '../src/core/limits.js';
import { isOneDimensionalPdq } from '../src/core/pdq-shape.js';
import type { Raster } from '../src/core/vocabulary.js';
import { buildRing, type RingIndex } from '../src/index/ring.js';
import { hamming256 } from '../src/kernels/hamming.js';
import type { PdqHasher } from '../src/kernels/pdq.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { shippedCanaries } from '../src/lists/import/canaries.js';
import { HashSample } from '../src/lists/import/crowds.js';
import { pdqLike, seeded } from './pdq-like.js';
import { photographs } from './pictures.js';
import { medianSpent, microsecondsOf, millisecondsOf } from './processor.js';
import type { BenchTable } from './report.js';

const RADIUS_BITS = 31;
const IMAGES = 80;
/** Beyond the layouts that have canaries. */
const UNSEEN_LAYOUT = 1_000_000;

function ringOf(hashes: readonly Uint8Array[]): RingIndex {
  const bytes = new Uint8Array(hashes.length * HASH256_BYTES);
  for (const [at, hash] of hashes.entries()) bytes.set(hash, at * HASH256_BYTES);
  return buildRing(bytes);
}

interface Gates {
  readonly before: RingIndex;
  readonly after: RingIndex;
}

/** Count the entries of one set: those that match another of it, and those that each rule counts. */
function row(
  name: string,
  hashes: readonly Uint8Array[],
  images: number,
  { before, after }: Gates,
): (string | number)[] {
  const isHit = (ring: RingIndex, hash: Uint8Array) => ring.search(hash, RADIUS_BITS).length > 0;
  const countOf = (counts: (hash: Uint8Array) => boolean) => hashes.filter(counts).length;
  const crowded = crowdedOf(hashes);
  const collide = countOf((hash) => hashes.some((other) => other !== hash && hamming256(hash, other) <= RADIUS_BITS));
  return [
    name,
    images,
    images - hashes.length,
    collide,
    countOf((hash) => isHit(before, hash)),
    countOf(isOneDimensionalPdq),
    countOf((hash) => isHit(after, hash)),
    crowded.size,
    countOf((hash) => isOneDimensionalPdq(hash) || isHit(after, hash) || crowded.has(hash)),
  ];
}

function crowdedOf(hashes: readonly Uint8Array[]): Set<Uint8Array> {
  const sample = new HashSample();
  for (const [position, hash] of hashes.entries())
    sample.add({ position, line: position, entryId: '', value: formatHash256(hash) });
  return new Set(sample.crowded(RADIUS_BITS, () => true).lines.map((line) => hashes[line]!));
}

/** Return the hash of an image as an entry; null for one that is rejected for its quality. */
function hashOf(hasher: PdqHasher, raster: Raster): Uint8Array | null {
  const [{ quality, degenerate, hashes } = { quality: 0, degenerate: true, hashes: [] }] = hasher.hash(raster, {
    orientations: 'none',
    families: 'resized',
  }).families;
  return degenerate || quality < PDQ_QUALITY_MIN ? null : Uint8Array.from(hashes[0]!);
}

/** Draw a photograph as a template that many caption: in a strip above it, or over it. */
async function captioned(path: string, count: number, isOver: boolean): Promise<Raster[]> {
  const side = 256;
  const { data } = await sharp(path)
    .greyscale()
    .resize(side, side, { fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const random = seeded(4);
  return Array.from({ length: count }, () => {
    const canvas = new Canvas(255);
    const top = isOver ? 0 : 0.2;
    canvas.shade(0, top, 1, 1 - top, (u, v) => data[Math.floor(v * side) * side + Math.floor(u * side)]!);
    for (const y of isOver ? [0.03, 0.89] : [0.03, 0.11]) {
      const long = between(random, 0.4, 0.9);
      canvas.text(random, 0.5 - long / 2, y, long, 0.06, isOver ? 255 : 0);
    }
    return canvas.raster;
  });
}

/** The photographs of the test corpus, by the hashes of the reference; none without ZEEF_CORPUS. */
function corpusHashes(): Uint8Array[] {
  const root = process.env.ZEEF_CORPUS;
  if (root === undefined) return [];
  const rows = parse(readFileSync(join(root, 'vectors', 'pdq-reference.csv'), 'utf8'), { columns: true }) as Record<
    string,
    string
  >[];
  return rows.filter(({ file }) => file!.startsWith('photos/')).map(({ pdq_hash }) => parseHash256(pdq_hash!));
}

export async function gates({ smoke }: { readonly smoke: boolean }): Promise<BenchTable> {
  const images = smoke ? 4 : IMAGES;
  const hasher = loadPdqHasher();
  const shipped = shippedCanaries();
  const ofTemplates = new Set(templateCanaries(hasher).map(({ hash }) => formatHash256(hash)));
  const rings = {
    before: ringOf(shipped.filter((hash) => !ofTemplates.has(formatHash256(hash)))),
    after: ringOf(shipped),
  };
  const rows: (string | number)[][] = [];
  const measure = (name: string, rasters: readonly Raster[]) => {
    const hashes = rasters.flatMap((raster) => hashOf(hasher, raster) ?? []);
    rows.push(row(name, hashes, rasters.length, rings));
  };
  for (const [name, { draw, layouts }] of Object.entries(TEMPLATES)) {
    const content = seeded(77);
    const drawn = (layoutOf: (at: number) => number) =>
      Array.from({ length: images }, (_, at) => draw(seeded(layoutOf(at)), content).raster);
    measure(
      `${name}, layouts of canaries`,
      drawn((at) => at % layouts),
    );
    measure(
      `${name}, other layouts`,
      drawn((at) => UNSEEN_LAYOUT + at),
    );
    measure(
      `${name}, one other layout`,
      drawn(() => UNSEEN_LAYOUT),
    );
  }
  const [photograph] = photographs();
  measure('one captioned photograph, strip', await captioned(photograph!, images, false));
  measure('one captioned photograph, over it', await captioned(photograph!, images, true));
  const strangers = smoke ? 200 : 20_000;
  const generated = pdqLike(strangers, 8);
  const cut = Array.from({ length: strangers }, (_, at) =>
    generated.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES),
  );
  rows.push(['generated hashes', strangers, 0, '', ...row('', cut, strangers, rings).slice(4)]);
  // Some wallpapers of the corpus are canaries themselves.
  const corpus = corpusHashes().filter((hash) => rings.before.search(hash, RADIUS_BITS).length === 0);
  if (corpus.length > 0) rows.push(row('photographs, no canaries', corpus, corpus.length, rings));
  const nearest = corpus.reduce(
    (least, hash) => Math.min(least, ...shipped.map((canary) => hamming256(hash, canary))),
    256,
  );
  const build = await medianSpent(() => ringOf(shipped).close());
  const search = await medianSpent(() => {
    for (const hash of cut) rings.after.search(hash, RADIUS_BITS);
  });
  return {
    title: `Review of an import: entries held by the image, radius ${RADIUS_BITS}`,
    columns: ['entries', 'images', 'low', 'near one', 'before', 'shape', 'canary', 'crowded', 'held'],
    rows,
    notes: [
      `${shipped.length} canaries: ring built in ${Number(millisecondsOf(build, 1)).toFixed(1)} ms, a search ${Number(microsecondsOf(search, strangers)).toFixed(1)} µs of processor time.`,
      corpus.length > 0
        ? `The nearest canary of a photograph of the corpus is ${nearest} bits away.`
        : 'Without ZEEF_CORPUS no photographs are measured: those of the project are canaries.',
    ],
    checksum: rows
      .reduce((sum, cells) => sum + cells.slice(1).reduce<number>((all, cell) => all + (Number(cell) || 0), 0), 0)
      .toString(),
  };
}
