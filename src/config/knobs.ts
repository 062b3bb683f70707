/**
 * All knobs, and the other `ZEEF_*` variables. Each knob has a `ZEEF_*` name, a unit, a default, a range and a reason; a test
 * keeps `docs/configuration.md` equal to both tables. No room reads the environment; `main.ts` passes it down.
 */

import { availableParallelism } from 'node:os';
import { DEGRADED_VERDICTS } from '../core/vocabulary.js';
import { DETAILS, POSSIBLE_PLACES } from '../core/window.js';
import {
  BATCH_ITEMS_MAX,
  BODY_BYTES_IN_FLIGHT_MAX,
  FLOOD_FILES_MAX,
  IMAGE_BYTES_MAX,
  IMAGE_CACHE_BYTES_MAX,
  IMAGE_DECODE_MS_MAX,
  IMAGE_MEMORY_BYTES_MAX,
  IMAGE_PIXELS_MAX,
  QUEUE_IMAGES_PER_WORKER_MAX,
  RADIUS_BITS_DEFAULT,
  TENANT_CONCURRENT_REQUESTS_MAX,
} from './defaults.js';
import { choice, fetchedHosts, hostNames, type Knob, numberOrNone, path, text, whole, wholes } from './knob.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const INDEX_KINDS = ['ring', 'linear', 'hnsw'] as const;
const ON_OFF = ['on', 'off'] as const;
const LEDGER_SYNCS = ['answers', 'hits'] as const;
const SANDBOX_CHOICES = ['auto', 'require', 'off'] as const;
const ADAPTERS = ['none', 'pict-rs'] as const;
const FAILS = ['closed', 'open'] as const;
const VECTOR_INDEX_KINDS = ['hnsw', 'linear'] as const;

const DAY_MS = 86_400_000;

