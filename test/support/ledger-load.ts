/** Processes that record answers in a ledger, and what it has to have of them. */
import { expect } from 'vitest';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';

const ALL = { tenant: null, fromMs: 0, toMs: Date.UTC(2100, 0) };
export const checkedIn = async (store: LedgerStore) =>
  (await store.counts({ ...ALL, interval: null, seriesCells: false })).tenants.reduce(
    (sum, { totals }) => sum + totals.checked,
    0,
  );
export const seenIn = async (store: LedgerStore) =>
  (await store.hits({ tenant: null, limit: 1e6 })).reduce((sum, { timesSeen }) => sum + timesSeen, 0);

/** Answers of one process, one group after the other; each third has a hit, of files that all processes see. */
export class Load {
  isEnding = false;
  checked = 0;
  seen = 0;
  readonly slowest = { ms: 0 };
  readonly #running: Promise<void>[];

  constructor(stores: readonly LedgerStore[]) {
    this.#running = stores.map((store, of) => this.#run(store, of));
  }

  async #run(store: LedgerStore, of: number): Promise<void> {
    for (let n = 0; !this.isEnding; n++) {
      const sightings = n % 3 === 0 ? [sighting(of * 100_000 + n, (n / 3) % 40)] : [];
      const startedMs = performance.now();
      await store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], sightings })] });
      this.slowest.ms = Math.max(this.slowest.ms, performance.now() - startedMs);
      this.checked++;
      this.seen += sightings.length;
    }
  }

  /** Wait for more answers. */
  more(count: number): Promise<void> {
    const before = this.checked;
    return expect.poll(() => this.checked, { interval: 1, timeout: 30_000 }).toBeGreaterThan(before + count);
  }

  async end(): Promise<void> {
    this.isEnding = true;
    await Promise.all(this.#running);
  }
}

/** What is on record is what was acknowledged, exactly. */
export async function expectExactly(store: LedgerStore, { checked, seen }: Load): Promise<void> {
  expect(await checkedIn(store)).toBe(checked);
  expect(await seenIn(store)).toBe(seen);
  expect((await store.verify()).problems).toEqual([]);
}
