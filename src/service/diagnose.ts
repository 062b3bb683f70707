/**
 * What an operator asks of a machine before or while Zeef runs on it: one line a part, ok, warn or fail. Each part is tried by itself
 * and in bounded time, so that one failure hides no other. Nothing is made: a folder or a store that is missing is reported.
 */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { healthUrl } from '../config/health-url.js';
import type { Config } from '../config/knobs.js';
import { shownValue } from '../config/read-config.js';
import { askHealth } from '../core/ask-health.js';
import { AppError } from '../core/errors.js';
import { SAMPLE_IMAGES } from '../core/package-root.js';
import { systemWords } from '../core/system-words.js';
import { hamming256 } from '../kernels/hamming.js';
import { LISTS_FILE } from '../sqlite/lists/file-name.js';
import { isLive } from '../store/keys-contract.js';
import type { Logger } from '../telemetry/log.js';
import { NO_METRICS } from '../telemetry/metrics.js';
import { createDecoder, lackOfMemory } from './decoder.js';
import { type Env, type OpenedStore, storeFrom } from './open-stores.js';

interface Finding {
  readonly part: 'folder' | 'database' | 'disk' | 'keys' | 'lists' | 'decoder' | 'clock' | 'port';
  readonly state: 'ok' | 'warn' | 'fail';
  readonly says: string;
}
type Result = Omit<Finding, 'part'>;

/** A part that has not answered by then is reported as failed: a database that drops packets would hold the command for ever. */
const PART_MS_MAX = 30_000;
const FREE_BYTES_MIN = 1_000_000_000;
const SYNCS = 20;
const SYNC_BYTES = 4_096;
/** Each group of answers waits for one sync: a slower disk bounds the rate of checks. */
const SYNC_MS_MAX = 20;
const LIST_DAYS_MAX = 30;
const DAY_MS = 86_400_000;
/** As `SKEW_MS_MAX` of readiness. */
const SKEW_MS_MAX = 2_000;
const HEALTH_MS_MAX = 2_500;
/** With `hashlists/sample/pictures/expected.csv`: a hash that another program computed. */
const SAMPLE = [
  'lomiri-greentock-by-peter-nerlich.jpg',
  '6d323984e6c19cc9c6327a668d37f1d21e49436d2834df9610db424dc9a5bfb9',
] as const;

/** Decoders differ in a few bits of a hash. */
const SAMPLE_BITS_MAX = 12;

const ok = (says: string): Result => ({ state: 'ok', says });
const warn = (says: string): Result => ({ state: 'warn', says });
const fail = (says: string): Result => ({ state: 'fail', says });

interface Place {
  readonly config: Config;
  readonly log: Logger;
  readonly env: Env;
  readonly configFile: string | null;
}

function wordsOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const { path } = error as NodeJS.ErrnoException;
  return path === undefined ? systemWords(error) : `${path}: ${systemWords(error)}`;
}

/** Try one part. Errors are findings. */
async function tried(part: Finding['part'], run: () => Promise<Result>): Promise<Finding> {
  const limit = new AbortController();
  const late = delay(PART_MS_MAX, fail(`no answer in ${PART_MS_MAX / 1_000} s`), { signal: limit.signal });
  late.catch(() => {});
  try {
    return { part, ...(await Promise.race([run(), late])) };
  } catch (error) {
    return { part, ...fail(wordsOf(error)) };
  } finally {
    limit.abort();
  }
}

/** Whether a folder that is missing can be made: one beside it is made, and removed. */
async function missingState(path: string): Promise<Result> {
  let parent = dirname(resolve(path));
  while (!existsSync(parent)) parent = dirname(parent);
  try {
    await rm(await mkdtemp(join(parent, '.zeef-doctor-')), { recursive: true });
  } catch (error) {
    return fail(`${path} cannot be made in ${parent}: ${systemWords(error)}`);
  }
  return warn(`${path} does not exist yet: zeef serve makes it`);
}

/** The folder of all stored data, or of the temporary files of a store in PostgreSQL. */
async function folderState({ dataDir }: Config): Promise<Result> {
  if (!existsSync(dataDir)) return missingState(dataDir);
  if (!statSync(dataDir).isDirectory()) return fail(`${dataDir} is not a folder`);
  accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  const says = `${dataDir}, ${(free / 1e9).toFixed(1)} GB free`;
  return free < FREE_BYTES_MIN ? warn(`${says}: little room`) : ok(says);
}

