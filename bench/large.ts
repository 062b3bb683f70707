/**
 * Lists of many millions: from the index file to the first answer, and the share that a search has of an image in a scan. Their
 * entries are in the index file alone, since an import of fifty million takes an hour; only an entry that matches would be read.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { queryBatchOf } from '../src/check/file-queries.js';
import { hashQueries } from '../src/check/hash-image.js';
import { readConfig } from '../src/config/read-config.js';
import { collectGarbage } from '../src/core/garbage.js';
import { HASH256_BYTES } from '../src/core/hash256.js';
import { ORIENTATIONS } from '../src/core/vocabulary.js';
import type { HashReply } from '../src/engine/image-engine.js';
import type { SectionSource } from '../src/index/index-file.js';
import { SEGMENT_ENTRIES_MAX } from '../src/index/ring-layout.js';
import { putIndexBlob } from '../src/lists/index-blobs.js';
import { createService, type Service } from '../src/service/service.js';
import type { Changes } from '../src/store/lists-contract.js';
import { createLogger } from '../src/telemetry/log.js';
import { type ImageSpent, medianSpentOf, spentScanning, writeTrees } from './image-trees.js';
import { hashesBySeed } from './index/data.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { uploads } from './pictures.js';
import { startClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const FULL = { sizes: [1_000_000, 10_000_000, 50_000_000], few: 3_200, many: 12_800, trials: 3, images: 2_048 };
const SMOKE = { sizes: [500, 1_000, 2_000], few: 8, many: 24, trials: 1, images: 64 };
const WORKERS = '2';
/** Of an image with both families and eight orientations. */
const QUERIES_PER_IMAGE = 16;
const PIECE_ENTRIES = 65_536;
/** Of no list. */
const QUERY_SEED = 1_000_003;
const SEARCHES = 3;
const MS = 1e3;

/** Sections of an index file, each a segment. */
function* sectionsOf(hashes: Uint8Array, listKey: number): Generator<SectionSource> {
  const count = hashes.length / HASH256_BYTES;
  for (let first = 0; first < count; first += SEGMENT_ENTRIES_MAX) {
    const end = Math.min(count, first + SEGMENT_ENTRIES_MAX);
    const pieces = function* (make: (from: number, entries: number) => Uint8Array) {
      for (let from = first; from < end; from += PIECE_ENTRIES) yield make(from, Math.min(PIECE_ENTRIES, end - from));
    };
    const keys = (from: number, entries: number) =>
      new Uint8Array(Uint32Array.from({ length: entries }, (_, at) => from + at + 1).buffer);
    const listKeys = (_: number, entries: number) => new Uint8Array(new Uint16Array(entries).fill(listKey).buffer);
    const values = (from: number, entries: number) =>
      // A copy: a cipher takes no shared memory.
      hashes.slice(from * HASH256_BYTES, (from + entries) * HASH256_BYTES);
    yield {
      algorithm: 'pdq',
      valueBytes: HASH256_BYTES,
      entryCount: end - first,
      columns: [pieces(keys), pieces(listKeys), pieces(values)],
    };
  }
}

/** Open a service. `claimed`: entries that the store says its list has, where they are in the index file alone. */
function open(dataDir: string, claimed?: number): Promise<Service> {
  const flags = { dataDir, logLevel: 'silent', workers: WORKERS, cacheBytesMax: '0', queueImagesPerWorker: '16' };
  return createService(readConfig({ env: {}, flags }), {
    log: createLogger('silent'),
    decoder: { readsFiles: true },
    async prepare({ store: { lists } }) {
      if (claimed === undefined) return;
      const changes = lists.changes.bind(lists);
      lists.changes = async (since) => {
        const found = await changes(since);
        return found && { ...found, lists: found.lists.map((list) => claiming(list, claimed)) };
      };
    },
  });
}

const claiming = ({ listKey, info }: Changes['lists'][number], pdq: number) => ({
  listKey,
  info: { ...info, entriesByAlgorithm: { pdq } },
});

