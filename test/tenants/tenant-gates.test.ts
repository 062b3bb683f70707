/** Limits over a real store, with a clock that the test sets. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { AppError } from '../../src/core/errors.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { Store } from '../../src/store/store.js';
import type { TenantLimits } from '../../src/store/tenants-contract.js';
import { EXCHANGE_MS } from '../../src/tenants/shares.js';
import { dayOf, TenantGate } from '../../src/tenants/tenant-gate.js';
import { createTenantGates, type TenantGates } from '../../src/tenants/tenant-gates.js';
import { UNLIMITED } from '../support/unlimited.js';

const NOON_MS = Date.parse('2026-09-14T12:00:00Z');
const HOUR_MS = 3_600_000;

let dir: string;
let store: Store;
let clock: { atMs: number; nowMs(): number; monotonicMs(): number };
const opened: TenantGates[] = [];
beforeEach(async () => {
  dir = tempFolder('gates');
  store = await openSqliteStore(dir);
  clock = { atMs: NOON_MS, nowMs: () => clock.atMs, monotonicMs: () => clock.atMs };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((gates) => gates.close()));
  await store.close();
});

function open(limits: Partial<TenantLimits> = {}, alarmedPerSecond = 0): TenantGates {
  const gates = createTenantGates(store.tenants, {
    clock,
    shares: store.shares,
    defaults: { ...UNLIMITED, ...limits },
    alarmedPerSecond,
    onSaveError: (error) => {
      throw error;
    },
  });
  opened.push(gates);
  return gates;
}

/** Return the code and the details of the refusal; null where there is none. */
function refusal(act: () => unknown): Record<string, unknown> | null {
  try {
    act();
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, ...error.details };
  }
}

const digests = (from: number, count: number) =>
  Buffer.concat(
    Array.from({ length: count }, (_, at) =>
      createHash('md5')
        .update(String(from + at))
        .digest(),
    ),
  );

describe('each limit, at its value and past it', () => {
  test('without limits nothing is refused', async () => {
    const gate = await open().of('t');
    for (let n = 0; n < 1_000; n++) gate.enter();
    gate.takeChecks(1e9);
    gate.takeBytes(1e12);
    gate.takeValues('md5', digests(0, 1_000));
    gate.requireRoom();
    expect(gate.usage).toMatchObject({ checks: 1e9, bytes: 1e12, distinctHashes: null, concurrentRequests: 1_000 });
  });

  test('rate and burst; a batch larger than the burst gets TOO_MANY_ITEMS', async () => {
    const gate = await open({ checksPerSecond: 10, checksBurst: 30 }).of('t');
    gate.takeChecks(30);
    expect(refusal(() => gate.requireRoom())).toEqual({ code: 'RATE_LIMITED', perSecond: 10, retryAfterSeconds: 1 });
    expect(refusal(() => gate.takeChecks(25))).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 3 });
    expect(refusal(() => gate.takeChecks(31))).toEqual({ code: 'TOO_MANY_ITEMS', items: 31, itemsMax: 30 });
    clock.atMs += 2_499;
    expect(refusal(() => gate.takeChecks(25))).toMatchObject({ code: 'RATE_LIMITED' });
    clock.atMs += 1;
    expect(refusal(() => gate.takeChecks(25))).toBeNull();
    expect(gate.usage.checks).toBe(55);
  });

  test('a stream waits for the rate for ten seconds at most; longer is refused, and nothing is counted', async () => {
    const gate = await open({ checksPerSecond: 100, checksBurst: 2_000 }).of('t');
    await gate.waitForChecks(2_000);
    const startedMs = performance.now();
    await gate.waitForChecks(20);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(195);
    await expect(gate.waitForChecks(1_000)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(gate.usage.checks).toBe(2_020);
  });

  test('concurrent requests; a request that ends twice frees one slot', async () => {
    const gate = await open({ concurrentRequests: 2 }).of('t');
    const leave = gate.enter();
    gate.enter();
    expect(refusal(() => gate.enter())).toMatchObject({ code: 'TOO_MANY_CONCURRENT', retryAfterSeconds: 1 });
    leave();
    leave();
    gate.enter();
    expect(refusal(() => gate.enter())).toMatchObject({ code: 'TOO_MANY_CONCURRENT' });
  });

  test.each<[string, Partial<TenantLimits>, (gate: Awaited<ReturnType<TenantGates['of']>>, n: number) => void]>([
    ['checksPerDay', { checksPerDay: 100 }, (gate, n) => gate.takeChecks(n)],
    ['bytesPerDay', { bytesPerDay: 100 }, (gate, n) => gate.takeBytes(n)],
  ])('%s: all of it, no more, until midnight', async (quota, limits, take) => {
    const gate = await open(limits).of('t');
    take(gate, 99);
    expect(refusal(() => take(gate, 2))).toMatchObject({ code: 'QUOTA_EXCEEDED', quota, limit: 100 });
    take(gate, 1);
    expect(refusal(() => take(gate, 1))).toMatchObject({ retryAfterSeconds: (12 * HOUR_MS) / 1000 });
    clock.atMs += 12 * HOUR_MS - 1;
    expect(refusal(() => take(gate, 1))).toMatchObject({ retryAfterSeconds: 1 });
    clock.atMs += 1;
    expect(refusal(() => take(gate, 100))).toBeNull();
  });

  test('distinct hashes per day: repeats are free, new ones are not', async () => {
    const gate = await open({ distinctHashesPerDay: 1_000 }).of('t');
    for (let n = 0; n < 20; n++) gate.takeValues('md5', digests(0, 900));
    gate.requireRoom();
    expect(refusal(() => gate.takeValues('md5', digests(900, 300)))).toMatchObject({ quota: 'distinctHashesPerDay' });
    expect(refusal(() => gate.requireRoom())).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    clock.atMs += 12 * HOUR_MS;
    gate.takeValues('md5', digests(0, 900));
  });
});

