/**
 * The one page of knobs, and of the variables that are none. Each knob has a `ZEEF_*` name, a unit, a default, a range
 * and a reason; `docs/configuration.md` is held to both tables by a test. No room reads the environment; `main.ts` passes it down.
 */
import { availableParallelism } from 'node:os';
import {
  BATCH_ITEMS_MAX,
  FLOOD_FILES_MAX,
  IMAGE_BYTES_MAX,
  IMAGE_CACHE_BYTES_MAX,
  IMAGE_DECODE_MS_MAX,
  IMAGE_MEMORY_BYTES_MAX,
  IMAGE_PIXELS_MAX,
  QUEUE_IMAGES_PER_WORKER_MAX,
  RADIUS_BITS_DEFAULT,
  TENANT_CONCURRENT_REQUESTS_MAX,
} from '../core/limits.js';
import { choice, type Knob, numberOrNone, text, whole, wholes } from './knob.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const INDEX_KINDS = ['ring', 'linear', 'hnsw'] as const;
const LEDGER_CHOICES = ['on', 'off'] as const;
const VECTOR_INDEX_KINDS = ['hnsw', 'linear'] as const;

const DAY_MS = 86_400_000;

export const KNOBS = {
  host: {
    env: 'ZEEF_HOST',
    unit: 'address',
    default: '127.0.0.1',
    ...text(1, 255),
    why: 'where the service listens; anything but loopback needs keys',
  },
  port: {
    env: 'ZEEF_PORT',
    unit: 'TCP port',
    default: 8080,
    ...whole(0, 65_535),
    why: '0 lets the system choose one',
  },
  dataDir: {
    env: 'ZEEF_DATA_DIR',
    unit: 'folder',
    default: 'zeef-data',
    ...text(1, 4096),
    why: 'everything that Zeef stores lies here; keep it on a disk that honours fsync',
  },
  listKey: {
    env: 'ZEEF_LIST_KEY',
    unit: '32 bytes as hex or base64',
    default: '',
    ...text(0, 64),
    why: 'the master key that list values are sealed with at rest; better in a file, since an environment is easily shown',
  },
  listKeyFile: {
    env: 'ZEEF_LIST_KEY_FILE',
    unit: 'file',
    default: '',
    ...text(0, 4096),
    why: 'where that key lies; without either it is `list.key` in the data folder, made once: keep it elsewhere',
  },
  workers: {
    env: 'ZEEF_WORKERS',
    unit: 'threads',
    default: availableParallelism(),
    ...whole(1, 256),
    why: 'decoding is all CPU: one thread for each processor; the default is what this machine has',
  },
  index: {
    env: 'ZEEF_INDEX',
    unit: 'kind',
    default: 'ring',
    ...choice(INDEX_KINDS),
    why: 'ring is exact and fast; linear is the slow oracle; hnsw is approximate and says so in its answers',
  },
  radiusBits: {
    env: 'ZEEF_RADIUS_BITS',
    unit: 'bits, inclusive',
    default: RADIUS_BITS_DEFAULT,
    ...whole(0, 256),
    why: 'radius of a new list: the distance that the PDQ authors suggest to start from',
  },
  photodnaIndex: {
    env: 'ZEEF_PHOTODNA_INDEX',
    unit: 'kind',
    default: 'hnsw',
    ...choice(VECTOR_INDEX_KINDS),
    why: 'hnsw is approximate and says so; linear compares every entry, exactly, at about 15 ms a million',
  },
  photodnaRadius: {
    env: 'ZEEF_PHOTODNA_RADIUS',
    unit: 'L2, inclusive',
    default: 'none',
    ...numberOrNone(0, 3_060),
    why: 'PhotoDNA is licensed: its licensee says what is near; without it PhotoDNA items are refused',
  },
  imageBytesMax: {
    env: 'ZEEF_IMAGE_BYTES_MAX',
    unit: 'bytes',
    default: IMAGE_BYTES_MAX,
    ...whole(1_000, 1_000_000_000),
    why: 'larger files are answered not_checked: too_large',
  },
  imagePixelsMax: {
    env: 'ZEEF_IMAGE_PIXELS_MAX',
    unit: 'pixels',
    default: IMAGE_PIXELS_MAX,
    ...whole(25, 1_000_000_000),
    why: 'refused from the header, before memory or time is spent',
  },
  decodeMsMax: {
    env: 'ZEEF_DECODE_MS_MAX',
    unit: 'milliseconds',
    default: IMAGE_DECODE_MS_MAX,
    ...whole(100, 600_000),
    why: 'a decoder that hangs is replaced after this time, and the image answered not_checked: timeout',
  },
  imageMemoryBytesMax: {
    env: 'ZEEF_IMAGE_MEMORY_BYTES_MAX',
    unit: 'bytes of RSS',
    default: IMAGE_MEMORY_BYTES_MAX,
    ...whole(268_435_456, 1_099_511_627_776),
    why: 'for one image in hand: a decoder process that grows past this times its workers is replaced',
  },
  queueImagesPerWorker: {
    env: 'ZEEF_QUEUE_IMAGES_PER_WORKER',
    unit: 'images',
    default: QUEUE_IMAGES_PER_WORKER_MAX,
    ...whole(1, 10_000),
    why: 'beyond this the service answers 503 QUEUE_FULL: a fast no is kinder than a slow yes',
  },
  floodFiles: {
    env: 'ZEEF_FLOOD_FILES',
    unit: 'files an hour',
    default: FLOOD_FILES_MAX,
    ...whole(0, 1_000_000),
    why: 'an entry near more different files than this is quarantined until a person has looked; 0 quarantines none',
  },
  cacheBytesMax: {
    env: 'ZEEF_CACHE_BYTES_MAX',
    unit: 'bytes',
    default: IMAGE_CACHE_BYTES_MAX,
    ...whole(0, 1_099_511_627_776),
    why: 'hashes of pictures seen before, about 1.5 kB each, in the service and again in the decoder process; 0 keeps none',
  },
  takedownHours: {
    env: 'ZEEF_TAKEDOWN_HOURS',
    unit: 'hours, rising',
    default: '1,12,24',
    ...wholes(1, 8_760, 8),
    why: 'deadlines of the takedown clock; the law of one country asks for 24, of another for 1',
  },
  keepHitsDays: {
    env: 'ZEEF_KEEP_HITS_DAYS',
    unit: 'days',
    default: 0,
    ...whole(0, 36_500),
    why: 'closed hits are erased so long after they were closed; 0 keeps them for ever. Open ones are never erased',
  },
  keepHoursDays: {
    env: 'ZEEF_KEEP_HOURS_DAYS',
    unit: 'days',
    default: 0,
    ...whole(0, 36_500),
    why: 'counts by the hour are dropped after so long, by the day never; 0 keeps them for ever',
  },
  ledger: {
    env: 'ZEEF_LEDGER',
    unit: 'on or off',
    default: 'on',
    ...choice(LEDGER_CHOICES),
    why: 'off is for measuring what it costs: nothing is on record then, no hit and no count',
  },
  batchItemsMax: {
    env: 'ZEEF_BATCH_ITEMS_MAX',
    unit: 'items',
    default: BATCH_ITEMS_MAX,
    ...whole(1, 1_000_000),
    why: 'hashes in one request; more costs memory, not speed',
  },
  requestTimeoutMs: {
    env: 'ZEEF_REQUEST_TIMEOUT_MS',
    unit: 'milliseconds',
    default: 30_000,
    ...whole(1_000, 3_600_000),
    why: 'a request that has not arrived whole by then is cut: slow bodies must not hold connections',
  },
  shutdownMs: {
    env: 'ZEEF_SHUTDOWN_MS',
    unit: 'milliseconds',
    default: 10_000,
    ...whole(0, DAY_MS),
    why: 'on SIGTERM, how long answers in hand may take before the process ends all the same',
  },
  tenantChecksPerSecond: {
    env: 'ZEEF_TENANT_CHECKS_PER_SECOND',
    unit: 'checks a second',
    default: 0,
    ...whole(0, 1_000_000_000),
    why: 'of each tenant that has no own limit; only the provider knows what is usual, so 0, no limit',
  },
  tenantChecksBurst: {
    env: 'ZEEF_TENANT_CHECKS_BURST',
    unit: 'checks',
    default: 0,
    ...whole(0, 1_000_000_000),
    why: 'may come at once after a pause; the largest JSON batch of a tenant with a rate; 0: ten seconds of the rate',
  },
  tenantChecksPerDay: {
    env: 'ZEEF_TENANT_CHECKS_PER_DAY',
    unit: 'checks a day (UTC)',
    default: 0,
    ...whole(0, 1_000_000_000_000_000),
    why: 'of each tenant; 0, no limit',
  },
  tenantBytesPerDay: {
    env: 'ZEEF_TENANT_BYTES_PER_DAY',
    unit: 'bytes a day (UTC)',
    default: 0,
    ...whole(0, 1_000_000_000_000_000),
    why: 'of the bodies of each tenant; 0, no limit',
  },
  tenantDistinctHashesPerDay: {
    env: 'ZEEF_TENANT_DISTINCT_HASHES_PER_DAY',
    unit: 'hashes a day (UTC)',
    default: 0,
    ...whole(0, 1_000_000_000_000),
    why: 'different values, estimated within about 2 %: who guesses at a list asks for ever new ones; 0, no limit',
  },
  tenantConcurrentRequests: {
    env: 'ZEEF_TENANT_CONCURRENT_REQUESTS',
    unit: 'requests',
    default: TENANT_CONCURRENT_REQUESTS_MAX,
    ...whole(0, 1_000_000),
    why: 'in hand at a time, of each tenant and process: slow uploads of one must not hold what others need; 0, no limit',
  },
  alarmedChecksPerSecond: {
    env: 'ZEEF_ALARMED_CHECKS_PER_SECOND',
    unit: 'checks a second',
    default: 0,
    ...whole(0, 1_000_000),
    why: 'of a tenant with a probing alarm, until an administrator takes it back; 0: an alarm only tells',
  },
  logLevel: {
    env: 'ZEEF_LOG_LEVEL',
    unit: 'level',
    default: 'info',
    ...choice(LOG_LEVELS),
    why: 'info is one line per request; there are never hashes of lists in logs at any level',
  },
} as const satisfies Record<string, Knob>;

/** `ZEEF_*` variables that are not knobs: no key of the configuration file sets them. */
export const OTHER_VARIABLES = {
  ZEEF_CONFIG: 'the JSON file of knobs, where `--config` names none',
  ZEEF_SERVER_KEY: 'the key for `zeef scan --server`, where `--key` gives none: other users of the machine see flags',
  ZEEF_CORPUS: 'the folder of the test corpus, for tests and benches',
} as const satisfies Record<`ZEEF_${string}`, string>;

export type KnobName = keyof typeof KNOBS;
type ValueOf<K extends KnobName> = ReturnType<(typeof KNOBS)[K]['parse']>;
/** All knobs with their values, frozen; passed down as an argument. */
export type Config = { readonly [K in KnobName]: ValueOf<K> };

/** Every `ZEEF_*` name that is accepted in the environment. */
export const KNOWN_VARIABLES: ReadonlySet<string> = new Set([
  ...Object.values(KNOBS).map(({ env }) => env),
  ...Object.keys(OTHER_VARIABLES),
]);
