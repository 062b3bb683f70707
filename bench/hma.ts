/** The interface of HMA beside the service's own: latency of look-ups and changes, and the service's own rates with the interface on and off. */
import { rmSync } from 'node:fs';
import autocannon from 'autocannon';
import { readConfig } from '../src/config/read-config.js';
import { createServer } from '../src/http/server.js';
import { createService, type Service } from '../src/service/service.js';
import { createLogger, type Logger } from '../src/telemetry/log.js';
import { createMetrics } from '../src/telemetry/prometheus.js';
import { alternate } from './alternate.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { uploads } from './pictures.js';
import { medianOf, millisecondsOf, startTreeClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const DOOR = '/hma';
/** Everyone's list of many entries, and the banks that clients add to: one of as many entries, and a new one. */
const BANKS = { large: 'LARGE', small: 'SMALL' } as const;

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly body?: Buffer | string | FormData;
  readonly type?: string;
}

/** The same work by both interfaces. `isRight`: of its answer. */
interface Pair {
  readonly name: string;
  readonly calls: number;
  readonly own: (at: number) => Request;
  readonly hma: (at: number) => Request;
  readonly isRight: (answer: unknown) => boolean;
}

interface Sent {
  readonly ms: number;
  readonly answer: unknown;
}

async function send(url: string, { method, path, body, type }: Request): Promise<Sent> {
  const startedMs = performance.now();
  const response = await fetch(url + path, {
    method,
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    ...(body === undefined ? {} : { body: body as BodyInit }),
  });
  const answer: unknown = await response.json();
  return { ms: performance.now() - startedMs, answer: response.ok ? answer : null };
}

const json = (method: Request['method'], path: string, body: unknown): Request => ({
  method,
  path,
  type: 'application/json',
  body: JSON.stringify(body),
});

const hexOf = (values: Uint8Array, at: number): string =>
  Buffer.from(values.subarray(at * 32, at * 32 + 32)).toString('hex');

/** A hash of 64 digits needs its algorithm. */
const ownLookup = (hex: string): string => `/v1/hashes/${hex}?algorithm=pdq`;

const percentile99 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)]!;

/** Send the calls of one interface, one after the other. */
async function measure(
  url: string,
  { calls, isRight }: Pair,
  request: (at: number) => Request,
): Promise<{ readonly cells: readonly (string | number)[]; readonly right: number }> {
  // Connections and code are warm.
  await send(url, request(0));
  const stop = startTreeClock();
  const sent: Sent[] = [];
  for (let at = 1; at <= calls; at++) sent.push(await send(url, request(at)));
  const spent = stop();
  const times = sent.map(({ ms }) => ms);
  const cells = [medianOf(times), percentile99(times), millisecondsOf(spent, calls)];
  return { cells, right: sent.filter(({ answer }) => isRight(answer)).length };
}

/** Entries that both interfaces change, one after the other: each changes its own. */
interface Added {
  readonly own: number[];
  readonly hma: number[];
}

function pairsOf(
  values: Uint8Array,
  files: readonly Buffer[],
  lists: Readonly<Record<keyof typeof BANKS, string>>,
  { smoke, added }: { readonly smoke: boolean; readonly added: Added },
): Pair[] {
  const calls = smoke ? 3 : 300;
  const images = smoke ? 2 : 100;
  const fresh = pdqLike(4 * (calls + 1), 77);
  let nextFresh = 0;
  const isFound = (answer: unknown) => /large/i.test(JSON.stringify(answer ?? {}));
  const form = (file: Buffer): FormData => {
    const parts = new FormData();
    parts.append('photo', new Blob([new Uint8Array(file)], { type: 'image/jpeg' }), 'photo.jpg');
    return parts;
  };
  const add = (which: keyof typeof BANKS): Pair => ({
    name: `add a PDQ hash to a ${which} list`,
    calls,
    own: () => json('POST', `/v1/lists/${lists[which]}/contents`, { pdq: hexOf(fresh, nextFresh++) }),
    hma: () => json('POST', `${DOOR}/c/bank/${BANKS[which]}/signal`, { pdq: hexOf(fresh, nextFresh++) }),
    isRight: (answer) => {
      const { contentId, id } = (answer ?? {}) as { readonly contentId?: number; readonly id?: number };
      if (which === 'large') (contentId === undefined ? added.hma : added.own).push((contentId ?? id)!);
      return (contentId ?? id) !== undefined;
    },
  });
  return [
    {
      name: 'look up a PDQ hash that is known',
      calls,
      own: (at) => ({ method: 'GET', path: ownLookup(hexOf(values, at)) }),
      hma: (at) => ({ method: 'GET', path: `${DOOR}/m/lookup?signal_type=pdq&signal=${hexOf(values, at)}` }),
      isRight: isFound,
    },
    {
      name: 'look up a photo, JPEG 500x375',
      calls: images,
      own: (at) => ({ method: 'POST', path: '/v1/check', type: 'image/jpeg', body: files[at % files.length]! }),
      hma: (at) => ({ method: 'POST', path: `${DOOR}/m/lookup`, body: form(files[at % files.length]!) }),
      isRight: (answer) => answer !== null,
    },
    add('small'),
    add('large'),
    {
      name: 'disable one of the large list',
      calls,
      own: (at) => json('PATCH', `/v1/lists/${lists.large}/contents/${added.own[at % calls]}`, { inactive: true }),
      hma: (at) =>
        json('PUT', `${DOOR}/c/bank/${BANKS.large}/content/${added.hma[at % calls]}`, { disable_until_ts: 0 }),
      isRight: (answer) => answer !== null,
    },
  ];
}

