/**
 * Processor time of an image from end to end, in a scan and over HTTP, beside that of its stages alone: reading, digest,
 * decoding, hashing and search, in one thread each. What is between the two is the price of moving it around.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { queryBatchOf } from '../src/check/file-queries.js';
import { hashQueries } from '../src/check/hash-image.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { readConfig } from '../src/config/read-config.js';
import { artefact } from '../src/core/package-root.js';
import { createDecoder } from '../src/decode/decode.js';
import type { HashReply } from '../src/engine/image-engine.js';
import { computeDigests } from '../src/kernels/digests.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { createService, type Service } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';
import { childEnv, endWithParent } from './child.js';
import { type ImageSpent, medianSpentOf, spentScanning, writeTrees } from './image-trees.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { uploads } from './pictures.js';
import { startTreeClock } from './processor.js';
import type { BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

/** The code of a process is compiled again and again during its first thousands of images. */
const FULL = { entries: 1_000_000, few: 3_200, many: 12_800, trials: 3, requests: 6_000 };
const SMOKE = { entries: 2_000, few: 8, many: 24, trials: 1, requests: 32 };
const CONNECTIONS = 16;
const MS = 1_000;

/** Time of the stages of `paths`, each alone in this thread; the search is one batch. */
async function stages(service: Service, paths: readonly string[]): Promise<{ table: [string, number][]; sum: string }> {
  const hasher = loadPdqHasher();
  const limits = { imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX };
  const decoder = createDecoder(limits, (bytes) => hasher.takePlane(bytes));
  const table: [string, number][] = [];
  let began = process.cpuUsage();
  const stage = (name: string) => {
    const { user, system } = process.cpuUsage(began);
    table.push([name, (user + system) / MS / paths.length]);
    began = process.cpuUsage();
  };
  const files = paths.map((path) => readFileSync(path));
  stage('read from the page cache');
  const digests = files.map((file) => computeDigests(file, ['sha256']));
  stage('SHA-256');
  const replies: HashReply[] = [];
  for (const [at, file] of files.entries()) {
    const { raster, format, width, height } = await decoder.decode(file);
    const { families } = hasher.hash(raster, { orientations: 'all', families: 'both' });
    const views = [{ frame: 0, background: null, part: null, families, blockhash: null, windows: [] }];
    const common = { digests: digests[at]!, bytes: file.length, damage: null };
    replies.push({ ok: true, ...common, format, width, height, views });
  }
  stage('decode and hash, 2 families, 8 orientations');
  const batch = await service.openFiles({ lists: null, tenant: 'local' });
  const queries = queryBatchOf(replies.map((reply) => ({ digests: reply.digests, hashes: hashQueries(reply) })));
  began = process.cpuUsage();
  const decisions = await batch.match(queries, { requestedRadiusBits: null });
  stage('search in one batch');
  const hashes = replies.flatMap((reply) => hashQueries(reply).map(({ hash256 }) => hash256));
  const sum = createHash('sha256').update(Buffer.concat(hashes)).update(JSON.stringify(decisions)).digest('hex');
  return { table, sum };
}

const LISTENS = /listens on (http:\S+)/;

