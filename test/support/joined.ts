/** Processes of one joined scan, in this process: each can be made to end, or to stand still, at any call of what they share. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLAIN_REQUEST } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import {
  type JoinEnd,
  type JoinOptions,
  type JoinParts,
  joinScan,
  reportLines,
} from '../../src/scan/join/join-scan.js';
import type { ScanRequest } from '../../src/scan/scan-request.js';
import type { ScanSummary } from '../../src/scan/tally.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import type { DutyStore } from '../../src/store/duties-contract.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import { openPostgres } from '../store/backends.js';
import { sharedServer } from './postgres.js';
import { failedReply, found, imageReply, matcherOf, POSSIBLE, replyOfFile } from './scan-parts.js';

const DECISIONS = { a: found('match'), b: found('suppressed'), f: POSSIBLE };
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
export const TENANT = 'local';

/** Write a file that the decoder hashes to this digit; `x` is an image that cannot be decoded. */
export const writeImage = (path: string, digit: string) =>
  writeFileSync(path, Buffer.concat([JPEG, Buffer.from(digit)]));

/** Write folders below each other, with images of every verdict and other files. Result: the folders. */
export function writeTree(root: string, random: () => number, folders: number): string[] {
  const paths = [root];
  for (let at = 1; at < folders; at++) {
    const folder = join(paths[Math.floor(random() * paths.length)]!, `folder ${at}`);
    mkdirSync(folder);
    paths.push(folder);
  }
  for (const folder of paths) {
    const count = Math.floor(random() * 6);
    for (let at = 0; at < count; at++) {
      const digit = 'abcdex'[Math.floor(random() * 6)]!;
      if (digit === 'e') writeFileSync(join(folder, `text ${at}`), 'text');
      else writeImage(join(folder, `image ${at}`), digit);
    }
  }
  return paths;
}

/** What ends a process in a test: no error that a scan knows. */
class Killed extends Error {}

/** Counts the calls of one process, and ends it, or lets it stand still, at one of them. */
export class Fate {
  isStanding = false;
  #calls = 0;
  #isDead = false;
  readonly #plan: { readonly killAt?: number; readonly isDone?: boolean; readonly standStill?: Promise<void> };

  /**
   * `killAt`: number of the call. `isDone`: the call is carried out, and its answer lost. `standStill`: it is carried out
   * after this.
   */
  constructor(plan: { killAt?: number; isDone?: boolean; standStill?: Promise<void> } = {}) {
    this.#plan = plan;
  }

  die(): never {
    this.#isDead = true;
    throw new Killed();
  }

  async meet<T>(act: () => Promise<T>): Promise<T> {
    if (this.#isDead) throw new Killed();
    const { killAt, isDone = false, standStill } = this.#plan;
    if (++this.#calls !== killAt) return act();
    if (standStill) {
      this.isStanding = true;
      await standStill;
      return act();
    }
    this.#isDead = true;
    if (isDone) await act();
    return this.die();
  }

  /** Return the object with its asynchronous methods met. */
  over<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value = Reflect.get(of, name) as unknown;
        if (typeof value !== 'function') return value;
        if (name === 'lines' || name === 'list') return value.bind(of);
        return (...args: unknown[]) => this.meet(async () => Reflect.apply(value, of, args) as unknown);
      },
    });
  }
}

interface Life {
  readonly fate?: Fate;
  readonly request?: Partial<ScanRequest>;
  readonly options?: Partial<JoinOptions>;
  /** Called before a file is hashed. */
  readonly onHash?: (path: string) => void | Promise<void>;
  /** The duties as this process sees them. */
  readonly duties?: (duties: DutyStore) => DutyStore;
  readonly tenant?: string;
  readonly shouldStop?: () => boolean;
  /** The environment, for a bucket. */
  readonly env?: Readonly<Record<string, string>>;
  /** Keys of a range. */
  readonly rangeKeys?: number;
}

export interface Lived {
  /** Null where the process was killed. */
  readonly end: JoinEnd | null;
  readonly report: string[];
  readonly hashed: number;
}

