/** Parts of a limit in several processes: they never add up to more than the stated sum, and follow the use. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXCHANGE_MS, type Need, SHARE_FLOOR, SHARE_LEASE_MS, Shares } from '../../src/tenants/shares.js';
import { memoryShares } from '../support/memory-shares.js';

const need = (use: number, held = 0): Need => ({
  tenant: 't',
  use: { checks: use, requests: use },
  held: { checks: 0, requests: held },
});

/** Processes on one store, each exchanging once a second. */
class Fleet {
  atMs = 0;
  readonly cut = new Set<Shares>();
  readonly #store = memoryShares(() => this.atMs);
  readonly uses = new Map<Shares, number>();

  start(use: number): Shares {
    const { exchange, leave } = this.#store;
    const shares: Shares = new Shares(
      {
        exchange: async (...args) => {
          if (this.cut.has(shares)) throw new Error('cut off');
          return exchange(...args);
        },
        leave,
      },
      () => this.atMs,
    );
    this.uses.set(shares, use);
    return shares;
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.atMs += EXCHANGE_MS;
      for (const [shares, use] of this.uses) await shares.exchange(() => [need(use)]).catch(() => {});
    }
  }

  parts = () => [...this.uses.keys()].map((one) => one.partOf('t').checks);
  sum = () => this.parts().reduce((sum, part) => sum + part, 0);
}

const JOINED_SECONDS = SHARE_LEASE_MS / 1000 + 3;

describe('parts', () => {
  test('a process alone has the whole from its first exchange on, whatever it uses', async () => {
    const fleet = new Fleet();
    const a = fleet.start(0);
    expect([a.isKnown, a.partOf('t').checks]).toEqual([false, SHARE_FLOOR]);
    await a.exchange(() => []);
    expect([a.has('t'), a.partOf('t'), a.partOf('u').requests]).toEqual([true, { checks: 1, requests: 1 }, 1]);
    await fleet.pass(100);
    expect(a.partOf('t').checks).toBe(1);
  });

  test('a process that joins begins at the floor; then the parts follow the use, and are the whole together', async () => {
    const fleet = new Fleet();
    const a = fleet.start(10);
    await fleet.pass(3);
    const b = fleet.start(30);
    await b.exchange(() => [need(30)]);
    expect([a.partOf('t').checks, b.partOf('t').checks]).toEqual([1, SHARE_FLOOR]);
    await fleet.pass(JOINED_SECONDS);
    expect(a.partOf('t').checks).toBeCloseTo(SHARE_FLOOR + 0.9 * 0.25);
    expect(fleet.sum()).toBeCloseTo(1);
    fleet.uses.set(a, 90).set(b, 0);
    await fleet.pass(3);
    expect(fleet.parts()[0]).toBeCloseTo(0.95);
    expect(fleet.parts()[1]).toBeCloseTo(SHARE_FLOOR);
  });

  test('a tenant that one process of several serves is its own as a whole', async () => {
    const fleet = new Fleet();
    const a = fleet.start(1);
    const b = fleet.start(1);
    await fleet.pass(JOINED_SECONDS);
    const of = (tenant: string): Need => ({ ...need(1), tenant });
    await a.exchange(() => [need(1), of('only-a')]);
    expect(a.has('only-a') && !b.has('only-a')).toBe(true);
    expect(a.partOf('only-a').checks).toBe(1);
    expect(b.partOf('only-a').checks).toBe(SHARE_FLOOR);
  });

  test('with more than twenty processes each has an equal floor, and the sum stays the whole', async () => {
    const fleet = new Fleet();
    for (let n = 0; n < 40; n++) fleet.start(n === 0 ? 1_000 : 0);
    await fleet.pass(JOINED_SECONDS + 2);
    expect(fleet.sum()).toBeLessThanOrEqual(1 + 1e-9);
    expect(Math.min(...fleet.parts())).toBeCloseTo(1 / 40);
  });

  test('requests in flight keep their part until they end', async () => {
    const fleet = new Fleet();
    const a = fleet.start(1);
    const b = fleet.start(1_000);
    await fleet.pass(JOINED_SECONDS);
    await a.exchange(() => [need(0, 0.6)]);
    await b.exchange(() => [need(1_000)]);
    expect(b.partOf('t').requests).toBeLessThanOrEqual(0.4 + 1e-9);
    await a.exchange(() => [need(0)]);
    await b.exchange(() => [need(1_000)]);
    expect(b.partOf('t').requests).toBeGreaterThan(0.9);
  });

  test('requests that begin during an exchange are held by its second claim', async () => {
    const fleet = new Fleet();
    const a = fleet.start(1);
    const b = fleet.start(1);
    await fleet.pass(JOINED_SECONDS);
    const before = a.partOf('t').requests;
    expect(before).toBeGreaterThan(0.4);
    // Of a tenant that is new here, so there are two claims; between them half of the limit is taken.
    let reads = 0;
    await a.exchange(() => [need(0, ++reads > 2 ? before : 0), { ...need(1), tenant: 'new' }]);
    expect(reads).toBe(3);
    await b.exchange(() => [need(1_000)]);
    expect(a.partOf('t').requests).toBeGreaterThan(0);
    expect(a.partOf('t').requests + b.partOf('t').requests).toBeLessThanOrEqual(1 + 2 * SHARE_FLOOR);
    expect(b.partOf('t').requests).toBeLessThanOrEqual(1 - before + 1e-9);
  });

  test('the part of a process that died is free once its lease ends', async () => {
    const fleet = new Fleet();
    const a = fleet.start(1);
    const b = fleet.start(1);
    await fleet.pass(JOINED_SECONDS);
    expect(b.partOf('t').checks).toBeCloseTo(0.5);
    fleet.uses.delete(a);
    await fleet.pass(SHARE_LEASE_MS / 1000 - 1);
    expect(b.partOf('t').checks).toBeCloseTo(0.5);
    await fleet.pass(1);
    expect(b.partOf('t').checks).toBe(1);
  });

  test('a process that cannot reach the store keeps its part until its lease ends, and then has the floor', async () => {
    const fleet = new Fleet();
    const a = fleet.start(1);
    fleet.start(1);
    await fleet.pass(JOINED_SECONDS);
    fleet.cut.add(a);
    await fleet.pass(SHARE_LEASE_MS / 1000 - 1);
    expect(a.partOf('t').checks).toBeCloseTo(0.5);
    await fleet.pass(1);
    expect(fleet.parts()).toEqual([SHARE_FLOOR, 1]);
    fleet.cut.clear();
    await fleet.pass(JOINED_SECONDS);
    expect(fleet.parts()[0]).toBeCloseTo(0.5);
    expect(fleet.sum()).toBeCloseTo(1);
  });

  test('a process that leaves frees its part at once', async () => {
    const fleet = new Fleet();
    const a = fleet.start(1);
    const b = fleet.start(1);
    await fleet.pass(JOINED_SECONDS);
    fleet.uses.delete(a);
    await a.leave();
    expect(a.partOf('t').checks).toBe(SHARE_FLOOR);
    await fleet.pass(1);
    expect(b.partOf('t').checks).toBe(1);
  });
});

