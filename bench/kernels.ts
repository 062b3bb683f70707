/** Kernels alone: WASM against its TypeScript twin, digests, blockhash. */
import { formatHash256 } from '../src/core/hash256.js';
import type { OrientationChoice, Raster } from '../src/core/vocabulary.js';
import { blockhash256 } from '../src/kernels/blockhash.js';
import { computeDigests } from '../src/kernels/digests.js';
import { createPdqHasher, type PdqHasher } from '../src/kernels/pdq.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { seeded } from './pdq-like.js';
import { medianSpent, millisecondsOf } from './processor.js';
import type { BenchTable } from './report.js';

function greyRaster(width: number, height: number): Raster {
  const random = seeded(width);
  const data = new Uint8Array(width * height);
  // Plateaus with noise: detail at many scales, generated quickly.
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      data[y * width + x] = ((x >> 5) * 37 + (y >> 4) * 91 + ((x * y) >> 9) * 53 + random() * 40) & 255;
  }
  return { width, height, channels: 1, data };
}

export async function kernels({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const small = greyRaster(512, 512);
  const large = greyRaster(1_632, 1_224);
  const [twin, wasm] = [createPdqHasher(), loadPdqHasher()];
  const times = smoke ? 2 : 200;
  const sums: string[] = [];
  const rows: (string | number)[][] = [];
  async function measure(name: string, calls: number, work: () => string, baselineMs?: number): Promise<number> {
    const spent = await medianSpent(() => {
      for (let call = 0; call < calls; call++) work();
    });
    const ms = (spent.seconds * 1000) / calls;
    sums.push(work().slice(0, 4));
    rows.push([
      name,
      ms,
      millisecondsOf(spent, calls),
      1000 / ms,
      baselineMs === undefined ? '' : `${(baselineMs / ms).toFixed(1)}x`,
    ]);
    return ms;
  }
  const pdq =
    (hasher: PdqHasher, raster: Raster, orientations: OrientationChoice, families: 'both' | 'resized') => () =>
      formatHash256(hasher.hash(raster, { orientations, families }).families.at(-1)!.hashes.at(-1)!);
  const slow = Math.max(1, Math.floor(times / 20));
  const one = await measure('PDQ 512x512, TypeScript', slow, pdq(twin, small, 'none', 'resized'));
  await measure('PDQ 512x512, WASM', times, pdq(wasm, small, 'none', 'resized'), one);
  const eight = await measure('PDQ 512x512, 8 orientations, TypeScript', slow, pdq(twin, small, 'all', 'resized'));
  await measure('PDQ 512x512, 8 orientations, WASM', times, pdq(wasm, small, 'all', 'resized'), eight);
  await measure('PDQ 1632x1224, WASM, family resized', slow, pdq(wasm, large, 'none', 'resized'));
  await measure('PDQ 1632x1224, WASM, both families', slow, pdq(wasm, large, 'none', 'both'));
  await measure('PDQ 1632x1224, WASM, both, 8 orientations', slow, pdq(wasm, large, 'all', 'both'));
  await measure('blockhash 512x512 (blockhash-core)', slow, () => formatHash256(blockhash256(small)));
  const file = large.data.subarray(0, 100_000);
  for (const algorithm of ['md5', 'sha1', 'sha256'] as const) {
    await measure(`${algorithm} of 100 kB`, times, () => computeDigests(file, [algorithm])[algorithm]!);
  }
  await measure('all three of 100 kB, one pass', times, () => computeDigests(file, ['md5', 'sha1', 'sha256']).md5!);
  return {
    title: 'Kernels, one thread',
    notes: [],
    columns: ['kernel', 'ms', 'CPU ms', 'per second', 'against its twin'],
    rows,
    checksum: sums.join(' '),
  };
}