test('a tenant’s own limits override the defaults, and a change applies when they are read again', async () => {
  const gates = open({ checksPerDay: 10 });
  await store.tenants.setTenant('rich', { limits: { checksPerDay: 1_000 } });
  await store.tenants.setTenant('free', { limits: { checksPerDay: 0 } });
  (await gates.of('rich')).takeChecks(1_000);
  (await gates.of('free')).takeChecks(100_000);
  const poor = await gates.of('poor');
  expect(refusal(() => poor.takeChecks(11))).toMatchObject({ limit: 10 });
  await store.tenants.setTenant('poor', { limits: { checksPerDay: 20 } });
  gates.forget('poor');
  expect(refusal(() => poor.takeChecks(11))).toMatchObject({ limit: 10 });
  await gates.of('poor');
  expect(refusal(() => poor.takeChecks(11))).toBeNull();
});

test('usage of one tenant does not count for another', async () => {
  const gates = open({ checksPerSecond: 1, checksBurst: 1, checksPerDay: 5, bytesPerDay: 5, concurrentRequests: 1 });
  const [a, b] = [await gates.of('a'), await gates.of('b')];
  a.enter();
  a.takeChecks(1);
  a.takeBytes(5);
  expect(refusal(() => a.requireRoom())).not.toBeNull();
  b.enter();
  b.requireRoom();
  b.takeBytes(5);
  b.takeChecks(1);
});

test('an alarm slows a tenant down, where configured, until it is removed', async () => {
  const gates = open({ checksPerSecond: 100 }, 2);
  const alarm = { at: '2026-09-14T00:00:00.000Z', kind: 'ball', queries: 300 } as const;
  await store.tenants.setTenant('t', { alarm });
  const gate = await gates.of('t');
  expect(refusal(() => gate.takeChecks(21))).toMatchObject({ itemsMax: 20 });
  gate.takeChecks(20);
  expect(refusal(() => gate.takeChecks(1))).toMatchObject({ perSecond: 2 });
  await store.tenants.setTenant('t', { alarm: null });
  gates.forget('t');
  await gates.of('t');
  clock.atMs += 10_000;
  expect(refusal(() => gate.takeChecks(1_000))).toBeNull();
  const untouched = await open({}, 0).of('t');
  expect(untouched.checksAtOnce).toBe(Infinity);
});

describe('daily usage is stored', () => {
  const limits = { checksPerDay: 100, bytesPerDay: 1_000, distinctHashesPerDay: 500 };

  test('usage is there after a restart, and so is the refusal', async () => {
    const first = open(limits);
    const gate = await first.of('t');
    gate.takeChecks(100);
    gate.takeBytes(990);
    gate.takeValues('md5', digests(0, 480));
    await first.close();
    const again = await open(limits).of('t');
    expect(again.usage).toMatchObject({ checks: 100, bytes: 990, distinctHashes: gate.usage.distinctHashes });
    expect(refusal(() => again.takeChecks(1))).toMatchObject({ quota: 'checksPerDay' });
    expect(refusal(() => again.takeBytes(11))).toMatchObject({ quota: 'bytesPerDay' });
    expect(refusal(() => again.takeValues('md5', digests(0, 480)))).toBeNull();
    expect(refusal(() => again.takeValues('md5', digests(480, 100)))).toMatchObject({ quota: 'distinctHashesPerDay' });
  });

  test('two processes see each other’s usage after each has saved', async () => {
    const [one, two] = [open(limits), open(limits)];
    const [a, b] = [await one.of('t'), await two.of('t')];
    a.takeChecks(60);
    b.takeChecks(30);
    await one.save();
    await two.save();
    expect(b.usage.checks).toBe(90);
    a.takeChecks(1);
    await one.save();
    expect(a.usage.checks).toBe(91);
    await one.save();
    expect((await store.tenants.usage('t', '2026-09-14')).checks).toBe(91);
  });

  test('usage during a save is saved by the next one, once', async () => {
    const gates = open();
    const gate = await gates.of('t');
    gate.takeChecks(10);
    const saving = gates.save();
    gate.takeChecks(5);
    await saving;
    await gates.save();
    await gates.save();
    expect(gate.usage.checks).toBe(15);
    expect((await store.tenants.usage('t', '2026-09-14')).checks).toBe(15);
  });
});