const PROCESSES = 4;
const acts = fc.array(
  fc.record({
    process: fc.nat(PROCESSES - 1),
    act: fc.constantFrom('all', 'all', 'exchange', 'exchange', 'step', 'step', 'step', 'step', 'lose', 'restart'),
    afterMs: fc.constantFrom(0, 0, 0, 1, 300, 1_000, 1_000, 1_000, SHARE_LEASE_MS - 1),
    use: fc.constantFrom(0, 1, 1, 10, 1_000),
  }),
  { minLength: 30, maxLength: 120, size: 'max' },
);

test('parts never add up to more than the whole and a floor each, however exchanges overlap, stall, fail and end', async () => {
  let raised = 0;
  await fc.assert(
    fc.asyncProperty(fc.boolean(), acts, async (isSettled, random) => {
      const second = { process: 0, act: 'all', afterMs: 1_000, use: 1 };
      const steps = [...Array.from({ length: isSettled ? 8 : 0 }, () => second), ...random];
      let atMs = 0;
      /** Accesses to the store that wait for the test, by their process. */
      const waiting: { holder: string; go: (error?: Error) => void }[] = [];
      const store = memoryShares(
        () => atMs,
        (holder) =>
          new Promise((resolve, reject) => {
            waiting.push({ holder, go: (error) => (error ? reject(error) : resolve()) });
          }),
      );
      const start = () => ({ shares: new Shares(store, () => atMs), isBusy: false });
      const fleet = Array.from({ length: PROCESSES }, start);
      const settle = () => new Promise((resolve) => setImmediate(resolve));
      for (const { process, act, afterMs, use } of steps) {
        atMs += afterMs;
        const one = fleet[process]!;
        const exchange = (of: (typeof fleet)[number]) => {
          if (of.isBusy) return;
          of.isBusy = true;
          const done = () => {
            of.isBusy = false;
          };
          of.shares.exchange(() => [need(use)]).then(done, done);
        };
        if (act === 'exchange') exchange(one);
        else if (act === 'all') {
          for (const each of fleet) exchange(each);
          for (; waiting.length > 0; await settle()) waiting.splice((use + process) % waiting.length, 1)[0]!.go();
        } else if (act === 'restart') fleet[process] = start();
        else if (act === 'lose') waiting.splice(use % (waiting.length || 1), 1)[0]?.go(new Error('lost'));
        else waiting.splice(use % (waiting.length || 1), 1)[0]?.go();
        await settle();
        const parts = fleet.map(({ shares }) => shares.partOf('t').checks);
        if (parts.filter((part) => part > SHARE_FLOOR).length > 1) raised++;
        expect(parts.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(1 + PROCESSES * SHARE_FLOOR + 1e-9);
      }
      for (const { go } of waiting) go(new Error('over'));
      await settle();
    }),
    { numRuns: 400 },
  );
  // The property would hold for processes that never leave the floor.
  expect(raised).toBeGreaterThan(1_000);
});
