/** Scans of large trees: rate, memory, a second run, a rematch, and reports after a hundred kills. */

import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE_MEMORY_BYTES_MAX } from '../src/config/defaults.js';
import { readConfig } from '../src/config/read-config.js';
import { HASH256_BYTES } from '../src/core/hash256.js';
import { pathBytesOf } from '../src/core/path-bytes.js';
import type { Detail } from '../src/core/window.js';
import { createImageEngine, type HashWants } from '../src/engine/image-engine.js';
import { localMatcher } from '../src/scan/matcher.js';
import { rematch } from '../src/scan/rematch.js';
import { ScanTally } from '../src/scan/tally.js';
import { createService, type Service } from '../src/service/service.js';
import { INVENTORY_FILE } from '../src/sqlite/inventory/file-name.js';
import { openSqliteInventory } from '../src/sqlite/inventory/inventory.js';
import { createLogger } from '../src/telemetry/log.js';
import { listRows } from './list-rows.js';
import { pdqLike, seeded } from './pdq-like.js';
import { uploads } from './pictures.js';
import { medianOf, microsecondsOf, type Spent, startTreeClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';
import { linesAboutFiles, runZeef, summaryOf } from './scan-child.js';
import { fillInventory } from './scan-inventory.js';
import { runScan } from './scan-run.js';
import { copyTree, junkFiles, smallPictures } from './scan-tree.js';
import { tempFolder } from './temp-folder.js';

const FULL = {
  tree: 2_000_000,
  few: 100_000,
  junk: 200_000,
  entries: 1_000_000,
  rematched: 200_000,
  rematchedWindows: { plain: 0, standard: 60_000, deep: 20_000 },
  rounds: 80,
  kills: 100,
};
const SMOKE = {
  tree: 2_000,
  few: 500,
  junk: 1_000,
  entries: 2_000,
  rematched: 600,
  rematchedWindows: { plain: 0, standard: 60, deep: 60 },
  rounds: 1,
  kills: 1,
};
const WORKERS = 2;
const WANTS: HashWants = {
  digests: ['md5', 'sha1', 'sha256'],
  orientations: 'all',
  families: 'both',
  algorithms: ['pdq'],
  frames: 1,
  detail: 'plain',
};

type Row = (string | number)[];

async function serviceWith(dataDir: string, entries: Uint8Array): Promise<Service> {
  const flags = { dataDir, logLevel: 'silent', workers: String(WORKERS), cacheBytesMax: '0' };
  const service = await createService(readConfig({ env: {}, flags }), {
    log: createLogger('silent'),
    decoder: { readsFiles: true },
  });
  await service.store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
  await service.store.lists.replaceEntries('bench', listRows('pdq', entries));
  await service.reload();
  return service;
}

/** Measure the decoder process alone, which reads the same files itself, as in the images bench. */
async function decodeAll(paths: readonly string[]): Promise<Spent> {
  const engine = createImageEngine({
    workers: WORKERS,
    imageBytesMax: 25_000_000,
    imagePixelsMax: 50_000_000,
    decodeMsMax: 10_000,
    memoryBytesMax: IMAGE_MEMORY_BYTES_MAX * WORKERS,
    queuePerWorker: 4,
  });
  // The start of the process is not measured.
  await engine.hashPath(pathBytesOf(paths[0]!), WANTS);
  const stop = startTreeClock();
  const inFlight: Promise<unknown>[] = [];
  for (const path of paths) {
    await engine.whenRoom();
    inFlight.push(engine.hashPath(pathBytesOf(path), WANTS));
  }
  await Promise.all(inFlight);
  const spent = stop();
  await engine.close();
  return spent;
}

async function rematchAll(
  service: Service,
  folder: string,
  detail: Detail = 'plain',
): Promise<{ tally: ScanTally; spent: Spent }> {
  const inventory = await openSqliteInventory(folder);
  const tally = new ScanTally();
  const batch = await service.openFiles({ lists: null, tenant: 'local' });
  const matcher = localMatcher(batch, {
    lists: null,
    requestedRadiusBits: null,
    requestedDetail: detail,
    tenant: 'bench',
  });
  const stop = startTreeClock();
  await rematch({
    inventory,
    matcher,
    tally,
    orientations: 'all',
    readAgain: async (files) => files.map(() => 'FILE_VANISHED' as const),
    shouldStop: () => false,
    onResult: () => {},
    newEntries: null,
  });
  const spent = stop();
  await inventory.close();
  return { tally, spent };
}

export async function scanBench({ smoke, sizes }: BenchOptions): Promise<BenchTable> {
  const size = { ...(smoke ? SMOKE : FULL), ...(sizes?.[0] === undefined ? {} : { tree: sizes[0] }) };
  const work = tempFolder('scan');
  const at = (...path: string[]) => join(work, ...path);
  const rows: Row[] = [];
  const sums: string[] = [];
  try {
    const pictures = await smallPictures(at('pictures'), 15);
    const junk = junkFiles(at('junk'), 285);
    for (const [name, files] of [
      ['few', size.few],
      ['many', size.tree],
    ] as const)
      copyTree(at(name), [...pictures, ...junk], files);
    copyTree(at('none'), junk, size.junk);
    await runZeef(['lists', 'add', 'known', ...pictures.slice(0, 2)], at('data'));

    const child = async (tree: string, inventory: string) => {
      const { peakBytes, report, spent } = await runZeef(['scan', at(tree), '--resume', at(inventory)], at('data'), {
        report: at(`${inventory}.jsonl`),
      });
      return { peakBytes, report, spent, summary: summaryOf(report) };
    };
    const none = await child('none', 'inventory-none');
    const addRun = (name: string, { summary, spent }: Awaited<ReturnType<typeof child>>) =>
      rows.push([name, summary.files, summary.filesPerSecond, 'files/s', microsecondsOf(spent, summary.files)]);
    addRun('no images, first scan', none);
    const peaks: number[] = [];
    for (const tree of ['few', 'many']) {
      const first = await child(tree, `inventory-${tree}`);
      addRun('5 % small images, first scan', first);
      const second = await child(tree, `inventory-${tree}`);
      addRun('  second scan', second);
      rows.push([`  bytes read by it`, second.summary.files, second.summary.bytesRead, 'bytes', '']);
      peaks.push(first.peakBytes, second.peakBytes);
      rows.push([`  peak memory, first scan`, first.summary.files, first.peakBytes / 1e6, 'MB', '']);
      rows.push([`  peak memory, second scan`, first.summary.files, second.peakBytes / 1e6, 'MB', '']);
      sums.push(String(second.summary.files), String(second.summary.byVerdict.match));
    }
    rows.push(['  growth, first scan', size.tree, (peaks[2]! - peaks[0]!) / 1e6, 'MB', '']);
    rows.push(['  growth, second scan', size.tree, (peaks[3]! - peaks[1]!) / 1e6, 'MB', '']);

    const files = await uploads(smoke ? 4 : 64);
    mkdirSync(at('uploads'));
    const paths = Array.from({ length: files.length * size.rounds }, (_, n) => {
      const path = at('uploads', `${n}.jpg`);
      writeFileSync(path, files[n % files.length]!);
      return path;
    });
    const entries = pdqLike(size.entries, 1);
    const service = await serviceWith(at('service'), entries);
    await runScan(service, at('uploads'));
    // Alternating, since other load on the machine varies.
    const pairs: { decoded: Spent; scanned: Spent }[] = [];
    for (let trial = 0; trial < (smoke ? 1 : 5); trial++) {
      const decoded = await decodeAll(paths);
      const stop = startTreeClock();
      await runScan(service, at('uploads'), { inventory: at(`inventory-uploads-${trial}`) });
      pairs.push({ decoded, scanned: stop() });
    }
    const addMedian = (name: string, all: readonly Spent[]) => {
      const [seconds, processorSeconds] = [all.map((one) => one.seconds), all.map((one) => one.processorSeconds)];
      const us = microsecondsOf({ seconds: 0, processorSeconds: medianOf(processorSeconds) }, paths.length);
      rows.push([name, paths.length, paths.length / medianOf(seconds), 'files/s', us]);
    };
    addMedian(
      'JPEG 500x375: the decoder alone',
      pairs.map(({ decoded }) => decoded),
    );
    addMedian(
      '  scan with an inventory',
      pairs.map(({ scanned }) => scanned),
    );
    const ratios = pairs.map(({ decoded, scanned }) => (decoded.seconds / scanned.seconds) * 100);
    rows.push(['  relative to the decoder', paths.length, medianOf(ratios), '%', '']);

    for (const families of [1, 2] as const) {
      const what = families === 1 ? 'images up to 512 pixels' : 'images over 512 pixels';
      const folder = at(`inventory-rematch-${families}`);
      const nameBytes = await fillInventory(folder, size.rematched, { families, listed: entries });
      const bytes = statSync(join(folder, INVENTORY_FILE)).size - nameBytes;
      rows.push([`inventory of ${what}`, size.rematched, bytes / size.rematched, 'bytes/file', '']);
      const { tally, spent } = await rematchAll(service, folder);
      rows.push([
        `  rematch, ${(entries.length / HASH256_BYTES).toLocaleString('en')} entries`,
        size.rematched,
        tally.files / spent.seconds,
        'files/s',
        microsecondsOf(spent, tally.files),
      ]);
      sums.push(String(tally.byVerdict.match));
    }
    for (const detail of ['standard', 'deep'] as const) {
      const folder = at(`inventory-rematch-${detail}`);
      const count = size.rematchedWindows[detail];
      const nameBytes = await fillInventory(folder, count, { families: 2, listed: entries, detail });
      const bytes = statSync(join(folder, INVENTORY_FILE)).size - nameBytes;
      rows.push([`inventory of images over 512 pixels, ${detail}`, count, bytes / count, 'bytes/file', '']);
      for (const asked of ['plain', detail] as const) {
        const { tally, spent } = await rematchAll(service, folder, asked);
        rows.push([
          `  rematch, ${asked}`,
          count,
          tally.files / spent.seconds,
          'files/s',
          microsecondsOf(spent, tally.files),
        ]);
        sums.push(String(tally.byVerdict.match));
      }
    }
    await service.close();

    const undisturbed = await child('few', 'inventory-undisturbed');
    const random = seeded(5);
    let equal = 0;
    let killed = 0;
    const args = ['scan', at('few'), '--resume', at('inventory-killed')];
    while (killed < size.kills) {
      const report = at('killed.jsonl');
      const { code } = await runZeef(args, at('data'), { report, killAfterMs: 200 + random() * 4_000 });
      if (code === null) killed++;
      else {
        const { report: resumed } = await runZeef(args, at('data'), { report });
        if (linesAboutFiles(resumed) === linesAboutFiles(undisturbed.report)) equal++;
        else throw new Error(`the report differs after ${killed} kills`);
        rmSync(at('inventory-killed'), { recursive: true });
      }
    }
    const last = await runZeef(args, at('data'), { report: at('killed.jsonl') });
    if (linesAboutFiles(last.report) !== linesAboutFiles(undisturbed.report)) throw new Error('the report differs');
    rows.push(['reports equal after kills', killed, equal + 1, 'reports', '']);
    const { files: _, seconds: __, ...counts } = summaryOf(last.report);
    sums.push(JSON.stringify(counts.byVerdict));
  } finally {
    rmSync(work, { recursive: true });
  }
  return {
    title: 'Scans: small files; uploads of 100 kB; a generated inventory',
    notes: [
      'memory is of the scanning process; its decoder process has its own bound',
      'CPU: processor time of a file, of all processes, with their start where a scan is a command',
      'bytes a file: size of the inventory without the names in it',
    ],
    columns: ['measurement', 'files', 'value', 'unit', 'CPU us'],
    rows,
    checksum: createHash('sha256').update(sums.join(' ')).digest('hex').slice(0, 12),
  };
}
