/**
 * Work on one shard, while this process holds it: completes a unit that an earlier holder prepared, examines again what no
 * published inventory has, then takes units until the shard has no folder left, and publishes its inventory.
 */
import { createHash } from 'node:crypto';
import type { Answer } from '../../check/recorder.js';
import { AppError } from '../../core/errors.js';
import { type PathBytes, shownPath } from '../../core/path-bytes.js';
import type { HeldDuty } from '../../duties/with-duty.js';
import {
  type JoinedFolder,
  type JoinedScan,
  type JoinedScanStore,
  type PublishedInventory,
  type ShardState,
  shardKeys,
  type TriedFolder,
} from '../../store/joined-scans-contract.js';
import type { Idempotency } from '../../store/ledger-contract.js';
import { endFolders, finishInventory } from '../scan.js';
import type { ScanParts } from '../scan-request.js';
import { shownFolder } from '../settle.js';
import { type ScanSums, ScanTally } from '../tally.js';
import { type InventoryPlace, ShardInventory } from './inventories.js';
import { isAsRecorded, type ShardSums, sumsFrom, withUnit } from './shard-sums.js';
import { examine, openText, sealText, type UnitOutcome, type UnitPlace } from './unit.js';

/** Folders that a unit may take: as many as are walked at once. */
const UNIT_FOLDERS = 32;
/** The inventory is published when a killed machine would cost more than this to examine again. */
const UNPUBLISHED_FILES_MAX = 100_000;
const UNPUBLISHED_MS_MAX = 600_000;
/** Holders that a shard may lose in a row before its folders are tried alone, and lone tries before a folder is given up. */
const DEATHS_MAX = 3;
const LONE_TRIES_MAX = 3;
/** Digits of a fence and of a number, in the names of blobs, so that names are in their order. */
const MARK_DIGITS = 12;

export interface ShardParts {
  readonly store: JoinedScanStore;
  readonly inventories: InventoryPlace;
  /** Of every shard, but for its inventory. */
  readonly scanParts: Omit<ScanParts, 'inventory' | 'tally' | 'onResult'>;
  readonly place: UnitPlace;
  readonly tenant: string;
  /** Record answers, those of one key once. Errors LEDGER_FAILED. */
  record(answers: readonly Answer[], unmatched: number, once: Idempotency): Promise<void>;
  /** Do it again where the store does not answer, for a while. Errors of `act`. */
  patiently<T>(act: () => Promise<T>): Promise<T>;
  /** True some time after the scan was asked to stop: until then a unit is finished, which would be lost. */
  isOverdue(): boolean;
  /** Called after a unit is taken over. */
  onUnit(lines: readonly string[], sums: ScanSums): void;
}

/** What the closing of a shard depends on, of all shards. */
export interface ScanEnding {
  /** Roots in which nothing is. */
  readonly emptyRoots: ReadonlySet<PathBytes>;
  /** False also where a folder could not be read: what was below it, in other shards, is not gone. */
  readonly prunes: boolean;
}

export class ShardWork {
  readonly #parts: ShardParts;
  readonly #scan: JoinedScan;
  readonly #shard: number;
  readonly #held: HeldDuty;
  #state: ShardState;
  #inventory: ShardInventory | null = null;
  #sums: ShardSums | null;
  #unpublishedFiles = 0;
  #publishedMs = performance.now();
  #published = 0;
  /** Whether the published inventory is gone, which no sum has noted yet. */
  #hasLost = false;

  private constructor(parts: ShardParts, scan: JoinedScan, held: HeldDuty, state: ShardState) {
    this.#parts = parts;
    this.#scan = scan;
    this.#shard = state.shard;
    this.#held = held;
    this.#state = state;
    this.#sums = sumsFrom(state.sums);
  }

  /** Errors LEASE_LOST, STORE_FAILED. */
  static async open(parts: ShardParts, scan: JoinedScan, shard: number, held: HeldDuty): Promise<ShardWork> {
    const state = await parts.patiently(() => parts.store.shard(scan, shard, held.lease));
    return new ShardWork(parts, scan, held, state);
  }

