/**
 * A scan that several processes do together, on one machine or many: each takes shards that no other one holds, until every
 * folder is examined and every shard closed. They share the store and nothing else, and each may be killed at any moment.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../core/errors.js';
import { type PathBytes, pathFields } from '../../core/path-bytes.js';
import { withDuty } from '../../duties/with-duty.js';
import type { DutyStore } from '../../store/duties-contract.js';
import {
  type JoinedScan,
  type JoinedScanStore,
  type ScanRoots,
  type ShardState,
  shardDuty,
} from '../../store/joined-scans-contract.js';
import { isBucketPath } from '../bucket/bucket-paths.js';
import { BucketTree } from '../bucket/bucket-tree.js';
import { emptyRoots, requireListed } from '../bucket/buckets.js';
import { openTree } from '../open-tree.js';
import type { ScanRequest } from '../scan-request.js';
import { type ScanSummary, ScanTally } from '../tally.js';
import type { ScanTree } from '../tree.js';
import { sortRoots } from '../walk/roots.js';
import type { Anchor } from '../walk/walk-protocol.js';
import type { ScanWarning } from '../warnings.js';
import { removeInventories } from './inventories.js';
import { listRanges } from './list-ranges.js';
import { markOf } from './root-mark.js';
import { folderOf, rangeOf } from './shard-of.js';
import { type ShardSums, sumsFrom } from './shard-sums.js';
import { type ScanEnding, type ShardParts, ShardWork } from './shard-work.js';
import { Stopping } from './stopping.js';
import { openText, UNIT_RANGE_KEYS } from './unit.js';

/** Names of scans stand in keys and in names of blobs. */
const SCAN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Pause where others hold all shards with work. */
const WAIT_MS = 1_000;
/** A database that is started again, or whose standby takes over, is waited for; a longer absence is for an operator. */
const PATIENCE_MS = 600_000;
const PAUSE_MS = 1_000;

export interface JoinParts {
  readonly store: JoinedScanStore;
  readonly duties: DutyStore;
  readonly scanParts: ShardParts['scanParts'];
  readonly inventories: ShardParts['inventories'];
  readonly tenant: string;
  record: ShardParts['record'];
  onUnit: ShardParts['onUnit'];
  /** Called once the scan is joined. */
  onJoined(scan: JoinedScan): void;
  /** Called where the store does not answer. */
  onWait(error: AppError): void;
}

export interface JoinOptions {
  readonly name: string;
  /** A scan of this name that is complete begins again. */
  readonly again: boolean;
  /** What else every process must be asked for, as JSON. */
  readonly asked: Readonly<Record<string, unknown>>;
}

export interface JoinEnd {
  readonly scan: JoinedScan;
  /** Of all processes; null: the scan is not complete, and this process was stopped. */
  readonly summary: ScanSummary | null;
}

/** Errors REQUEST_INVALID. */
export function requireScanName(name: string): void {
  if (!SCAN_NAME.test(name)) throw new AppError('REQUEST_INVALID', { field: 'join', expected: String(SCAN_NAME) });
}

/**
 * Join a scan, or begin it, and work until it is complete. Errors  REQUEST_INVALID: a path is no folder and no bucket, is not the one
 * that the others see, or the scan was begun with other parameters; CONFIG_INVALID: a variable of a bucket; FILE_UNREADABLE,
 * FILE_STALLED: this process cannot list a bucket; STORE_FAILED, LEDGER_FAILED; those of the matcher.
 */