/** Measure a write with its sync, as a group of answers is recorded. */
async function diskState({ dataDir, databaseUrl, ledgerSync }: Config): Promise<Result> {
  if (databaseUrl !== '') return ok('not measured: answers are recorded by the database');
  if (!existsSync(dataDir)) return warn('not measured: no data folder');
  const folder = await mkdtemp(join(dataDir, '.doctor-'));
  try {
    const file = await open(join(folder, 'sync'), 'w');
    const times: number[] = [];
    try {
      for (let at = 0; at < SYNCS; at++) {
        const startMs = performance.now();
        await file.write(Buffer.alloc(SYNC_BYTES, at + 1), 0, SYNC_BYTES, at * SYNC_BYTES);
        await file.sync();
        times.push(performance.now() - startMs);
      }
    } finally {
      await file.close();
    }
    times.sort((a, b) => a - b);
    const median = times[SYNCS >> 1]!;
    const says = `a sync takes ${median.toFixed(1)} ms, ${times.at(-1)!.toFixed(1)} ms at most, of ${SYNCS}`;
    const waits = ledgerSync === 'hits' ? 'answers with a hit wait for it' : 'every answer waits for it';
    if (median <= SYNC_MS_MAX) return ok(`${says}; ${waits}`);
    return warn(`${says}: slow, ${waits}${ledgerSync === 'hits' ? '' : '; see ZEEF_LEDGER_SYNC'}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function masterKeyState({ listKey, listKeyFile, databaseUrl }: Config): Result {
  if (listKey !== '') return warn('master key from ZEEF_LIST_KEY, which other programs may see: prefer a file');
  if (listKeyFile === '')
    return databaseUrl === ''
      ? ok('master key in the data folder: keep a copy elsewhere')
      : ok('master key in the data folder');
  const isOpen = (statSync(listKeyFile).mode & 0o077) !== 0;
  return isOpen ? warn(`master key in ${listKeyFile}, which others may read`) : ok(`master key in ${listKeyFile}`);
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.');

async function keysState(config: Config, store: OpenedStore): Promise<Result> {
  const live = (await store.keys.keys(null)).filter((key) => isLive(key, Date.now())).length;
  const master = masterKeyState(config);
  const says = `${live} live API ${live === 1 ? 'key' : 'keys'}; ${master.says}`;
  if (live === 0 && !isLoopback(config.host)) return fail(`${says}; ${config.host} is public and needs a key`);
  return live === 0
    ? { state: master.state, says: `${says}; without keys this machine alone is served` }
    : { state: master.state, says };
}

const daysSince = (time: string) => Math.floor((Date.now() - Date.parse(time)) / DAY_MS);

async function listsState({ lists }: OpenedStore): Promise<Result> {
  const all = (await lists.lists()).filter(({ kind }) => kind === 'match');
  const live = all.filter(({ enabled, entryCount }) => enabled && entryCount > 0);
  if (live.length === 0) return fail(`no list is in force (${all.length} stored): every check is not_checked`);
  const ages = live.map(({ list, entryCount, importedAt }) => ({
    list,
    entryCount,
    days: importedAt === null ? null : daysSince(importedAt),
  }));
  const says = ages
    .map(({ list, entryCount, days }) => `${list} ${entryCount} entries${days === null ? '' : `, ${days} days old`}`)
    .join('; ');
  const held: string[] = [];
  for (const { list } of all) if ((await lists.versions(list)).some(({ state }) => state === 'held')) held.push(list);
  if (held.length > 0) return warn(`${says}; a version is held: ${held.join(', ')}`);
  return ages.some(({ days }) => days !== null && days > LIST_DAYS_MAX)
    ? warn(`${says}; over ${LIST_DAYS_MAX} days`)
    : ok(says);
}

/** A clock that is behind what is stored was set back: cases would begin before those of yesterday. */
async function clockState(store: OpenedStore): Promise<Result> {
  const replicas = (await store.replicas.replicas()).filter(({ isLive }) => isLive);
  const skews = replicas.map(({ skewMs }) => Math.abs(skewMs));
  if (Math.max(0, ...skews) > SKEW_MS_MAX)
    return fail(`clocks of processes differ by ${Math.max(...skews)} ms from the database's`);
  const times = (await store.lists.lists()).flatMap(({ importedAt }) =>
    importedAt === null ? [] : [Date.parse(importedAt)],
  );
  const aheadMs = Math.max(0, ...times) - Date.now();
  const now = new Date().toISOString();
  return aheadMs > SKEW_MS_MAX ? fail(`${now} is ${Math.round(aheadMs / 1_000)} s before the newest import`) : ok(now);
}

async function decoderState({ config, log, env, configFile }: Place): Promise<Result> {
  const place = { isServing: false, startsAtOnce: false, readsFiles: false, configFile };
  const decoder = createDecoder({ ...config, workers: 1 }, { metrics: NO_METRICS, log, env, decoder: place });
  try {
    const [name, expected] = SAMPLE;
    const bytes = readFileSync(join(SAMPLE_IMAGES, name));
    const startMs = performance.now();
    const wants = {
      digests: [],
      orientations: 'none',
      families: 'both',
      algorithms: ['pdq'],
      frames: 1,
      detail: 'plain',
    } as const;
    const engine = await decoder.engine();
    const reply = await engine.hashBytes(bytes, wants);
    if (!reply.ok) return fail(`an image of the sample is ${reply.reason}`);
    const hashes = reply.views.flatMap(({ families }) => families.flatMap(({ hashes: each }) => each));
    const distances = hashes.map((hash) => hamming256(hash, Buffer.from(expected, 'hex')));
    if (Math.min(...distances) > SAMPLE_BITS_MAX) return fail('an image of the sample has another hash');
    const { layers } = decoder;
    const says = `hashes an image of the sample, in ${Math.round(performance.now() - startMs)} ms with its start`;
    const isOpen = config.decoderSandbox !== 'off' && !(layers.networkNamespace && layers.filesHidden);
    if (isOpen) return warn(`${says}; its sandbox is not complete (docs/operations.md)`);
    const lack = lackOfMemory(config);
    return lack === null ? ok(says) : warn(`${says}; ${lack}`);
  } finally {
    await decoder.close();
  }
}

/** Try to listen where the service would; where a service answers already, that is in order. */
async function portState({ host, port }: Config): Promise<Result> {
  const at = `${host} port ${port}`;
  const server = createServer();
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port }, () => server.close(() => resolve(null)));
  });
  if (error === null) return ok(`${at} is free`);
  if (error.code !== 'EADDRINUSE') return fail(`${at}: ${systemWords(error)}`);
  const { ok: answers } = await askHealth(healthUrl({ env: {}, flags: { host, port: String(port) } }), HEALTH_MS_MAX);
  return answers
    ? ok(`${at}: a service answers there`)
    : fail(`${at} is used by another program, or by a service that does not answer`);
}

