/** Distances of Zeef's hashes to the reference's, and to those of rotated and mirrored pixels. */

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { AppError } from '../src/core/errors.js';
import { parseHash256 } from '../src/core/hash256.js';
import { ORIENTATIONS } from '../src/core/vocabulary.js';
import { createDecoder } from '../src/decode/decode.js';
import { hamming256 } from '../src/kernels/hamming.js';
import { dct16, luma64 } from '../src/kernels/pdq.js';
import { signRuleHashes } from '../src/kernels/pdq-signs.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { photographs } from './pictures.js';
import type { BenchTable } from './report.js';

type Reference = Record<'pdq_hash' | 'pdq_hash_noresize', string>;

function referenceOf(path: string): Reference {
  const rows = parse(readFileSync(join(dirname(path), 'expected.csv'), 'utf8'), { columns: true }) as (Reference & {
    file: string;
  })[];
  return rows.find((row) => row.file === basename(path))!;
}

/** Summarise distances as a row: count, median, 99th percentile, maximum, share within 10. */
function row(name: string, distances: readonly number[]): (string | number)[] {
  const sorted = [...distances].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  const within = sorted.filter((distance) => distance <= 10).length;
  return [name, sorted.length, at(0.5), at(0.99), sorted.at(-1)!, `${((100 * within) / sorted.length).toFixed(1)}%`];
}

/** The reference's own rule applies to images of at least this quality. */
const QUALITY_MIN = 80;

/** Measure the test corpus in ZEEF_CORPUS: both families and the sign rule, against the reference's vectors. */
async function corpusRows(root: string, pictureCount: number | undefined): Promise<(string | number)[][]> {
  const read = (file: string) =>
    parse(readFileSync(join(root, 'vectors', file), 'utf8'), { columns: true }) as Record<string, string>[];
  const signs = new Map(read('pdq-dihedral.csv').map((signRow) => [signRow.file, signRow]));
  const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
  const hasher = loadPdqHasher();
  const resized: number[] = [];
  const full: number[] = [];
  const ruled: number[] = [];
  const byPath = new Map<string, number[]>();
  const references = read('pdq-reference.csv')
    .filter(({ pdq_quality }) => Number(pdq_quality) >= QUALITY_MIN)
    .slice(0, pictureCount);
  for (const reference of references) {
    const file = readFileSync(join(root, 'corpus', reference.file!));
    const decoded = await decoder.decode(file).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'IMAGE_UNSUPPORTED_FORMAT') return null;
      throw error;
    });
    if (!decoded) continue;
    const { format, raster } = decoded;
    const { families } = hasher.hash(raster, { orientations: 'none', families: 'both' });
    const distance = hamming256(families[0]!.hashes[0]!, parseHash256(reference.pdq_hash!));
    const path = format !== 'jpeg' ? format : raster.channels === 1 ? 'jpeg, libjpeg-turbo to grey' : 'jpeg, libvips';
    byPath.set(path, [...(byPath.get(path) ?? []), distance]);
    if (reference.file!.startsWith('odd/')) continue;
    resized.push(distance);
    const unresized = families.find(({ family }) => family === 'full') ?? families[0]!;
    if (reference.pdq_hash_noresize)
      full.push(hamming256(unresized.hashes[0]!, parseHash256(reference.pdq_hash_noresize)));
    const byRule = signRuleHashes(dct16(luma64(raster, 'resized')));
    for (const [at, column] of SIGN_COLUMNS.entries()) {
      ruled.push(hamming256(byRule[at]!, parseHash256(signs.get(reference.file)![column]!)));
    }
  }
  return [
    row('corpus: reference hash', resized),
    row('corpus: without the resize', full),
    row('corpus: sign rule, 8 hashes each', ruled),
    ...[...byPath].sort().map(([path, distances]) => row(`corpus by decoder: ${path}`, distances)),
  ];
}

/** Columns of the reference's vectors, in the order of `ORIENTATIONS`. */
const SIGN_COLUMNS = ['original', 'rotate90', 'rotate180', 'rotate270', 'flipx', 'flipy', 'flip_plus1', 'flip_minus1'];

export async function accuracy({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
  const hasher = loadPdqHasher();
  const resized: number[] = [];
  const full: number[] = [];
  const turned = Object.fromEntries(ORIENTATIONS.map((orientation) => [orientation, [] as number[]]));
  const paths = photographs().slice(0, smoke ? 6 : undefined);
  for (const path of paths) {
    const reference = referenceOf(path);
    const { raster } = await decoder.decode(readFileSync(path));
    const { families } = hasher.hash(raster, { orientations: 'all', families: 'both' });
    resized.push(hamming256(families[0]!.hashes[0]!, parseHash256(reference.pdq_hash)));
    full.push(hamming256(families.at(-1)!.hashes[0]!, parseHash256(reference.pdq_hash_noresize)));
    // The pixels are rotated or mirrored, written as PNG, and decoded and hashed like any uploaded file.
    const grey = () =>
      sharp(raster.data, { raw: { width: raster.width, height: raster.height, channels: raster.channels } });
    const turns = {
      original: grey(),
      rotate90: grey().rotate(270),
      rotate180: grey().rotate(180),
      rotate270: grey().rotate(90),
      flipX: grey().flip(),
      flipY: grey().flop(),
      flipPlus1: sharp(await grey().rotate(90).png().toBuffer()).flop(),
      flipMinus1: sharp(await grey().rotate(270).png().toBuffer()).flop(),
    };
    for (const [at, orientation] of ORIENTATIONS.entries()) {
      const copy = await decoder.decode(await turns[orientation].png({ compressionLevel: 1 }).toBuffer());
      const [found] = hasher.hash(copy.raster, { orientations: 'none', families: 'resized' }).families;
      turned[orientation]!.push(hamming256(found!.hashes[0]!, families[0]!.hashes[at]!));
    }
  }
  const rows = [
    row('reference hash (nearest to 512x512)', resized),
    row('reference hash without the resize', full),
    ...(process.env.ZEEF_CORPUS ? await corpusRows(process.env.ZEEF_CORPUS, smoke ? 6 : undefined) : []),
    ...ORIENTATIONS.map((orientation) => row(`reoriented pixels: ${orientation}`, turned[orientation]!)),
  ];
  return {
    title: 'Accuracy: distance in bits; the project’s own photographs',
    notes: process.env.ZEEF_CORPUS ? [] : ['ZEEF_CORPUS is not set: the test corpus was not measured'],
    columns: ['compared with', 'images', 'median', 'p99', 'max', 'within 10'],
    rows,
    checksum: String(
      [...resized, ...full, ...Object.values(turned).flat()].reduce((sum, distance) => sum + distance, 0),
    ),
  };
}
