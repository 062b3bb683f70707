/**
 * Images a second: by stage, against plain pipelines, by format, through the decoder process, and in a scan with an
 * active list. All in one run, so that the ratios are comparable.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { IMAGE_BYTES_MAX, IMAGE_MEMORY_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { readConfig } from '../src/config/read-config.js';
import { formatHash256 } from '../src/core/hash256.js';
import { startOf } from '../src/core/period.js';
import { NO_TOTALS } from '../src/core/tally.js';
import { ORIENTATIONS } from '../src/core/vocabulary.js';
import { createDecoder } from '../src/decode/decode.js';
import { sniff } from '../src/decode/sniff.js';
import { createImageEngine, type HashWants } from '../src/engine/image-engine.js';
import { buildRing } from '../src/index/ring.js';
import { blockhash256 } from '../src/kernels/blockhash.js';
import { computeDigests } from '../src/kernels/digests.js';
import { createPdqHasher } from '../src/kernels/pdq.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { createService, type Service } from '../src/service/service.js';
import { openSqliteLedger } from '../src/sqlite/ledger/ledger.js';
import { createLogger } from '../src/telemetry/log.js';
import { plainCheck } from './check-options.js';
import { WANTS } from './hash-wants.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { photographs, uploads } from './pictures.js';
import { medianSpent, millisecondsOf, type Spent, startTreeClock } from './processor.js';
import type { BenchTable } from './report.js';
import { runScan } from './scan-run.js';
import { tempFolder } from './temp-folder.js';

const LIMITS = { imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX };
const PDQ: HashWants = { ...WANTS, algorithms: ['pdq'] };
const OPTIONS = plainCheck('bench');
/** For decoding benches: no answer may come from the cache. */
const NO_CACHE = { cacheBytesMax: '0' };

type Rows = (string | number)[][];

/** Measures rows relative to a baseline, the first row after a heading. */
class Meter {
  readonly rows: Rows = [];
  readonly sums: string[] = [];
  #baseMs = 0;

  /** Run `work` on each file, and add a row with the median of five rounds; return its milliseconds a file. */
  async each<T>(name: string, files: readonly T[], work: (file: T) => unknown): Promise<number> {
    let last: unknown;
    const spent = await medianSpent(async () => {
      for (const file of files) last = await work(file);
    });
    this.sums.push(String(last).slice(0, 6));
    return this.row(name, spent, files.length);
  }