/** The parts that are read from the store; all fail alike where it cannot be opened. */
async function storeFindings(place: Place): Promise<Finding[]> {
  const { config, log, env } = place;
  const isShared = config.databaseUrl !== '';
  if (!isShared && !existsSync(join(config.dataDir, LISTS_FILE))) {
    const none = 'no store yet: zeef lists import, or zeef serve --sample';
    return [
      { part: 'keys', ...warn(none) },
      { part: 'lists', ...fail(`no list is in force; ${none}`) },
      { part: 'clock', ...ok(new Date().toISOString()) },
    ];
  }
  let store: OpenedStore | undefined;
  const where = isShared ? shownValue('databaseUrl', config) : join(config.dataDir, LISTS_FILE);
  const opened = await tried(isShared ? 'database' : 'folder', async () => {
    store = await storeFrom(config, { log, metrics: NO_METRICS, env });
    return ok(`${where} opens`);
  });
  if (store === undefined) return [opened];
  const from = store;
  try {
    return [
      ...(isShared ? [opened] : []),
      await tried('keys', () => keysState(config, from)),
      await tried('lists', () => listsState(from)),
      await tried('clock', () => clockState(from)),
    ];
  } finally {
    await store.close();
  }
}

/** Return what is in order, and what is not. Errors none: each is a finding. */
export async function diagnose(place: Place): Promise<readonly Finding[]> {
  const { config } = place;
  return [
    await tried('folder', () => folderState(config)),
    await tried('disk', () => diskState(config)),
    ...(await storeFindings(place)),
    await tried('decoder', () => decoderState(place)),
    await tried('port', () => portState(config)),
  ];
}