export async function joinScan(parts: JoinParts, request: ScanRequest, options: JoinOptions): Promise<JoinEnd> {
  const { scanParts, store } = parts;
  const stopping = new Stopping(scanParts.shouldStop);
  // A request that waits for its service when the scan is stopped belongs to a unit, which is finished for some time.
  const treeParts = {
    ...scanParts,
    shouldStop: () => stopping.isOverdue,
    bucketLimits: { rangeKeys: UNIT_RANGE_KEYS, ...scanParts.bucketLimits },
  };
  const { tree, paths } = openTree(treeParts, request);
  try {
    const roots = await rootsOf(paths, request, tree);
    // It would find nothing but faults, which others do not have.
    if (tree instanceof BucketTree) await requireListed(tree, pathsOf(roots));
    const parameters = JSON.stringify(await parametersOf(request, options, { roots, tree, tenant: parts.tenant }));
    const { name, again } = options;
    const scan = await store.join({ name, parameters }, beginningOf(roots), { again });
    requireSame(scan, parameters);
    parts.onJoined(scan);
    return await new Joined(parts, scan, { request, roots, tree }, stopping).run();
  } finally {
    tree.close();
  }
}

/** Return the roots, each once. Errors REQUEST_INVALID. */
async function rootsOf(paths: readonly PathBytes[], request: ScanRequest, tree: ScanTree): Promise<Anchor[]> {
  const { roots, files } = await sortRoots(paths, request, (path) => tree.root(path));
  const [other] = files;
  if (other !== undefined)
    throw new AppError('REQUEST_INVALID', { field: 'paths', ...pathFields(other), expected: 'folders, with --join' });
  return [...new Map(roots.map((root) => [root.path, root])).values()];
}

const pathsOf = (roots: readonly Anchor[]) => roots.map(({ path }) => path);

const beginningOf = (roots: readonly Anchor[]): ScanRoots => ({
  folders: roots.filter(({ path }) => !isBucketPath(path)).map(({ path }) => folderOf(path)),
  buckets: roots
    .filter(({ path }) => isBucketPath(path))
    .map(({ path: root }) => ({ root, first: rangeOf(root, '', 0) })),
});

async function parametersOf(
  { include, exclude, oneFileSystem, digestsAll, archives, frames, orientations, prunes, retriesFailed }: ScanRequest,
  { asked }: JoinOptions,
  { roots, tree, tenant }: { readonly roots: readonly Anchor[]; readonly tree: ScanTree; readonly tenant: string },
): Promise<Record<string, unknown>> {
  const marks: { path: PathBytes; mark: string }[] = [];
  for (const root of roots) marks.push({ path: root.path, mark: await markOf(root, tree) });
  const flags = {
    include,
    exclude,
    oneFileSystem,
    digestsAll,
    archives,
    frames,
    orientations,
    prunes,
    retriesFailed,
  };
  return { roots: marks.sort((a, b) => (a.path < b.path ? -1 : 1)), ...flags, tenant, ...asked };
}

/** Errors REQUEST_INVALID: this process was asked for something else than the others. */
function requireSame({ name, parameters }: JoinedScan, mine: string): void {
  if (parameters === mine) return;
  const [theirs, own] = [parameters, mine].map((text) => JSON.parse(text) as Record<string, unknown>);
  const differs = Object.keys({ ...theirs, ...own }).filter(
    (key) => JSON.stringify(theirs![key]) !== JSON.stringify(own![key]),
  );
  throw new AppError('REQUEST_INVALID', {
    field: 'join',
    scan: name,
    why: `it was begun with other ${differs.join(', ')}`,
    expected: 'the same flags, and the same folders in the same places, on every machine',
  });
}

const sumsOf = (shards: readonly ShardState[]) => shards.flatMap(({ sums }) => sumsFrom(sums) ?? []);

class Joined {
  readonly #parts: JoinParts;
  readonly #scan: JoinedScan;
  readonly #shardParts: ShardParts;
  readonly #stopping: Stopping;
  /** The first error of the work or of the listing of buckets. */
  #failure: unknown = null;
  /** Roots of buckets that have no key, once every shard is examined. */
  #emptyBuckets: Promise<PathBytes[]> | null = null;

