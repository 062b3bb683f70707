/**
 * Sustained hash and image checks a second of this machine, over HTTP, client included, with a list of the national
 * size, and the time that 18.2 billion checks would take.
 */
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { availableParallelism } from 'node:os';
import autocannon from 'autocannon';
import { readConfig } from '../src/config/read-config.js';
import { createServer } from '../src/http/server.js';
import { createService } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';
import { createMetrics } from '../src/telemetry/prometheus.js';
import { hashesBySeed } from './index/data.js';
import { listRows, randomValues } from './list-rows.js';
import { nearCopy, pdqLike, seeded } from './pdq-like.js';
import { uploads } from './pictures.js';
import { microsecondsOf, type Spent, startTreeClock } from './processor.js';
import type { BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

/** The Dutch hash check service, 2020: its list, and its checks in one summer. */
const NATIONAL_ENTRIES = 3_200_000;
const NATIONAL_CHECKS = 18_200_000_000;
const NATIONAL_DAYS = 92;
const HIT_EVERY = 2_460;
const PEAK = 5;

const DAY_SECONDS = 86_400;
const HASHES_PER_REQUEST = 131_072;
const DIGESTS_PER_REQUEST = 1_048_576;
const SMOKE_SHRINKS = 64;

/** Not the seed of any piece of the list. */
const FRESH_SEED = 1_000_003;

interface Raw {
  readonly checked: number;
  readonly matched: number;
}

/** Post one body of raw values and return the response. */
function postRaw(url: string, algorithm: string, body: Buffer): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/check/hashes?algorithm=${algorithm}`,
      { method: 'POST', headers: { 'content-type': 'application/octet-stream', 'content-length': body.length } },
      async (response) => {
        try {
          let text = '';
          for await (const part of response.setEncoding('utf8')) text += String(part);
          if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${text}`);
          resolve(JSON.parse(text) as Raw);
        } catch (error) {
          reject(error as Error);
        }
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Return the number and time of checks for `seconds`, with two requests in flight. Errors: a response with unexpected counts. */
async function sustained(
  url: string,
  algorithm: string,
  body: Buffer,
  expected: Raw,
  seconds: number,
): Promise<{ readonly checked: number; readonly spent: Spent }> {
  await postRaw(url, algorithm, body);
  const stop = startTreeClock();
  const startedMs = performance.now();
  let checked = 0;
  const client = async () => {
    while (performance.now() - startedMs < seconds * 1000) {
      const answer = await postRaw(url, algorithm, body);
      if (answer.checked !== expected.checked || answer.matched !== expected.matched) {
        throw new Error(`${algorithm}: ${JSON.stringify(answer)} is not ${JSON.stringify(expected)}`);
      }
      checked += answer.checked;
    }
  };
  await Promise.all([client(), client()]);
  return { checked, spent: stop() };
}

const days = (perSecond: number) => NATIONAL_CHECKS / perSecond / DAY_SECONDS;
const coresFor = (perSecond: number) =>
  Math.ceil((((NATIONAL_CHECKS / (NATIONAL_DAYS * DAY_SECONDS)) * PEAK) / perSecond) * availableParallelism());

/** Describe a rate in two terminal lines. */
function inWords(what: string, perSecond: number): string[] {
  const cores = coresFor(perSecond);
  return [
    `${Math.round(perSecond).toLocaleString('en')} ${what}/s: 18.2 billion in ${Number(days(perSecond).toPrecision(2))} days on this machine;`,
    `  in ${NATIONAL_DAYS} days with a ${PEAK}-fold peak: ${cores} core${cores === 1 ? '' : 's'} like these`,
  ];
}

