/** A long mixed run of every format, broken files and bombs: memory must stay flat and counts must add up. */

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { readConfig } from '../src/config/read-config.js';
import { createService } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';
import { plainCheck } from './check-options.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { photographs } from './pictures.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const OPTIONS = { ...plainCheck('soak'), frames: 2 };
const SAMPLE_MS = 2_000;
/** Caches and allocators grow in the first third; the slope is measured over the rest. */
const WARM_UP_SHARE = 1 / 3;
const MEGABYTE = 1_048_576;

/** Make files of every format that sharp writes, at several sizes, also truncated and damaged, and oversized ones. */
async function mixed(pictureCount: number | undefined): Promise<Buffer[]> {
  const files: Buffer[] = [];
  for (const [at, path] of photographs().slice(0, pictureCount).entries()) {
    const side = 200 + ((at * 379) % 1_800);
    const format = (['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif', 'jpeg'] as const)[at % 7]!;
    const whole = await sharp(path).resize(side).toFormat(format).toBuffer();
    files.push(whole, whole.subarray(0, Math.floor(whole.length * 0.6)));
    const flipped = Buffer.from(whole);
    for (let byte = 200; byte < flipped.length; byte += 997) flipped[byte] = 255 - flipped[byte]!;
    files.push(flipped);
  }
  const bomb = await sharp(photographs()[0]!).png().toBuffer();
  bomb.writeUInt32BE(60_000, 16);
  files.push(bomb, Buffer.from('not an image'), Buffer.alloc(26_000_000, 1));
  return files;
}

function corpusFiles(): Buffer[] {
  const root = process.env.ZEEF_CORPUS;
  if (root === undefined) return [];
  return ['odd', 'broken'].flatMap((folder) =>
    readdirSync(join(root, 'corpus', folder)).map((name) => readFileSync(join(root, 'corpus', folder, name))),
  );
}

/** Return megabytes an hour, by least squares. */
function slope(samples: readonly { readonly ms: number; readonly bytes: number }[]): number {
  const meanMs = samples.reduce((sum, { ms }) => sum + ms, 0) / samples.length;
  const meanBytes = samples.reduce((sum, { bytes }) => sum + bytes, 0) / samples.length;
  let [above, below] = [0, 0];
  for (const { ms, bytes } of samples) {
    above += (ms - meanMs) * (bytes - meanBytes);
    below += (ms - meanMs) ** 2;
  }
  return below === 0 ? 0 : ((above / below) * 3_600_000) / MEGABYTE;
}

const residentBytes = (pid: number) => Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096;

export async function soak({ smoke, minutes = 10 }: BenchOptions): Promise<BenchTable> {
  const dataDir = tempFolder('soak');
  const config = readConfig({
    env: {},
    // A small cache, so that images are decoded throughout and the bound of the cache is tested.
    flags: { dataDir, workers: '2', logLevel: 'silent', queueImagesPerWorker: '8', cacheBytesMax: '20000' },
  });
  const service = await createService(config, { log: createLogger('silent') });
  await service.store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
  await service.store.lists.replaceEntries('bench', listRows('pdq', pdqLike(smoke ? 1_000 : 100_000, 1)));
  await service.reload();
  const files = [...(await mixed(smoke ? 7 : undefined)), ...(smoke ? [] : corpusFiles())];
  const samples: { ms: number; service: number; decoders: number; together: number }[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + (smoke ? 3_000 : minutes * 60_000);
  const sampler = setInterval(
    () => {
      const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'latin1').trim().split(' ');
      const decoders = children.filter(Boolean).reduce((sum, pid) => sum + residentBytes(Number(pid)), 0);
      const own = residentBytes(process.pid);
      samples.push({ ms: performance.now() - startedMs, service: own, decoders, together: own + decoders });
    },
    smoke ? 200 : SAMPLE_MS,
  );
  let asked = 0;
  const client = async (from: number) => {
    for (let at = from; performance.now() < untilMs; at++) {
      asked++;
      await service.checkImage({ bytes: files[at % files.length]! }, OPTIONS);
    }
  };
  await Promise.all([0, 17, 31, 53].map(client));
  clearInterval(sampler);
  const { checked, notChecked, byReason } = await service.ledger.stats({});
  const { restarts } = service.readiness().decoder;
  await service.close();
  rmSync(dataDir, { recursive: true });
  const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const row = (name: string, of: 'service' | 'decoders' | 'together'): (string | number)[] => {
    const points = settled.map((sample) => ({ ms: sample.ms, bytes: sample[of] }));
    const most = Math.max(...points.map(({ bytes }) => bytes)) / MEGABYTE;
    return [name, points[0]!.bytes / MEGABYTE, points.at(-1)!.bytes / MEGABYTE, most, slope(points)];
  };
  const reasons = Object.entries(byReason).map(([reason, count]) => `${reason} ${count}`);
  return {
    title: `Soak: ${files.length} files of every format, intact, truncated, damaged and oversized, four at a time`,
    notes: [
      `${asked.toLocaleString('en')} checks, ${Math.round((untilMs - startedMs) / 1000)} s, ${notChecked} not checked`,
      `decoder restarts: ${restarts}; reasons: ${reasons.slice(0, 3).join(', ')}`,
    ],
    columns: ['memory, MB', 'after a third', 'at the end', 'max', 'slope, MB/h'],
    rows: [row('service', 'service'), row('decoder processes', 'decoders'), row('total', 'together')],
    checksum: `${checked === asked ? 'every check counted once' : `${asked} checks, ${checked} counted`}`,
  };
}