  constructor(parts: JoinParts, scan: JoinedScan, place: ShardParts['place'], stopping: Stopping) {
    this.#parts = parts;
    this.#scan = scan;
    this.#stopping = stopping;
    const { store, inventories, scanParts, tenant, record, onUnit } = parts;
    const isOverdue = () => stopping.isOverdue;
    const patiently: ShardParts['patiently'] = (act) => this.#patiently(act);
    const ownParts = { ...scanParts, shouldStop: () => this.#isStopping };
    this.#shardParts = { store, inventories, scanParts: ownParts, place, tenant, record, onUnit, isOverdue, patiently };
  }

  get #isStopping(): boolean {
    return this.#stopping.isAsked || this.#failure !== null;
  }

  async run(): Promise<JoinEnd> {
    const [end] = await Promise.all([this.#unlessFailed(this.#work()), this.#unlessFailed(this.#listBuckets())]);
    if (this.#failure !== null) throw this.#failure;
    return end!;
  }

  /** Where one of both fails, the other stops. */
  async #unlessFailed<T>(act: Promise<T>): Promise<T | null> {
    try {
      return await act;
    } catch (error) {
      this.#failure ??= error;
      return null;
    }
  }

  async #listBuckets(): Promise<void> {
    const { tree } = this.#shardParts.place;
    if (!(tree instanceof BucketTree)) return;
    const { store, duties, scanParts } = this.#parts;
    const { throttle } = scanParts;
    const { patiently } = this.#shardParts;
    await listRanges({ store, duties, tree, throttle, patiently, shouldStop: () => this.#isStopping }, this.#scan);
  }

  async #work(): Promise<JoinEnd> {
    const { store } = this.#parts;
    const { name, run } = this.#scan;
    while (!this.#isStopping) {
      const scan = await this.#patiently(() => store.scan(name));
      if (scan?.run !== run)
        throw new AppError('REQUEST_INVALID', { field: 'join', scan: name, why: 'it was begun again' });
      if (scan.endedMs !== null) return { scan, summary: await this.#summary(scan) };
      // Also where a shard could not be worked on: it is begun again from what was published.
      const wasBusy = await this.#patiently(() => this.#workOnOne());
      if (!wasBusy) await delay(WAIT_MS);
    }
    return { scan: this.#scan, summary: null };
  }

  /** Work on one shard, or end the scan. Result: whether there was something to do. */
  async #workOnOne(): Promise<boolean> {
    const { store } = this.#parts;
    let { shards, isClosing } = await store.free(this.#scan);
    if (isClosing && shards.length > 0) {
      await store.closeUntouched(this.#scan, this.#parts.tenant);
      ({ shards, isClosing } = await store.free(this.#scan));
    }
    // Its result is there: nothing is waited for.
    if (isClosing && shards.length === 0 && (await store.end(this.#scan))) return true;
    // In another order than the other processes.
    const from = Math.floor(Math.random() * shards.length);
    for (const shard of [...shards.slice(from), ...shards.slice(0, from)]) {
      if (this.#isStopping) return false;
      if (await this.#hold(shard, isClosing)) return true;
    }
    return false;
  }

  async #hold(shard: number, isClosing: boolean): Promise<boolean> {
    const { duties } = this.#parts;
    try {
      const held = await withDuty(duties, shardDuty(this.#scan.name, shard), async (duty) => {
        const work = await ShardWork.open(this.#shardParts, this.#scan, shard, duty);
        let rests = true;
        try {
          if (isClosing) await work.close(await this.#ending());
          else await work.work();
        } catch (error) {
          rests = error instanceof AppError;
          throw error;
        } finally {
          await work.end({ rests });
        }
      });
      return held !== null;
    } catch (error) {
      // Another process has it now.
      if (error instanceof AppError && error.code === 'LEASE_LOST') return true;
      // A request to another service was given up.
      if (error instanceof AppError && error.code === 'SHUTTING_DOWN' && this.#stopping.isAsked) return false;
      throw error;
    }
  }

  async #ending(): Promise<ScanEnding> {
    const all = sumsOf(await this.#patiently(() => this.#parts.store.shards(this.#scan)));
    const { tree, roots } = this.#shardParts.place;
    this.#emptyBuckets ??= tree instanceof BucketTree ? emptyRoots(tree, pathsOf(roots)) : Promise.resolve([]);
    const empty = [...all.flatMap((sums) => sums.emptyRoots), ...(await this.#emptyBuckets)];
    return { emptyRoots: new Set(empty), prunes: this.#prunes(all) };
  }

  #prunes(all: readonly ShardSums[]): boolean {
    return this.#shardParts.place.request.prunes && all.every(({ unreadFolders }) => unreadFolders === 0);
  }

  /** Return the sums of all shards, which must agree. */
  async #summary(scan: JoinedScan): Promise<ScanSummary> {
    const { store, scanParts } = this.#parts;
    const shards = await this.#patiently(() => store.shards(scan));
    const tally = new ScanTally();
    const all = sumsOf(shards);
    // Several shards may have the same.
    const warned = new Set<string>();
    const isNew = (warning: ScanWarning) => warned.size < warned.add(JSON.stringify(warning)).size;
    for (const sums of all) tally.absorb({ ...sums, warnings: sums.warnings.filter(isNew) });
    const found = shards.reduce((sum, shard) => sum + shard.found, 0);
    const done = shards.reduce((sum, shard) => sum + shard.done, 0);
    if (found !== done) tally.warn('SUMS_DIFFER', { of: 'folders', found, done });
    const examined = tally.pictures + tally.notPictures;
    if (tally.files !== examined) tally.warn('SUMS_DIFFER', { of: 'files', files: tally.files, examined });
    const [first, ...others] = all.filter(({ generation }) => generation !== undefined);
    for (const include of first?.includesUnmatched ?? [])
      if (others.every(({ includesUnmatched }) => includesUnmatched.includes(include)))
        tally.warn('INCLUDE_UNMATCHED', { include });
    if (tally.missing > 0 && !this.#prunes(all)) tally.warn('FILES_MISSING', { files: tally.missing });
    tally.warnOfNothing();
    const generation = Math.min(
      scanParts.matcher.generation,
      ...all.map((sums) => sums.generation ?? Number.POSITIVE_INFINITY),
    );
    const seconds = (scan.endedMs! - scan.beganMs) / 1_000;
    const began = { startedAt: new Date(scan.beganMs).toISOString(), seconds };
    return tally.summary({ generation, interrupted: false, resumed: false }, began);
  }

  async #patiently<T>(act: () => Promise<T>): Promise<T> {
    for (let untilMs: number | null = null; ; ) {
      const startedMs = performance.now();
      try {
        return await act();
      } catch (error) {
        const isAway = error instanceof AppError && (error.code === 'STORE_FAILED' || error.code === 'LEDGER_FAILED');
        const nowMs = performance.now();
        // Work that took longer than a wait has got on: the store is away since now.
        if (untilMs === null || nowMs - startedMs > PATIENCE_MS / 10) untilMs = nowMs + PATIENCE_MS;
        if (!isAway || this.#isStopping || nowMs > untilMs) throw error;
        this.#parts.onWait(error);
        await delay(PAUSE_MS);
      }
    }
  }
}

/** Forget a scan, with its report and its inventories. Errors NOT_FOUND; REQUEST_INVALID: a process works on it; STORE_FAILED. */
export async function forgetScan(
  { store, inventories: { blobs } }: Pick<JoinParts, 'store' | 'inventories'>,
  name: string,
): Promise<void> {
  const scan = await store.scan(name);
  if (scan === null) throw new AppError('NOT_FOUND', { scan: name });
  if (!(await store.forget(scan)))
    throw new AppError('REQUEST_INVALID', { field: 'forget', scan: name, why: 'a process works on it' });
  await removeInventories(blobs, name);
}

/** Yield the lines of the whole report, by shard. Errors STORE_FAILED, SEALED_DAMAGED. */
export async function* reportLines(
  { store, inventories }: Pick<JoinParts, 'store' | 'inventories'>,
  scan: JoinedScan,
): AsyncGenerator<string> {
  await inventories.learnKeys();
  for await (const sealed of store.lines(scan)) yield* (await openText(inventories.vault, sealed)).split('\n');
}
