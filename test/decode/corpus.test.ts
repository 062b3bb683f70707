import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { AppError, type ErrorCode } from '../../src/core/errors.js';
import { parseHash256 } from '../../src/core/hash256.js';
import { createDecoder, type Decoded } from '../../src/decode/decode.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { dct16, luma64 } from '../../src/kernels/pdq.js';
import { signRuleHashes } from '../../src/kernels/pdq-signs.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { corpusPath, hasCorpus, readCsv } from '../support/corpus.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const hasher = loadPdqHasher();

/** Return the decoded image, or the error that refused it. */
async function outcome(file: string): Promise<Decoded | AppError> {
  try {
    return await decoder.decode(readFileSync(corpusPath('corpus', file)));
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

const LIMITS = ['IMAGE_TOO_LARGE', 'IMAGE_TOO_MANY_PIXELS', 'IMAGE_UNSUPPORTED_FORMAT', 'IMAGE_CORRUPT'];

/** What is decided for files of which the manifest allows both: to decode, flagged as degraded or not, or a code. */
const DECIDED: Readonly<Record<string, 'ok' | 'degraded' | 'grave' | ErrorCode>> = {
  'broken/jpeg-no-eoi.jpg': 'degraded',
  'broken/png-no-iend.png': 'ok',
  'broken/png-bad-crc-idat.png': 'grave',
  'broken/jpeg-no-huffman.jpg': 'ok',
  'broken/png-unknown-critical.png': 'IMAGE_CORRUPT',
  'broken/bomb-png-iccp-200mb.png': 'ok',
  'broken/bomb-png-ztxt.png': 'ok',
  'broken/bomb-jpeg-2000-scans.jpg': 'IMAGE_CORRUPT',
  'broken/bomb-gif-20000-frames.gif': 'ok',
  'broken/tiff-ifd-loop.tif': 'grave',
};
function isDecided(result: Decoded | AppError, file: string): boolean {
  const got =
    result instanceof AppError ? result.code : result.damage ? `${result.damage.isGrave ? 'grave' : 'degraded'}` : 'ok';
  return DECIDED[file] === got;
}

/** The outcomes that each word of the manifest allows. Degraded stands for "flagged as damaged". */
const ALLOWS: Record<string, (result: Decoded | AppError, file: string) => boolean> = {
  ok: (r) => !(r instanceof AppError),
  'ok-low-quality': (r) => !(r instanceof AppError),
  'ok-too-small': (r) => r instanceof AppError && r.code === 'IMAGE_TOO_SMALL',
  'ok-or-unsupported': (r) => !(r instanceof AppError) || r.code === 'IMAGE_UNSUPPORTED_FORMAT',
  'ok-or-error': isDecided,
  'ok-policy': isDecided,
  // Neither is a `no_match`.
  error: (r) => r instanceof AppError || r.damage?.isGrave === true,
  'error-or-partial': (r) => r instanceof AppError || r.damage !== null,
  limit: (r) => r instanceof AppError && LIMITS.includes(r.code),
  'limit-or-ok': isDecided,
  'limit-or-error': (r) => r instanceof AppError || r.damage?.isGrave === true,
  'reject-or-inert': (r) => r instanceof AppError,
};

describe(hasCorpus ? 'the corpus' : 'the corpus (left out: ZEEF_CORPUS is not set)', () => {
  test.runIf(hasCorpus)(
    'every file has an outcome that its manifest allows, within 10 s of CPU time',
    { timeout: 180_000 },
    async () => {
      const rows = readCsv(corpusPath('corpus/MANIFEST.csv'));
      expect(rows).toHaveLength(488);
      const wrong: string[] = [];
      for (const { file, expected } of rows) {
        // CPU time does not depend on what else the machine does.
        const before = process.cpuUsage();
        const result = await outcome(file!);
        const { user, system } = process.cpuUsage(before);
        const tookMs = (user + system) / 1_000;
        const word =
          result instanceof AppError
            ? `${result.code} ${String(result.cause ?? '')}`
            : `ok, ${JSON.stringify(result.damage)}`;
        if (!ALLOWS[expected!]!(result, file!)) wrong.push(`${file}: ${expected}, got ${word}`);
        if (tookMs > 10_000) wrong.push(`${file}: took ${tookMs} ms`);
      }
      expect(wrong).toEqual([]);
    },
  );

  test.runIf(hasCorpus)('each format and decoder path is within 10 bits of the reference', async () => {
    const worst: Record<string, number> = {};
    for (const row of readCsv(corpusPath('vectors/pdq-reference.csv'))) {
      if (!row.file!.startsWith('odd/') || Number(row.pdq_quality) < 80) continue;
      const result = await outcome(row.file!);
      if (result instanceof AppError) {
        expect(result.code, row.file).toBe('IMAGE_UNSUPPORTED_FORMAT');
        continue;
      }
      const { families } = hasher.hash(result.raster, { orientations: 'none', families: 'resized' });
      const distance = hamming256(families[0]!.hashes[0]!, parseHash256(row.pdq_hash!));
      expect(distance, row.file).toBeLessThanOrEqual(10);
      worst[result.format] = Math.max(worst[result.format] ?? 0, distance);
    }
    expect(Object.keys(worst).sort()).toEqual([
      'avif',
      'bmp',
      'gif',
      'heic',
      'ico',
      'jpeg',
      'jxl',
      'png',
      'tiff',
      'webp',
    ]);
  });

  test.runIf(hasCorpus)('transparent images, as stored and on white, have the hashes of the reference', async () => {
    const variants = readCsv(corpusPath('vectors/pdq-alpha-variants.csv'));
    expect(variants.length).toBeGreaterThan(0);
    for (const row of variants) {
      const result = await outcome(row.file!);
      if (result instanceof AppError) throw result;
      const hashes: Uint8Array[] = [];
      for await (const { raster } of result.views(() => {}))
        hashes.push(hasher.hash(raster, { orientations: 'none', families: 'resized' }).families[0]!.hashes[0]!);
      const [stored, white] = hashes;
      expect(hamming256(stored!, parseHash256(row.hash_alpha_ignored!)), row.file).toBe(0);
      expect(hamming256(white ?? stored!, parseHash256(row.hash_on_white!)), row.file).toBe(0);
    }
  });

  test.runIf(hasCorpus)(
    'hashes of both families and of the sign rule agree with the reference',
    { timeout: 180_000 },
    async () => {
      const signs = new Map(readCsv(corpusPath('vectors/pdq-dihedral.csv')).map((row) => [row.file, row]));
      const distances: Record<'resized' | 'full' | 'signs', number[]> = { resized: [], full: [], signs: [] };
      for (const row of readCsv(corpusPath('vectors/pdq-reference.csv'))) {
        if (!/^(photos|graphics)\//.test(row.file!) || Number(row.pdq_quality) < 80) continue;
        const result = await outcome(row.file!);
        if (result instanceof AppError) throw result;
        const { families } = hasher.hash(result.raster, { orientations: 'none', families: 'both' });
        distances.resized.push(hamming256(families[0]!.hashes[0]!, parseHash256(row.pdq_hash!)));
        const full = families.find(({ family }) => family === 'full') ?? families[0]!;
        if (row.pdq_hash_noresize)
          distances.full.push(hamming256(full.hashes[0]!, parseHash256(row.pdq_hash_noresize)));
        const sign = signs.get(row.file)!;
        const ruled = signRuleHashes(dct16(luma64(result.raster, 'resized')));
        distances.signs.push(
          ...['rotate90', 'rotate180', 'rotate270', 'flipx', 'flipy', 'flip_plus1', 'flip_minus1'].map((name, at) =>
            hamming256(ruled[at + 1]!, parseHash256(sign[name]!)),
          ),
        );
      }
      for (const [name, all] of Object.entries(distances)) {
        const sorted = [...all].sort((a, b) => a - b);
        expect(all.length, name).toBeGreaterThan(250);
        expect(sorted[Math.floor(sorted.length / 2)], `${name} median`).toBe(0);
        expect(
          sorted.filter((distance) => distance <= 10).length / sorted.length,
          `${name} within 10`,
        ).toBeGreaterThanOrEqual(0.99);
      }
    },
  );
});