export const KNOBS = {
  host: {
    env: 'ZEEF_HOST',
    unit: 'address',
    default: '127.0.0.1',
    ...text(1, 255),
    why: 'address to listen on; any address but loopback requires API keys',
  },
  port: {
    env: 'ZEEF_PORT',
    unit: 'TCP port',
    default: 8080,
    ...whole(0, 65_535),
    why: '0: the system chooses a free port',
  },
  allowedHosts: {
    env: 'ZEEF_ALLOWED_HOSTS',
    unit: 'names',
    default: '',
    ...hostNames(),
    why: 'names that `Host` may have, beside loopback, while no key exists: another name is a website that was pointed at this machine',
  },
  urlHosts: {
    env: 'ZEEF_URL_HOSTS',
    unit: 'names',
    default: '',
    ...fetchedHosts(),
    why: 'hosts that `POST /v1/check` fetches an image from where a client sends its address; none by default, and never one with an address that is not public',
  },
  dataDir: {
    env: 'ZEEF_DATA_DIR',
    unit: 'folder',
    default: 'zeef-data',
    ...text(1, 4096),
    why: 'folder of all stored data; keep it on a disk that honours fsync',
  },
  databaseUrl: {
    env: 'ZEEF_DATABASE_URL',
    unit: 'postgres:// URL',
    default: '',
    ...text(0, 4096),
    shown: 'place',
    why: 'PostgreSQL 15 or newer, shared by processes on several machines, in place of the SQLite files; it may name several hosts',
  },
  blobs: {
    env: 'ZEEF_BLOBS',
    unit: 'folder or s3://bucket/prefix',
    default: '',
    ...text(0, 4096),
    shown: 'place',
    why: 'bodies of import jobs, one place for all processes of a store in PostgreSQL; by default they are in the database',
  },
  listKey: {
    env: 'ZEEF_LIST_KEY',
    unit: '32 bytes as hex or base64',
    default: '',
    ...text(0, 64),
    shown: 'never',
    why: 'master key that seals list values at rest; prefer a file, since an environment is easily exposed',
  },
  listKeyFile: {
    env: 'ZEEF_LIST_KEY_FILE',
    unit: 'file',
    default: '',
    ...text(0, 4096),
    why: 'file with the master key; with no key set, `list.key` is created in the data folder: keep the key elsewhere',
  },
  workers: {
    env: 'ZEEF_WORKERS',
    unit: 'threads',
    default: availableParallelism(),
    ...whole(1, 256),
    why: 'decoding is CPU-bound: one thread per processor; the default is the processor count of this machine',
  },
  index: {
    env: 'ZEEF_INDEX',
    unit: 'kind',
    default: 'ring',
    ...choice(INDEX_KINDS),
    why: 'ring is exact and fast; linear is the slow oracle; hnsw is approximate and reports it in its answers',
  },
  radiusBits: {
    env: 'ZEEF_RADIUS_BITS',
    unit: 'bits, inclusive',
    default: RADIUS_BITS_DEFAULT,
    ...whole(0, 256),
    why: 'radius of a new list; the default is the starting point that the PDQ authors suggest',
  },
  detail: {
    env: 'ZEEF_DETAIL',
    unit: 'choice',
    default: 'plain',
    ...choice(DETAILS),
    why: 'detail of a new list: how far an image is searched for copies of its entries, the whole image alone, found parts of it too, or all windows',
  },
  windowRadiusBits: {
    env: 'ZEEF_WINDOW_RADIUS_BITS',
    unit: 'bits, inclusive',
    default: 31,
    ...whole(0, 31),
    why: 'largest distance of a window that matches, beside the radius of the list: a window is one guess of a hundred',
  },
  windowWrongBitsMax: {
    env: 'ZEEF_WINDOW_WRONG_BITS_MAX',
    unit: 'bits of 128, inclusive',
    default: 6,
    ...whole(0, 128),
    why: 'certain bits of a window that a match may have wrong: copies have 4 at most in 99 of 100 cases, strangers 13 at least',
  },
  possible: {
    env: 'ZEEF_POSSIBLE',
    unit: 'choice',
    default: 'cases',
    ...choice(POSSIBLE_PLACES),
    why: 'where an entry is named that a window is possibly of, though it does not match: nowhere, in cases that a person decides, or in answers too',
  },
  possibleRadiusBits: {
    env: 'ZEEF_POSSIBLE_RADIUS_BITS',
    unit: 'bits, inclusive',
    default: 47,
    ...whole(0, 47),
    why: 'largest distance of such a window: the index searches no farther without comparing every entry',
  },
  possibleWrongBitsMax: {
    env: 'ZEEF_POSSIBLE_WRONG_BITS_MAX',
    unit: 'bits of 128, inclusive',
    default: 14,
    ...whole(0, 128),
    why: 'certain bits that it may have wrong: 95 of 100 copies at 32 to 47 bits have at most 14, strangers 20 at least',
  },
  photodnaIndex: {
    env: 'ZEEF_PHOTODNA_INDEX',
    unit: 'kind',
    default: 'hnsw',
    ...choice(VECTOR_INDEX_KINDS),
    why: 'hnsw is approximate and reports it; linear compares every entry exactly, about 15 ms per million',
  },
  photodnaRadius: {
    env: 'ZEEF_PHOTODNA_RADIUS',
    unit: 'L2, inclusive',
    default: 'none',
    ...numberOrNone(0, 3_060),
    why: 'PhotoDNA is licensed, and its licensee sets the radius; without a radius PhotoDNA items are refused',
  },
  imageBytesMax: {
    env: 'ZEEF_IMAGE_BYTES_MAX',
    unit: 'bytes',
    default: IMAGE_BYTES_MAX,
    ...whole(1_000, 1_000_000_000),
    why: 'larger files are reported as not_checked: too_large',
  },
  imagePixelsMax: {
    env: 'ZEEF_IMAGE_PIXELS_MAX',
    unit: 'pixels',
    default: IMAGE_PIXELS_MAX,
    ...whole(25, 1_000_000_000),
    why: 'larger images are refused from the header, before memory or time is spent',
  },
  decodeMsMax: {
    env: 'ZEEF_DECODE_MS_MAX',
    unit: 'milliseconds',
    default: IMAGE_DECODE_MS_MAX,
    ...whole(100, 600_000),
    why: 'processor time of an image: after it the decoder is replaced, and the image reported as not_checked: timeout; waiting and starting are not counted',
  },
  degraded: {
    env: 'ZEEF_DEGRADED',
    unit: 'choice',
    default: 'no_match',
    ...choice(DEGRADED_VERDICTS),
    why: 'verdict of an image that is slightly damaged, of which the rest was searched and matches nothing; badly damaged ones are not_checked',
  },
  imageMemoryBytesMax: {
    env: 'ZEEF_IMAGE_MEMORY_BYTES_MAX',
    unit: 'bytes of RSS',
    default: IMAGE_MEMORY_BYTES_MAX,
    ...whole(268_435_456, 1_099_511_627_776),
    why: 'per image in flight: large images wait until their estimated memory is free, and a decoder process that exceeds this times its workers is replaced',
  },
  decoderSandbox: {
    env: 'ZEEF_DECODER_SANDBOX',
    unit: 'choice',
    default: 'auto',
    ...choice(SANDBOX_CHOICES),
    why: 'auto: what the machine allows; require: no start without hidden files and network namespace; off: for a search for faults',
  },
  queueImagesPerWorker: {
    env: 'ZEEF_QUEUE_IMAGES_PER_WORKER',
    unit: 'images',
    default: QUEUE_IMAGES_PER_WORKER_MAX,
    ...whole(1, 10_000),
    why: 'beyond this the service returns 503 QUEUE_FULL: a fast refusal is better than a slow answer',
  },
  floodFiles: {
    env: 'ZEEF_FLOOD_FILES',
    unit: 'files an hour',
    default: FLOOD_FILES_MAX,
    ...whole(0, 1_000_000),
    why: 'an entry that matches at more places of one tenant than this is marked until an operator decides; 0: never',
  },
  floodHold: {
    env: 'ZEEF_FLOOD_HOLD',
    unit: 'on or off',
    default: 'off',
    ...choice(ON_OFF),
    why: 'on: webhooks do not send hits of marked entries until an operator releases the entry; the takedown clock runs',
  },
  cacheBytesMax: {
    env: 'ZEEF_CACHE_BYTES_MAX',
    unit: 'bytes',
    default: IMAGE_CACHE_BYTES_MAX,
    ...whole(0, 1_099_511_627_776),
    why: 'hashes of images seen before, about 1.5 kB each, in the service and again in the decoder process; 0: no cache',
  },
  takedownHours: {
    env: 'ZEEF_TAKEDOWN_HOURS',
    unit: 'hours, rising',
    default: '1,12,24',
    ...wholes(1, 8_760, 8),
    why: 'deadlines of the takedown clock; one country requires 24 by law, another 1',
  },
  keepHitsDays: {
    env: 'ZEEF_KEEP_HITS_DAYS',
    unit: 'days',
    default: 0,
    ...whole(0, 36_500),
    why: 'closed hits are erased this long after closing; 0 keeps them for ever; open hits are never erased',
  },
  keepHoursDays: {
    env: 'ZEEF_KEEP_HOURS_DAYS',
    unit: 'days',
    default: 0,
    ...whole(0, 36_500),
    why: 'hourly counts are dropped after this time, daily counts never; 0 keeps them for ever',
  },
  ledger: {
    env: 'ZEEF_LEDGER',
    unit: 'on or off',
    default: 'on',
    ...choice(ON_OFF),
    why: 'off is for measuring the cost of the ledger: no hit and no count is recorded',
  },
  ledgerSync: {
    env: 'ZEEF_LEDGER_SYNC',
    unit: 'choice',
    default: 'answers',
    ...choice(LEDGER_SYNCS),
    why: 'answers: each waits for its sync; hits: a service syncs counts alone within 100 ms, so a power cut may lose those, and no hit: for slow disks',
  },
  readyNeedsList: {
    env: 'ZEEF_READY_NEEDS_LIST',
    unit: 'on or off',
    default: 'on',
    ...choice(ON_OFF),
    why: 'on: /readyz is 503 while no list is in force, since nothing can match; off: where lists arrive over HTTP through a balancer',
  },
  adapters: {
    env: 'ZEEF_ADAPTERS',
    unit: 'choice',
    default: 'none',
    ...choice(ADAPTERS),
    why: 'pict-rs: `POST /adapters/pict-rs/{key}` answers, whose key is in the path since pict-rs sends no header; none: it is 404',
  },
  hma: {
    env: 'ZEEF_HMA',
    unit: 'on or off',
    default: 'off',
    ...choice(ON_OFF),
    why: 'on: clients of Hasher-Matcher-Actioner (HMA) find its calls under `ZEEF_HMA_PREFIX`; off: they are 503, and never 404, at which some delete what they know',
  },
  hmaPrefix: {
    env: 'ZEEF_HMA_PREFIX',
    unit: 'path',
    default: '/hma',
    ...path(),
    why: 'where the calls of HMA are, also with a key in the path behind it; /: at the root, for clients that take no path',
  },
  verdictFails: {
    env: 'ZEEF_VERDICT_FAILS',
    unit: 'choice',
    default: 'closed',
    ...choice(FAILS),
    why: 'status of a file that could not be checked, of `/v1/verdict` and adapters: closed: 503, so it is refused; open: 200, so it passes; in both it is on record',
  },
  batchItemsMax: {
    env: 'ZEEF_BATCH_ITEMS_MAX',
    unit: 'items',
    default: BATCH_ITEMS_MAX,
    ...whole(1, 1_000_000),
    why: 'hashes in one request; more costs memory, not speed',
  },
  bodyBytesInFlightMax: {
    env: 'ZEEF_BODY_BYTES_IN_FLIGHT_MAX',
    unit: 'bytes',
    default: BODY_BYTES_IN_FLIGHT_MAX,
    ...whole(33_554_432, 1_099_511_627_776),
    why: 'memory for all requests whose bodies arrive or are processed, an eighth of it for small ones; beyond this the service returns 503 BODIES_IN_FLIGHT',
  },
  requestTimeoutMs: {
    env: 'ZEEF_REQUEST_TIMEOUT_MS',
    unit: 'milliseconds',
    default: 30_000,
    ...whole(1_000, 3_600_000),
    why: 'a request still incomplete by then is cut off, and so is an answer of which nothing is read for so long: neither must hold connections',
  },
  shutdownMs: {
    env: 'ZEEF_SHUTDOWN_MS',
    unit: 'milliseconds',
    default: 10_000,
    ...whole(0, DAY_MS),
    why: 'on SIGTERM, time to drain in-flight requests before the process exits anyway',
  },
  tenantChecksPerSecond: {
    env: 'ZEEF_TENANT_CHECKS_PER_SECOND',
    unit: 'checks a second',
    default: 0,
    ...whole(0, 1_000_000_000),
    why: 'for tenants without their own limit; 0: no limit, since only the provider knows the usual rate',
  },
  tenantChecksBurst: {
    env: 'ZEEF_TENANT_CHECKS_BURST',
    unit: 'checks',
    default: 0,
    ...whole(0, 1_000_000_000),
    why: 'accepted at once after a pause; the largest JSON batch of a tenant with a rate; 0: ten seconds of the rate',
  },
  tenantChecksPerDay: {
    env: 'ZEEF_TENANT_CHECKS_PER_DAY',
    unit: 'checks a day (UTC)',
    default: 0,
    ...whole(0, 1_000_000_000_000_000),
    why: 'per tenant; 0: no limit',
  },
  tenantBytesPerDay: {
    env: 'ZEEF_TENANT_BYTES_PER_DAY',
    unit: 'bytes a day (UTC)',
    default: 0,
    ...whole(0, 1_000_000_000_000_000),
    why: 'request bodies, per tenant; 0: no limit',
  },
  tenantDistinctHashesPerDay: {
    env: 'ZEEF_TENANT_DISTINCT_HASHES_PER_DAY',
    unit: 'hashes a day (UTC)',
    default: 0,
    ...whole(0, 1_000_000_000_000),
    why: 'distinct values per tenant, estimated within about 2 %: guessing at a list takes ever new values; 0: no limit',
  },
  tenantConcurrentRequests: {
    env: 'ZEEF_TENANT_CONCURRENT_REQUESTS',
    unit: 'requests',
    default: TENANT_CONCURRENT_REQUESTS_MAX,
    ...whole(0, 1_000_000),
    why: 'in flight, per tenant, divided among processes: slow uploads of one tenant must not block the rest; 0: no limit',
  },
  tenantEntriesMax: {
    env: 'ZEEF_TENANT_ENTRIES_MAX',
    unit: 'entries',
    default: 10_000_000,
    ...whole(0, 1_000_000_000),
    why: 'of the lists of one tenant together: beyond this none is added one by one, since each takes some 140 bytes of the memory of every process',
  },
  alarmedChecksPerSecond: {
    env: 'ZEEF_ALARMED_CHECKS_PER_SECOND',
    unit: 'checks a second',
    default: 0,
    ...whole(0, 1_000_000),
    why: 'for a tenant with a probing alarm, until an administrator clears it; 0: the alarm is only reported',
  },
  logLevel: {
    env: 'ZEEF_LOG_LEVEL',
    unit: 'level',
    default: 'info',
    ...choice(LOG_LEVELS),
    why: 'info is one line per request; hashes of lists are never logged, at any level',
  },
} as const satisfies Record<string, Knob>;

/** `ZEEF_*` variables that are not knobs: the configuration file cannot set them. */
export const OTHER_VARIABLES = {
  ZEEF_CONFIG: 'JSON file of knobs, used without `--config`',
  ZEEF_SERVER_KEY: 'API key for `zeef scan --server`, used without `--key`: other users of the machine can see flags',
  ZEEF_CORPUS: 'folder of the test corpus, for tests and benches',
  ZEEF_TEST_PG: 'folder with the programs of a PostgreSQL, for tests and benches; by default those of the npm package',
} as const satisfies Record<`ZEEF_${string}`, string>;

export type KnobName = keyof typeof KNOBS;
type ValueOf<K extends KnobName> = ReturnType<(typeof KNOBS)[K]['parse']>;
/** Values of all knobs, frozen; passed down as an argument. */
export type Config = { readonly [K in KnobName]: ValueOf<K> };

/** All `ZEEF_*` names that are accepted in the environment. */
export const KNOWN_VARIABLES: ReadonlySet<string> = new Set([
  ...Object.values(KNOBS).map(({ env }) => env),
  ...Object.keys(OTHER_VARIABLES),
]);