/** Time of an image over HTTP, of the server alone. */
async function requested(
  dataDir: string,
  workers: string,
  bodies: readonly Buffer[],
  { trials, requests }: { readonly trials: number; readonly requests: number },
): Promise<ImageSpent> {
  const env = { ZEEF_DATA_DIR: dataDir, ZEEF_WORKERS: workers, ZEEF_PORT: '0', ZEEF_QUEUE_IMAGES_PER_WORKER: '64' };
  const server = endWithParent(
    // As the container starts it.
    spawn(process.execPath, ['--initial-old-space-size=256', artefact('src', 'main.js'), 'serve'], {
      env: childEnv({ ...env, ZEEF_CACHE_BYTES_MAX: '0' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      const take = (chunk: Buffer) => {
        said += chunk.toString();
        const [, found] = LISTENS.exec(said) ?? [];
        if (found) resolve(found.replace(/["\\].*/, ''));
      };
      server.stdout.on('data', take);
      server.stderr.on('data', take);
      server.once('exit', () => reject(new Error(`the server ended: ${said}`)));
    });
    const headers = { 'content-type': 'image/jpeg' };
    const load = (amount: number) => {
      let connection = 0;
      return autocannon({
        url,
        connections: Math.min(CONNECTIONS, amount),
        amount,
        setupClient: (client) => {
          // Of another file for each connection: requests in flight for the same one are joined.
          const tail = Buffer.from([connection++]);
          const request = { method: 'POST', path: '/v1/check', headers } as const;
          client.setRequests(bodies.map((body) => ({ ...request, body: Buffer.concat([body, tail]) })));
        },
      });
    };
    await load(requests);
    const spent: ImageSpent[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const stop = startTreeClock(server.pid!);
      const { '2xx': good, non2xx, errors } = await load(requests);
      if (non2xx + errors > 0) throw new Error(`${non2xx} refused, ${errors} failed`);
      const { seconds, processorSeconds } = stop();
      spent.push({ processorMs: (processorSeconds * MS) / good, wallMs: (seconds * MS) / good });
    }
    return medianSpentOf(spent);
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  }
}

export async function overhead({
  smoke,
  sizes,
}: {
  smoke: boolean;
  sizes?: readonly number[] | undefined;
}): Promise<BenchTable> {
  const size = { ...(smoke ? SMOKE : FULL), ...(sizes?.[0] === undefined ? {} : { entries: sizes[0] }) };
  const work = tempFolder('overhead');
  const dataDir = join(work, 'data');
  try {
    const pictures = await uploads(smoke ? 4 : 64);
    const trees = writeTrees(work, pictures, size);
    const rows: (string | number)[][] = [];
    let floor = 0;
    let checksum = '';
    const add = (name: string, { processorMs, wallMs }: ImageSpent) =>
      rows.push([name, processorMs, processorMs - floor, wallMs, MS / wallMs]);
    const values = pdqLike(size.entries, 1);
    for (const workers of ['1', '2']) {
      const flags = {
        dataDir,
        logLevel: 'silent',
        workers,
        cacheBytesMax: '0',
        queueImagesPerWorker: '16',
      };
      const service = await createService(readConfig({ env: {}, flags }), {
        log: createLogger('silent'),
        decoder: { readsFiles: true },
      });
      if ((await service.lists()).length === 0) {
        await service.store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
        await service.store.lists.replaceEntries('bench', listRows('pdq', values));
        await service.reload();
      }
      if (rows.length === 0) {
        const paths = Array.from({ length: size.few }, (_, n) => join(trees.few, `${n}.jpg`));
        await stages(service, paths);
        const { table, sum } = await stages(service, paths);
        checksum = sum.slice(0, 12);
        for (const [name, ms] of table) rows.push([name, ms, '', '', '']);
        floor = table.reduce((all, [, ms]) => all + ms, 0);
        rows.push(['all stages', floor, '', '', '']);
      }
      add(`scan, workers: ${workers}`, await spentScanning(service, trees, size.trials));
      await service.close();
    }
    for (const workers of ['1', '2'])
      add(`POST /v1/check, workers: ${workers}`, await requested(dataDir, workers, pictures, size));
    return {
      title: `Processor time of an image, JPEG 500x375, ${size.entries.toLocaleString('en')} PDQ entries`,
      notes: [
        'ms of user and system of all processes; over HTTP without the client, which shares the cores',
        'a scan: the difference of two trees, so that starting is not in it; no inventory',
        'medians',
      ],
      columns: ['measurement', 'processor ms', 'beside the stages', 'wall ms', 'images/s'],
      rows,
      checksum,
    };
  } finally {
    rmSync(work, { recursive: true });
  }
}