  row(name: string, spent: Spent, count: number): number {
    const ms = (spent.seconds * 1000) / count;
    if (this.#baseMs === 0) this.#baseMs = ms;
    const ratio = this.#baseMs / ms;
    this.rows.push([
      name,
      ms,
      millisecondsOf(spent, count),
      1000 / ms,
      `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(2)}x`,
    ]);
    return ms;
  }

  heading(name: string): void {
    this.#baseMs = 0;
    this.rows.push([name, '', '', '', '']);
  }
}

const firstHash = (families: readonly { hashes: readonly Uint8Array[] }[]) => formatHash256(families[0]!.hashes[0]!);

async function plainPipelines(meter: Meter, files: readonly Buffer[]): Promise<void> {
  const twin = createPdqHasher();
  const resized = async (file: Buffer) => {
    const data = await sharp(file).resize(512, 512, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    return { width: 512, height: 512, channels: 3 as const, data };
  };
  const pixels = async (file: Buffer) => {
    const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 3 as const, data };
  };
  await meter.each('plain: sharp to 512x512, PDQ in TypeScript', files, async (file) =>
    firstHash(twin.hash(await resized(file), { orientations: 'none', families: 'resized' }).families),
  );
  await meter.each('plain: the same, 8 orientations', files, async (file) =>
    firstHash(twin.hash(await resized(file), { orientations: 'all', families: 'resized' }).families),
  );
  await meter.each('plain: blockhash-core on sharp’s pixels', files, async (file) =>
    formatHash256(blockhash256(await pixels(file))),
  );
}

/** Measure each stage of one image in one thread, and all together; the search is in `entries`. */
async function stages(meter: Meter, paths: readonly string[], entries: Uint8Array): Promise<void> {
  const files = paths.map((path) => readFileSync(path));
  const hasher = loadPdqHasher();
  const decoder = createDecoder(LIMITS, (bytes) => hasher.takePlane(bytes));
  const ring = buildRing(entries);
  await meter.each('stage: read from the page cache', paths, (path) => readFileSync(path).length);
  await meter.each('stage: digest, SHA-256', files, (file) => computeDigests(file, ['sha256']).sha256);
  await meter.each('stage: digests, all three', files, (file) => computeDigests(file, ['md5', 'sha1', 'sha256']).md5);
  await meter.each('stage: sniff', files, (file) => sniff(file)?.width);
  await meter.each('stage: decode to grey', files, async (file) => (await decoder.decode(file)).width);
  const decoded = await Promise.all(files.map((file) => createDecoder(LIMITS).decode(file)));
  await meter.each(
    'stage: filter and hash, both families, 8 orientations',
    decoded,
    ({ raster }) => hasher.hash(raster, PDQ).families[0]!.quality,
  );
  await meter.each('  the same with 1 orientation', decoded, ({ raster }) =>
    firstHash(hasher.hash(raster, { ...PDQ, orientations: 'none' }).families),
  );
  const queries = decoded.map(({ raster }) => hasher.hash(raster, PDQ).families.flatMap(({ hashes }) => hashes));
  await meter.each(`stage: search, radius 31, in ${(entries.length / 32).toLocaleString('en')}`, queries, (hashes) =>
    hashes.reduce((found, hash) => found + ring.search(hash, 31).length, 0),
  );
  const ledgerDir = tempFolder('ledger');
  const ledger = openSqliteLedger(ledgerDir);
  const nowMs = Date.now();
  const tallies = [
    { tenant: 'bench', startMs: startOf('hour', nowMs), totals: { ...NO_TOTALS, checked: 1 }, cells: [] },
  ];
  const group = [{ tenant: 'bench', idempotency: null, tallies, sightings: [] }];
  await meter.each('stage: ledger (a group of one, synced)', files, async () => {
    const [appended] = await ledger.append({ atMs: nowMs, entries: group });
    return appended!.outcome === 'recorded';
  });
  await ledger.close();
  rmSync(ledgerDir, { recursive: true });
  await meter.each('all stages, one thread', paths, async (path) => {
    const file = readFileSync(path);
    computeDigests(file, ['sha256']);
    const { raster } = await decoder.decode(file);
    const { families } = hasher.hash(raster, PDQ);
    for (const { hashes } of families) for (const hash of hashes) ring.search(hash, 31);
    return firstHash(families);
  });
}

async function throughEngine(meter: Meter, files: readonly Buffer[]): Promise<void> {
  for (const workers of [1, 2]) {
    const engine = createImageEngine({
      ...LIMITS,
      workers,
      decodeMsMax: 10_000,
      memoryBytesMax: IMAGE_MEMORY_BYTES_MAX * 4,
      queuePerWorker: 8,
    });
    let last = '';
    const spent = await medianSpent(async () => {
      const inFlight: Promise<unknown>[] = [];
      for (const file of files) {
        await engine.whenRoom();
        inFlight.push(
          engine.hashBytes(file, PDQ).then((reply) => {
            if (!reply.ok) throw new Error(reply.reason);
            last = firstHash(reply.views[0]!.families);
          }),
        );
      }
      await Promise.all(inFlight);
    }, startTreeClock);
    await engine.close();
    meter.sums.push(last.slice(0, 6));
    meter.row(`decoder process, ${workers} worker${workers > 1 ? 's' : ''}`, spent, files.length);
  }
}

async function serviceWith(dataDir: string, flags: Record<string, string>, entries: Uint8Array): Promise<Service> {
  const config = readConfig({
    env: {},
    flags: { dataDir, logLevel: 'silent', queueImagesPerWorker: '16', ...flags },
  });
  const service = await createService(config, { log: createLogger('silent') });
  if ((await service.store.lists.lists()).length === 0) {
    await service.store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
    await service.store.lists.replaceEntries('bench', listRows('pdq', entries));
    await service.reload();
  }
  return service;
}

/** Measure `zeef scan` without its start: a folder of files, an active list, counts recorded. */
async function scans(
  meter: Meter,
  dataDir: string,
  folders: readonly { name: string; path: string; count: number }[],
  entries: Uint8Array,
): Promise<void> {
  for (const workers of ['1', '2']) {
    const service = await serviceWith(dataDir, { workers, ...NO_CACHE }, entries);
    for (const { name, path, count } of folders) {
      const spent = await medianSpent(async () => {
        const { checked } = await runScan(service, path);
        if (checked !== count) throw new Error(`${checked} of ${count} checked`);
      }, startTreeClock);
      meter.row(`scan, ${name}, ${workers} worker${workers === '2' ? 's' : ''}`, spent, count);
    }
    meter.sums.push(String((await service.ledger.stats({})).checked));
    await service.close();
  }
}

/** Measure the same files again, with hashes and answers cached. */
async function repeats(
  meter: Meter,
  dataDir: string,
  files: readonly Buffer[],
  folder: string,
  entries: Uint8Array,
): Promise<void> {
  const service = await serviceWith(dataDir, { workers: '1' }, entries);
  await meter.each('its SHA-256 alone', files, (file) => computeDigests(file, ['sha256']).sha256);
  await meter.each('a repeated image, verdict and counts', files, async (file) => {
    const { verdict } = await service.checkImage({ bytes: file }, OPTIONS);
    return verdict;
  });
  const again = () => runScan(service, folder);
  const { files: count } = await again();
  meter.row('a scan of repeated files, 1 worker', await medianSpent(again, startTreeClock), count);
  await service.close();
}

/** Measure each format against its decoder alone. */
async function formats(meter: Meter, count: number): Promise<void> {
  const hasher = loadPdqHasher();
  const decoder = createDecoder(LIMITS, (bytes) => hasher.takePlane(bytes));
  const source = photographs().slice(0, count);
  for (const format of ['png', 'webp', 'gif', 'avif', 'tiff'] as const) {
    const files = await Promise.all(
      source.map((path) => sharp(path).resize(1_200, 900, { fit: 'cover' }).toFormat(format).toBuffer()),
    );
    meter.heading(`${format}, 1200x900`);
    await meter.each('  sharp to pixels alone', files, async (file) => (await sharp(file).raw().toBuffer()).length);
    await meter.each('  digest, decode, both families, 8 orientations', files, async (file) => {
      computeDigests(file, ['sha256']);
      const { raster } = await decoder.decode(file);
      return firstHash(hasher.hash(raster, PDQ).families);
    });
  }
}

const LIST_ENTRIES = 1_000_000;

export async function images({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const files = await uploads(smoke ? 4 : 64);
  const entries = pdqLike(smoke ? 2_000 : LIST_ENTRIES, 1);
  const folder = tempFolder('images');
  const dataDir = join(folder, 'data');
  const uploadsFolder = join(folder, 'uploads');
  mkdirSync(uploadsFolder);
  // A scan of a few hundred files, so that its start does not matter.
  const rounds = smoke ? 1 : 10;
  for (let at = 0; at < files.length * rounds; at++)
    writeFileSync(join(uploadsFolder, `${at}.jpg`), files[at % files.length]!);
  const paths = files.map((_, at) => join(uploadsFolder, `${at}.jpg`));
  const folders = [{ name: 'these uploads', path: uploadsFolder, count: files.length * rounds }];
  const corpus = process.env.ZEEF_CORPUS;
  const meter = new Meter();
  try {
    meter.heading('pipelines, relative to the first');
    await plainPipelines(meter, files);
    await stages(meter, paths, entries);
    await throughEngine(meter, files);
    if (corpus !== undefined) {
      const source = join(corpus, 'corpus', 'photos');
      const jpegs = readdirSync(source).filter((name) => name.endsWith('.jpg'));
      const path = join(folder, 'corpus');
      mkdirSync(path);
      const taken = jpegs.slice(0, smoke ? 4 : undefined);
      for (const name of taken) writeFileSync(join(path, name), readFileSync(join(source, name)));
      folders.push({ name: `${taken.length} corpus JPEGs`, path, count: taken.length });
    }
    await scans(meter, dataDir, folders, entries);
    meter.heading('repeats, relative to the digest');
    await repeats(meter, dataDir, files, uploadsFolder, entries);
    await formats(meter, smoke ? 1 : 8);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const kilobytes = Math.round(files.reduce((sum, file) => sum + file.length, 0) / files.length / 1000);
  return {
    title: `Images: JPEG 500x375, ${kilobytes} kB on average; PDQ, both families, ${ORIENTATIONS.length} orientations`,
    notes: [
      `scans: list of ${(entries.length / 32).toLocaleString('en')} PDQ entries, counts recorded, no cache`,
      'CPU: processor time of an image, of all threads and of the decoder process',
      ...(corpus === undefined ? ['ZEEF_CORPUS is not set: the test corpus was not scanned'] : []),
    ],
    columns: ['measurement', 'ms', 'CPU ms', 'images/s', 'ratio'],
    rows: meter.rows,
    checksum: createHash('sha256').update(meter.sums.join(' ')).digest('hex').slice(0, 12),
  };
}