export async function headline({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const entries = smoke ? 2_000 : NATIONAL_ENTRIES;
  const seconds = smoke ? 0.5 : 60;
  const scale = smoke ? SMOKE_SHRINKS : 1;
  const dataDir = tempFolder('headline');
  const workers = availableParallelism();
  const config = readConfig({
    env: {},
    flags: { dataDir, port: '0', workers: String(workers), logLevel: 'silent', queueImagesPerWorker: '64' },
  });
  const log = createLogger(config.logLevel);
  const service = await createService(config, { log, metrics: createMetrics() });
  const server = await createServer(service, log);
  try {
    const known = { pdq: await hashesBySeed(entries), md5: randomValues(entries, 16, 2) };
    for (const algorithm of ['pdq', 'md5'] as const) {
      await service.store.lists.createList({ list: algorithm, kind: 'match', radiusBits: 31 });
      await service.store.lists.replaceEntries(algorithm, listRows(algorithm, known[algorithm]));
    }
    await service.reload();
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const rows: (string | number)[][] = [];
    const words: string[] = [];
    const add = (name: string, perSecond: number, us: number | '-') =>
      rows.push([name, perSecond, us, days(perSecond), coresFor(perSecond)]);

    const random = seeded(3);
    for (const [algorithm, count, width, what] of [
      ['pdq', HASHES_PER_REQUEST / scale, 32, 'PDQ checks at radius 31'],
      ['md5', DIGESTS_PER_REQUEST / scale, 16, 'MD5 checks'],
    ] as const) {
      const asked = Buffer.from(algorithm === 'pdq' ? pdqLike(count, FRESH_SEED) : randomValues(count, width, 8));
      for (let at = 0; at < count; at += HIT_EVERY) {
        const entry = Math.floor(random() * entries) * width;
        const value = known[algorithm].subarray(entry, entry + width);
        asked.set(algorithm === 'pdq' ? nearCopy(value, 12, random) : value, at * width);
      }
      const matched = Math.ceil(count / HIT_EVERY);
      const { checked, spent } = await sustained(url, algorithm, asked, { checked: count, matched }, seconds);
      const perSecond = checked / spent.seconds;
      add(`POST /v1/check/hashes, raw ${algorithm}`, perSecond, microsecondsOf(spent, checked));
      words.push(...inWords(what, perSecond));
    }

    const single = Array.from({ length: 64 }, (_, at) => ({
      method: 'POST' as const,
      path: '/v1/check/hashes',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ items: [{ pdq: Buffer.from(pdqLike(1, 100 + at)).toString('hex') }] }),
    }));
    const stopOne = startTreeClock();
    const one = await autocannon({ url, connections: smoke ? 2 : 10, duration: smoke ? 1 : 20, requests: single });
    const ofOne = microsecondsOf(stopOne(), one['2xx']);
    add(`POST /v1/check/hashes, one item, p99 ${one.latency.p99} ms`, one['2xx'] / one.duration, ofOne);

    const files = await uploads(smoke ? 2 : 32);
    const upload = { method: 'POST' as const, headers: { 'content-type': 'image/jpeg' } };
    // The decoder process starts with the first image; that time is not part of a sustained rate.
    for (const body of files.slice(0, 2)) await fetch(`${url}/v1/check`, { ...upload, body: new Uint8Array(body) });
    const stopPictures = startTreeClock();
    const pictures = await autocannon({
      url,
      connections: smoke ? 2 : 16,
      duration: smoke ? 1 : seconds,
      requests: files.map((body) => ({ ...upload, path: '/v1/check', body })),
    });
    const picturesPerSecond = pictures['2xx'] / pictures.duration;
    const ofPicture = microsecondsOf(stopPictures(), pictures['2xx']);
    add('POST /v1/check, JPEG 500x375, all orientations', picturesPerSecond, ofPicture);
    words.push(...inWords('images', picturesPerSecond));
    const refused = one.non2xx + one.errors + pictures.non2xx + pictures.errors;
    return {
      title: `Headline: ${entries.toLocaleString('en')} PDQ and MD5 entries, ${workers} cores, ${seconds} s each, client included`,
      notes: [
        ...words,
        'CPU: processor time of a check, with that of the client, which is in the same process',
        `the national service of 2020 made ${(NATIONAL_CHECKS / 1e9).toFixed(1)} billion checks in ${NATIONAL_DAYS} days, one hit in ${HIT_EVERY.toLocaleString('en')}`,
      ],
      columns: ['request', 'checks/s', 'CPU us', 'days for 18.2 bn', 'cores needed'],
      rows,
      checksum: refused === 0 ? 'all responses as expected' : `${refused} failed`,
    };
  } finally {
    await server.close();
    await service.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