  /** Examine what there is. Errors LEASE_LOST; STORE_FAILED, LEDGER_FAILED; those of the matcher. */
  async work(): Promise<void> {
    if (this.#state.prepared !== null) await this.#finish(await this.#openPrepared(this.#state.prepared));
    await this.#examineAgain();
    for (;;) {
      if (this.#isStopping) break;
      const outcome = await this.#nextUnit();
      if (outcome === null) break;
      await this.#take(outcome);
      const isDue = performance.now() - this.#publishedMs >= UNPUBLISHED_MS_MAX;
      if (isDue || this.#unpublishedFiles >= UNPUBLISHED_FILES_MAX) await this.#publish();
    }
    if (this.#inventory !== null) await this.#publish();
  }

  /** Close the shard: every folder of the scan is done. Errors as `work`. */
  async close({ emptyRoots, prunes }: ScanEnding): Promise<void> {
    // By another process, since this one looked for it.
    if (this.#state.isClosed) return;
    const { store, patiently, tenant } = this.#parts;
    const isKnown = this.#state.inventory !== null || this.#state.units > 0;
    const tally = new ScanTally();
    if (this.#sums !== null) tally.absorb(this.#sums);
    const inLedger = await patiently(() => store.recorded(this.#scan, this.#shard, tenant));
    const isSame = this.#sums === null ? inLedger.size === 0 : isAsRecorded(this.#sums, inLedger);
    if (!isSame) tally.warn('SUMS_DIFFER', { of: 'ledger', shard: this.#shard });
    let inventory: PublishedInventory | null = null;
    if (isKnown) {
      const { missing, warnings } = await this.#endInventory({ emptyRoots, prunes });
      tally.missing += missing;
      for (const warning of warnings) tally.warnings.take(warning);
      inventory = await this.#publishFile();
    }
    if (this.#hasLost) tally.warn('INVENTORY_LOST', { shard: this.#shard });
    const rest = this.#sums ?? NO_UNITS;
    const sums = JSON.stringify({ ...rest, ...tally.sums() });
    await patiently(() => store.close(this.#scan, this.#shard, this.#held.lease, { sums, inventory }));
    if (inventory !== null) await this.#inventory!.removeEarlier(inventory);
  }

  /**
   * End it: the file of this machine is removed. `rests`: the shard is left in order; false after an error that no file of
   * it should cause, which counts as the end of a process.
   */
  async end({ rests }: { readonly rests: boolean }): Promise<void> {
    await this.#inventory?.drop().catch(() => {});
    if (rests) await this.#parts.store.rest(this.#scan, this.#shard, this.#held.lease).catch(() => {});
  }

  get #isStopping(): boolean {
    return this.#parts.scanParts.shouldStop() || this.#held.isLost();
  }

  /** Errors LEASE_LOST. */
  #requireHeld(): void {
    if (this.#held.isLost()) throw new AppError('LEASE_LOST', { duty: this.#held.lease.duty });
  }

  /** Each of some holders in a row may have died of a file: then one folder at a time, and none for ever. */
  get #isSuspect(): boolean {
    return this.#state.deaths >= DEATHS_MAX;
  }

  /** Return the inventory, of this run. */
  async #open(): Promise<ShardInventory> {
    if (this.#inventory !== null) return this.#inventory;
    const { inventories, patiently } = this.#parts;
    const { name, run } = this.#scan;
    this.#inventory = await patiently(() =>
      ShardInventory.open(inventories, `${name}/${this.#shard}`, this.#state.inventory),
    );
    this.#hasLost ||= !this.#inventory.isWhole;
    const key = `${name} ${run}`;
    const { now } = this.#inventory;
    if (now.state.scanKey !== key) await now.beginScan(key, []);
    return this.#inventory;
  }

  #examine(folders: readonly JoinedFolder[], how: { isCondemned: boolean; isWhole: boolean }) {
    const { scanParts, place } = this.#parts;
    const { now } = this.#inventory!;
    const parts: ScanParts = {
      ...scanParts,
      inventory: now,
      tally: new ScanTally(),
      onResult: () => {},
      shouldStop: () => this.#held.isLost() || this.#parts.isOverdue(),
    };
    return examine({ parts, place }, { folders, ...how });
  }

  /** Examine folders that are counted, and that no published inventory has: for their rows alone. */
  async #examineAgain(): Promise<void> {
    const { store, patiently } = this.#parts;
    const folders = await patiently(() => store.unpublished(this.#scan, this.#shard));
    if (folders.length === 0 || this.#isStopping) return;
    await this.#open();
    const isCondemned = ({ tries }: TriedFolder) => tries >= LONE_TRIES_MAX;
    const sound = folders.filter((folder) => !isCondemned(folder));
    const parts = this.#isSuspect ? sound.map((folder) => [folder]) : [sound];
    for (const part of [folders.filter(isCondemned), ...parts]) {
      const [first] = part;
      if (first === undefined) continue;
      if (this.#isSuspect && !isCondemned(first))
        await patiently(() => store.tryAlone(this.#scan, first, this.#held.lease));
      const outcome = await this.#examine(part, { isCondemned: isCondemned(first), isWhole: true });
      if (outcome === null) return this.#forget();
    }
  }

  /** Without what is not in the published inventory. */
  async #forget(): Promise<void> {
    await this.#inventory?.drop();
    this.#inventory = null;
  }

  /** Return the outcome of the next unit; null: there is none, or the work stops. */
  async #nextUnit(): Promise<UnitOutcome | null> {
    const { store, patiently } = this.#parts;
    const isSuspect = this.#isSuspect;
    const folders = await patiently(() => store.waiting(this.#scan, this.#shard, isSuspect ? 1 : UNIT_FOLDERS));
    const [first] = folders;
    if (first === undefined) return null;
    await this.#open();
    const isCondemned = isSuspect && first.tries >= LONE_TRIES_MAX;
    if (isSuspect && !isCondemned) await patiently(() => store.tryAlone(this.#scan, first, this.#held.lease));
    const outcome = await this.#examine(folders, { isCondemned, isWhole: false });
    if (outcome === null) await this.#forget();
    return outcome;
  }

  async #take(outcome: UnitOutcome): Promise<void> {
    const { store, inventories, patiently } = this.#parts;
    const text = JSON.stringify(outcome);
    const body = await sealText(inventories.vault, text);
    const unit = this.#state.units + 1;
    await patiently(() => store.prepare(this.#scan, this.#shard, this.#held.lease, { unit, body }));
    await this.#finish(text);
    this.#unpublishedFiles += outcome.sums.files;
  }

  async #openPrepared(body: Uint8Array): Promise<string> {
    const { inventories, patiently } = this.#parts;
    await patiently(() => inventories.learnKeys());
    return openText(inventories.vault, body);
  }

  /** Record a prepared unit, and take it over: both again where a holder before this one may have done it. */
  async #finish(text: string): Promise<void> {
    const { store, inventories, record, patiently, onUnit } = this.#parts;
    const outcome = JSON.parse(text) as UnitOutcome;
    const { answers, unmatched, done, found, lines } = outcome;
    const unit = this.#state.units + 1;
    const fingerprint = createHash('sha256').update(text).digest('hex');
    const key = `${shardKeys(this.#scan.name, this.#scan.run, this.#shard)}${unit}`;
    // One that stood still may be of a run that is over, whose keys do not last for ever.
    this.#requireHeld();
    await patiently(() => record(answers, unmatched, { key, fingerprint }));
    const sums = this.#withLoss(withUnit(this.#sums, outcome, { unit, fingerprint }));
    const finished = {
      unit,
      sums: JSON.stringify(sums),
      done,
      found,
      lines: lines.length === 0 ? null : await sealText(inventories.vault, lines.join('\n')),
      isSuspect: this.#isSuspect,
    };
    await patiently(() => store.finish(this.#scan, this.#shard, this.#held.lease, finished));
    this.#sums = sums;
    this.#state = { ...this.#state, units: unit, prepared: null };
    onUnit(lines, outcome.sums);
  }

  #withLoss(sums: ShardSums): ShardSums {
    if (!this.#hasLost) return sums;
    this.#hasLost = false;
    return { ...sums, warnings: [...sums.warnings, { code: 'INVENTORY_LOST', shard: this.#shard }] };
  }

  async #publish(): Promise<void> {
    const { store, patiently } = this.#parts;
    // What was examined again after a lapse may not be all.
    this.#requireHeld();
    const inventory = await this.#publishFile();
    await patiently(() => store.publish(this.#scan, this.#shard, this.#held.lease, inventory));
    this.#state = { ...this.#state, inventory };
    this.#unpublishedFiles = 0;
    this.#publishedMs = performance.now();
    await patiently(() => this.#inventory!.removeEarlier(inventory));
  }

  #publishFile(): Promise<PublishedInventory> {
    const digits = (number: number) => String(number).padStart(MARK_DIGITS, '0');
    const mark = `${digits(this.#held.lease.fence)}-${digits(++this.#published)}`;
    return this.#parts.patiently(() => this.#inventory!.publish(mark));
  }

  /** Count what this run has not seen, and end it in the inventory. */
  async #endInventory({ emptyRoots, prunes }: ScanEnding): Promise<Pick<ScanSums, 'missing' | 'warnings'>> {
    const { scanParts, place } = this.#parts;
    const { now } = await this.#open();
    const tally = new ScanTally();
    const counted = this.#sums?.missing ?? 0;
    tally.missing = counted;
    for (const root of emptyRoots)
      if (await now.hasFilesUnder(root)) tally.warn('ROOT_EMPTY', { root: shownPath(shownFolder(root)) });
    const parts: ScanParts = { ...scanParts, inventory: now, tally, onResult: () => {} };
    await endFolders(parts, { ...place.request, prunes }, { ...place, work: null });
    const { missing, warnings } = tally.sums();
    const matchedAt = this.#sums?.matchedAt ?? now.state.matchedAt;
    await finishInventory(now, {
      files: this.#sums?.files ?? 0,
      missing,
      matcher: { matchedAt, detail: scanParts.matcher.detail },
    });
    return { missing: missing - counted, warnings: warnings.filter(({ code }) => code !== 'FILES_MISSING') };
  }
}

/** Sums of a shard without a unit, beside the counts. */
const NO_UNITS: Pick<ShardSums, 'includesUnmatched' | 'emptyRoots' | 'unreadFolders' | 'recorded' | 'recordedDigest'> =
  {
    unreadFolders: 0,
    includesUnmatched: [],
    emptyRoots: [],
    recorded: 0,
    recordedDigest: '',
  };