test('usage of yesterday that is saved after midnight counts for yesterday alone', async () => {
  let release = (): void => {};
  const stalled = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isSaving = false;
  const addUsage: Store['tenants']['addUsage'] = async (...args) => {
    isSaving = true;
    await stalled;
    return store.tenants.addUsage(...args);
  };
  const slow = new Proxy(store.tenants, {
    get: (target, name) => (name === 'addUsage' ? addUsage : Reflect.get(target, name).bind(target)),
  });
  clock.atMs = Date.parse('2026-09-14T23:59:59Z');
  const gates = createTenantGates(slow, {
    clock,
    shares: store.shares,
    defaults: { ...UNLIMITED, checksPerDay: 10 },
    alarmedPerSecond: 0,
    onSaveError: (error) => {
      throw error;
    },
  });
  opened.push(gates);
  const gate = await gates.of('t');
  gate.takeChecks(7);
  gate.takeBytes(70);
  const saving = gates.save();
  await expect.poll(() => isSaving).toBe(true);
  clock.atMs += 2_000;
  gate.takeChecks(3);
  release();
  await saving;
  expect(gate.usage).toMatchObject({ day: '2026-09-15', checks: 3, bytes: 0 });
  expect(refusal(() => gate.takeChecks(8))).toMatchObject({ code: 'QUOTA_EXCEEDED' });
  expect(refusal(() => gate.takeChecks(7))).toBeNull();
  await gates.save();
  expect(await store.tenants.usage('t', '2026-09-14')).toMatchObject({ checks: 7, bytes: 70 });
  expect(await store.tenants.usage('t', '2026-09-15')).toMatchObject({ checks: 10, bytes: 0 });
});

describe('one process of several', () => {
  const DAY = dayOf(NOON_MS);
  const usage = { checks: 0, bytes: 0, distinct: null };
  function gateOf(limits: Partial<TenantLimits>, partOf: () => number, nowMs: () => number): TenantGate {
    const about = {
      clock: { nowMs: () => NOON_MS, monotonicMs: nowMs },
      defaults: { ...UNLIMITED, ...limits },
      seed: 1,
      alarmedPerSecond: 0,
      partOf: () => ({ checks: partOf(), requests: partOf() }),
    };
    return new TenantGate('t', about, { info: null, day: DAY, usage });
  }

  test('what clients wanted is that of about a second, however often it is asked', () => {
    let atMs = 0;
    const gate = gateOf(
      {},
      () => 1,
      () => atMs,
    );
    gate.takeChecks(100);
    expect(Array.from({ length: 10 }, () => gate.need().use.checks)).toEqual(Array(10).fill(100));
    atMs += EXCHANGE_MS / 2 - 1;
    gate.takeChecks(30);
    expect(gate.need().use.checks).toBe(100);
    atMs += 1;
    expect(gate.need().use.checks).toBe(80);
  });

  test('requests in flight are those of now, whenever it is asked', () => {
    const gate = gateOf(
      { concurrentRequests: 4 },
      () => 1,
      () => 0,
    );
    expect(gate.need().held.requests).toBe(0);
    gate.enter();
    expect(gate.need().held.requests).toBe(0.25);
  });

  test('a stream waits for a larger part', async () => {
    let part = 0.05;
    const gate = gateOf(
      { checksPerSecond: 100, checksBurst: 100 },
      () => part,
      () => performance.now(),
    );
    expect(gate.checksAtOnce).toBe(5);
    gate.takeChecks(60);
    // 12 seconds at this part; at the whole, less than one.
    const waiting = gate.waitForChecks(10);
    part = 1;
    await waiting;
  });

  test('a stream is refused where no larger part comes in ten seconds', async () => {
    // Twenty times as fast as the wall clock.
    const nowMs = () => performance.now() * 20;
    const gate = gateOf({ checksPerSecond: 1, checksBurst: 100 }, () => 0.05, nowMs);
    gate.takeChecks(60);
    await expect(gate.waitForChecks(10)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(gate.usage.checks).toBe(60);
  });
});