/** Add a hash, and look for it at once: how many of them are found by the very next call. */
async function foundAtOnce(url: string, count: number): Promise<number> {
  const values = pdqLike(count, 78);
  let found = 0;
  for (let at = 0; at < count; at++) {
    const pdq = hexOf(values, at);
    await send(url, json('POST', `${DOOR}/c/bank/${BANKS.small}/signal`, { pdq }));
    const { answer } = await send(url, { method: 'GET', path: `${DOOR}/m/lookup?signal_type=pdq&signal=${pdq}` });
    if (BANKS.small in ((answer ?? {}) as object)) found++;
  }
  return found;
}

/** The service's own rates, with the interface off and on. */
async function rates(
  service: Service,
  log: Logger,
  { smoke, values, files }: { readonly smoke: boolean; readonly values: Uint8Array; readonly files: readonly Buffer[] },
): Promise<BenchTable> {
  const serve = async (hma: 'off' | 'on') => {
    const server = await createServer({ ...service, config: { ...service.config, hma } }, log);
    return { server, url: await server.listen({ host: '127.0.0.1', port: 0 }) };
  };
  const [off, on] = [await serve('off'), await serve('on')];
  let failed = 0;
  const rate = async (url: string, requests: autocannon.Request[]): Promise<number> => {
    const result = await autocannon({ url, connections: 16, duration: smoke ? 1 : 4, requests });
    failed += result.non2xx + result.errors;
    return result['2xx'] / result.duration;
  };
  const hashes = Array.from({ length: 50 }, (_, at) => hexOf(values, at));
  const loads: [string, autocannon.Request[]][] = [
    ['GET /v1/hashes/{hash}', hashes.map((hash) => ({ method: 'GET', path: ownLookup(hash) }))],
    [
      'POST /v1/check/hashes, one item',
      hashes.map((pdq) => ({
        method: 'POST',
        path: '/v1/check/hashes',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ items: [{ pdq }] }),
      })),
    ],
    [
      'POST /v1/check, JPEG 500x375',
      files.map((body) => ({ method: 'POST', path: '/v1/check', headers: { 'content-type': 'image/jpeg' }, body })),
    ],
  ];
  const rows: (string | number)[][] = [];
  for (const [name, requests] of loads) {
    const { first, second, ratio } = await alternate(
      smoke ? 1 : 7,
      () => rate(off.url, requests),
      () => rate(on.url, requests),
    );
    rows.push([name, first, second, `${(ratio * 100).toFixed(1)} %`]);
  }
  await off.server.close();
  await on.server.close();
  return {
    title: "The service's own rates with the interface of HMA off and on, checks/s, 16 connections",
    notes: ['alternating in one run, median of seven pairs; client included'],
    columns: ['request', 'off', 'on', 'ratio'],
    rows,
    checksum: failed === 0 ? 'all answered' : `${failed} failed`,
  };
}

/** Make everyone's bank of many entries, and an empty one. Result: their lists. */
async function makeBanks(service: Service, values: Uint8Array): Promise<Record<keyof typeof BANKS, string>> {
  const { lists } = service.store;
  await lists.createList({ list: 'large', kind: 'match', radiusBits: 31, bank: BANKS.large });
  await lists.replaceEntries('large', listRows('pdq', values));
  await lists.createList({ list: 'small', kind: 'match', radiusBits: 31, bank: BANKS.small });
  await service.reload();
  return { large: 'large', small: 'small' };
}

export async function hma({ smoke, sizes }: BenchOptions): Promise<BenchTable[]> {
  const entries = sizes?.[0] ?? (smoke ? 1_000 : 1_000_000);
  const dataDir = tempFolder('hma');
  const flags = {
    dataDir,
    workers: '1',
    logLevel: 'silent',
    hma: 'on',
    queueImagesPerWorker: '64',
    cacheBytesMax: '0',
  };
  const config = readConfig({ env: {}, flags });
  const log = createLogger(config.logLevel);
  const service = await createService(config, { log, metrics: createMetrics() });
  const values = pdqLike(entries, 1);
  const lists = await makeBanks(service, values);
  const files = await uploads(smoke ? 2 : 16);
  const server = await createServer(service, log);
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const rows: (string | number)[][] = [];
  let right = 0;
  let sent = 0;
  for (const pair of pairsOf(values, files, lists, { smoke, added: { own: [], hma: [] } })) {
    const own = await measure(url, pair, pair.own);
    const door = await measure(url, pair, pair.hma);
    rows.push([pair.name, ...own.cells, ...door.cells]);
    right += own.right + door.right;
    sent += 2 * pair.calls;
  }
  const asked = smoke ? 2 : 100;
  const found = await foundAtOnce(url, asked);
  await server.close();
  const own = await rates(service, log, { smoke, values, files });
  await service.close();
  rmSync(dataDir, { recursive: true });
  const latencies: BenchTable = {
    title: `Calls one after the other, a list of ${entries.toLocaleString('en')} PDQ hashes, ms: own interface, then HMA's`,
    notes: [
      'CPU: processor time of a call, with that of the client, which is in the same process',
      `${found} of ${asked} added hashes were found by the next call; HMA finds one after its index is built and`,
      'loaded, each 60 and 30 seconds by its defaults',
    ],
    columns: ['call', 'own p50', 'p99', 'CPU', 'HMA p50', 'p99', 'CPU'],
    rows,
    checksum: `${right} of ${sent} right`,
  };
  return [latencies, own];
}