/** Work on the scan as one process, with a store and a folder of its own. */
export async function live(url: string, root: string, life: Life = {}): Promise<Lived> {
  const {
    fate = new Fate(),
    request = {},
    options = {},
    onHash,
    duties = (of) => of,
    tenant = TENANT,
    shouldStop = () => false,
    env = {},
    rangeKeys = 8,
  } = life;
  const store = await openPostgres(url);
  const ledgerStore = openPostgresLedger(url);
  const ledger = createLedger({
    store: ledgerStore,
    nowMs: Date.now,
    seal: { seal: (bytes) => bytes, open: (bytes) => bytes, mark: (bytes) => bytes },
    deadlineHours: [24],
    keepHitsDays: 0,
    keepHoursDays: 0,
  });
  let hashed = 0;
  const parts: JoinParts = {
    store: fate.over(store.scans!),
    duties: fate.over(duties(store.duties)),
    tenant,
    inventories: {
      blobs: fate.over(store.blobs),
      vault: store.vault,
      learnKeys: () => store.learnKeys(),
      folder: tempFolder('shards'),
      file: INVENTORY_FILE,
      open: openSqliteInventory,
    },
    scanParts: {
      decoder: {
        hashReply: async (input) => {
          const replyOf = (bytes: Uint8Array) => {
            const digit = Buffer.from(bytes).toString('latin1').at(-1)!;
            return digit === 'x' ? failedReply('c') : imageReply(digit);
          };
          await onHash?.('file' in input ? input.file.path : '');
          hashed++;
          return 'file' in input ? replyOfFile(input.file, replyOf) : replyOf(input.bytes);
        },
        workers: 1,
        queueImagesPerWorker: 1,
        imageBytesMax: 1_000,
      },
      keepsFiles: true,
      matcher: matcherOf(DECISIONS),
      throttle: { filesAtOnce: Number.POSITIVE_INFINITY, take: async () => {} } as never,
      env,
      shouldStop,
      bucketLimits: { retries: 1, firstPauseMs: 1, rangeKeys },
    },
    record: (answers, unmatched, idempotency) =>
      fate.meet(async () => {
        if (answers.length + unmatched === 0) return;
        const outcomes = answers.map((answer) => ({
          ...answer,
          kind: 'image' as const,
          reason: answer.verdict === 'not_checked' ? answer.reason : null,
        }));
        await ledger.record({ tenant, outcomes, unmatched, idempotency });
      }),
    onUnit() {},
    onJoined() {},
    onWait() {},
  };
  const whole = { ...PLAIN_REQUEST, cwd: '/', paths: [pathBytesOf(root)], ...request };
  try {
    const end = await joinScan(parts, whole, { name: 'test', again: false, asked: {}, ...options });
    const report: string[] = [];
    if (end.summary !== null) for await (const line of reportLines(parts, end.scan)) report.push(line);
    return { end, report, hashed };
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return { end: null, report: [], hashed };
  } finally {
    await ledger.close();
    await store.close();
  }
}

const ALL = { tenant: null, fromMs: 0, toMs: Date.UTC(2100, 0) };

/** Return the counts of the ledger, and how often each file was seen. */
export async function ledgerOf(url: string): Promise<object> {
  const ledger: LedgerStore = openPostgresLedger(url);
  try {
    const [tenant] = (await ledger.counts({ ...ALL, interval: null, seriesCells: false })).tenants;
    const hits = await ledger.hits({ tenant: null, limit: 10_000 });
    const seen = hits.map(({ reference, timesSeen }) => `${reference} ${timesSeen}`).sort();
    const { ok } = await ledger.verify();
    return { totals: tenant?.totals, seen, ok };
  } finally {
    await ledger.close();
  }
}

/** Stores of joined scans, for one file of tests. */
export function joinedStores() {
  let database: Promise<string> | undefined;
  const change = async (url: string, sql: string) => (await sharedServer()).run(sql, url);
  return {
    /** Return the address of an empty store. */
    async fresh(): Promise<string> {
      const server = await sharedServer();
      database ??= server.createDatabase();
      return server.createSchema(await database);
    },
    /** Run a statement in a store. */
    change,
    /** As long after the last process has ended: no lease, and no Idempotency-Key of a request, lasts. */
    async afterAll(url: string): Promise<void> {
      await change(url, `UPDATE duty SET until = '-infinity' WHERE name LIKE 'scan %'`);
      await change(url, 'UPDATE answered SET at = 0');
    },
  };
}

export const summaryOf = ({ end }: Lived): ScanSummary => end!.summary!;
export const codesOf = (lived: Lived) => summaryOf(lived).warnings.map(({ code }) => code);

/** Return what is the same in every undisturbed scan of a tree. */
export function resultOf({ end, report }: Lived): object {
  const { summary } = end!;
  const { files, byVerdict, byReason, byList, notPictures, skippedByKind, bytes, missing, warnings } = summary!;
  const lines = report.map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    counts: { files, byVerdict, byReason, byList, notPictures, skippedByKind, bytes, missing, warnings },
    lines: lines.map(({ path, verdict, reason, code }) => `${path} ${verdict} ${reason} ${code}`).sort(),
  };
}