/** Make a store whose index file has these entries. */
async function makeStore(dataDir: string, hashes: Uint8Array): Promise<void> {
  const service = await open(dataDir);
  try {
    const { store } = service;
    await store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
    await store.lists.replaceEntries('bench', listRows('pdq', hashes.slice(0, HASH256_BYTES)));
    const { position, lists } = (await store.lists.changes(null))!;
    await putIndexBlob(store.blobs, { position, sections: [...sectionsOf(hashes, lists[0]!.listKey)] }, store);
  } finally {
    await service.close();
  }
}

/** Search for images of random hashes, as many as a scan joins. Result: processor time and wall time of an image, and the matches. */
async function searched(service: Service, images: number): Promise<ImageSpent & { readonly matches: number }> {
  const hashes = pdqLike(images * QUERIES_PER_IMAGE, QUERY_SEED);
  const replies = Array.from({ length: images }, (_, image): HashReply => {
    const hash = (at: number) => {
      const from = (image * QUERIES_PER_IMAGE + at) * HASH256_BYTES;
      return hashes.subarray(from, from + HASH256_BYTES);
    };
    const families = (['resized', 'full'] as const).map((family, at) => ({
      family,
      quality: 100,
      degenerate: false,
      hashes: ORIENTATIONS.map((_, orientation) => hash(at * ORIENTATIONS.length + orientation)),
    }));
    const views = [{ frame: 0, background: null, part: null, families, blockhash: null, windows: [] }];
    return { ok: true, digests: {}, bytes: 1, format: 'jpeg', width: 500, height: 375, damage: null, views };
  });
  const batch = await service.openFiles({ lists: null, tenant: 'local' });
  const find = () => {
    const queries = queryBatchOf(replies.map((reply) => ({ digests: reply.digests, hashes: hashQueries(reply) })));
    return batch.match(queries, { requestedRadiusBits: null });
  };
  await find();
  const spent: ImageSpent[] = [];
  let matches = 0;
  for (let trial = 0; trial < SEARCHES; trial++) {
    const stop = startClock();
    const decisions = await find();
    const { seconds, processorSeconds } = stop();
    matches = decisions.filter(({ matches: found }) => found.length > 0).length;
    spent.push({ processorMs: (processorSeconds * MS) / images, wallMs: (seconds * MS) / images });
  }
  return { ...medianSpentOf(spent), matches };
}

export async function large({ smoke, sizes: given }: BenchOptions): Promise<BenchTable> {
  const { sizes, few, many, trials, images } = smoke ? SMOKE : FULL;
  const work = tempFolder('large');
  const rows: (string | number)[][] = [];
  let sum = 0;
  try {
    const trees = writeTrees(work, await uploads(smoke ? 4 : 64), { few, many });
    for (const entries of given ?? sizes) {
      const dataDir = join(work, String(entries));
      await makeStore(dataDir, await hashesBySeed(entries));
      // What the making has left is not part of the memory.
      collectGarbage();
      const before = process.memoryUsage.rss();
      const stop = startClock();
      const service = await open(dataDir, entries);
      const opened = stop();
      try {
        const residentBytes = process.memoryUsage.rss() - before;
        const search = await searched(service, images);
        const scan = await spentScanning(service, trees, trials);
        sum += search.matches;
        rows.push([
          entries,
          opened.seconds,
          opened.processorSeconds,
          residentBytes / 1e6,
          search.processorMs * 1e3,
          scan.processorMs,
          scan.wallMs,
          MS / scan.wallMs,
        ]);
      } finally {
        await service.close();
      }
      rmSync(dataDir, { recursive: true });
    }
  } finally {
    rmSync(work, { recursive: true });
  }
  return {
    title: 'Lists of many PDQ hashes: start, search and scan',
    notes: [
      'open: the index file read, its tables built, the decoder started; listening takes some 0.5 s more',
      `search: ${QUERIES_PER_IMAGE} hashes an image, ${images} images joined, as in a scan`,
      `scan: JPEG 500x375, ${WORKERS} workers, no inventory; the difference of two trees`,
      'CPU: user and system time of all processes; MB: what it takes more once it is open',
    ],
    columns: ['entries', 'open s', 'CPU s', 'MB', 'search us', 'scan CPU ms', 'wall ms', 'images/s'],
    rows,
    checksum: `${sum} matches of random hashes`,
  };
}
