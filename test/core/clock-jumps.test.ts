/** A clock that is set back an hour or forward a day changes no duration: limits, windows, the pace, repeated requests. */
import { afterEach, describe, expect, test } from 'vitest';
import { FloodGuard } from '../../src/check/flood-guard.js';
import { steadyTime, systemClock } from '../../src/core/clock.js';
import { DAY_MS, HOUR_MS } from '../../src/core/period.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { PACE_SLOT_MS, Pace } from '../../src/telemetry/pace.js';
import { TenantGate } from '../../src/tenants/tenant-gate.js';
import { memoryLedger } from '../support/memory-ledger.js';

const START_MS = Date.parse('2026-09-14T12:00:00Z');
const JUMPS = [
  ['back an hour', -HOUR_MS],
  ['forward a day', DAY_MS],
  ['not at all', 0],
] as const;

/** `set`: a person sets the clock. `pass`: time passes. */
function clockThatJumps() {
  let [wallMs, monotonicMs] = [START_MS, 5_000];
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    set(ms: number) {
      wallMs += ms;
    },
    pass(ms: number) {
      wallMs += ms;
      monotonicMs += ms;
    },
  };
}

const NO_LIMITS = {
  checksPerSecond: 0,
  checksBurst: 0,
  checksPerDay: 0,
  bytesPerDay: 0,
  distinctHashesPerDay: 0,
  concurrentRequests: 0,
};
const ledgers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const ledger of ledgers.splice(0)) await ledger.close();
});

describe.each(JUMPS)('a clock that is set %s', (_says, jumpMs) => {
  test('a rated tenant is neither refused nor admitted for it', () => {
    const clock = clockThatJumps();
    const defaults = { ...NO_LIMITS, checksPerSecond: 1, checksBurst: 5 };
    const about = { clock, defaults, seed: 1, alarmedPerSecond: 0, partOf: () => ({ checks: 1, requests: 1 }) };
    const usage = { checks: 0, bytes: 0, distinct: null };
    const gate = new TenantGate('a', about, { info: null, day: '2026-09-14', usage });
    gate.takeChecks(5);
    clock.set(jumpMs);
    expect(() => gate.takeChecks(1), 'the burst is used').toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
    clock.pass(2_000);
    gate.takeChecks(2);
    expect(() => gate.takeChecks(1)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
  });

  test('checks that are noted afterwards take no more than they cost', () => {
    const clock = clockThatJumps();
    const defaults = { ...NO_LIMITS, checksPerSecond: 1, checksBurst: 5 };
    const about = { clock, defaults, seed: 1, alarmedPerSecond: 0, partOf: () => ({ checks: 1, requests: 1 }) };
    const usage = { checks: 0, bytes: 0, distinct: null };
    const gate = new TenantGate('a', about, { info: null, day: '2026-09-14', usage });
    gate.takeChecks(1);
    clock.set(jumpMs);
    gate.noteChecks(2);
    gate.takeChecks(2);
    expect(() => gate.takeChecks(1), 'the burst is used').toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
    clock.pass(1_000);
    gate.takeChecks(1);
  });

  test('the window of the flood guard stays an hour', () => {
    const clock = clockThatJumps();
    const floods: number[] = [];
    const guard = new FloodGuard(2, clock, (_entry, _tenant, places) => floods.push(places));
    const entry = { list: 'l', entryId: 'e' };
    guard.note(entry, 't', '1');
    guard.note(entry, 't', '2');
    clock.set(jumpMs);
    guard.note(entry, 't', '3');
    expect(floods).toEqual([3]);
    guard.note(entry, 't', '4');
    clock.pass(HOUR_MS);
    guard.note(entry, 't', '5');
    guard.note(entry, 't', '6');
    expect(floods).toEqual([3]);
  });

  test('the pace of the last hour stays, shown in the time of day of now', () => {
    const clock = clockThatJumps();
    const pace = new Pace(clock);
    pace.addChecks(10);
    clock.pass(PACE_SLOT_MS);
    clock.set(jumpMs);
    const [point, ...more] = pace.status().series;
    expect(more).toEqual([]);
    expect(point).toMatchObject({ checksPerSecond: 1, start: new Date(START_MS + jumpMs).toISOString() });
  });

  test('an Idempotency-Key counts once for a day', async () => {
    const clock = clockThatJumps();
    const ledger = createLedger({
      store: memoryLedger(),
      nowMs: clock.nowMs,
      steadyMs: steadyTime(clock),
      seal: { seal: (bytes) => bytes, open: (bytes) => bytes, mark: (bytes) => bytes },
      deadlineHours: [24],
      keepHitsDays: 0,
      keepHoursDays: 0,
    });
    ledgers.push(ledger);
    const idempotency = { key: 'k', fingerprint: 'f' };
    const record = () => ledger.record({ tenant: 'a', outcomes: [], unmatched: 1, idempotency });
    expect(await record()).toBe(true);
    clock.set(jumpMs);
    expect(await record()).toBe(false);
    clock.pass(DAY_MS - 1);
    expect(await record()).toBe(false);
    clock.pass(1);
    expect(await record()).toBe(true);
  });
});

test('the monotonic clock of the system rises with time, and is that of other processes', () => {
  const before = systemClock.monotonicMs();
  const [seconds, nanoseconds] = process.hrtime();
  expect(before).toBeLessThanOrEqual(seconds * 1000 + nanoseconds / 1e6);
  expect(systemClock.monotonicMs()).toBeGreaterThan(before);
});

test('steady time is in whole milliseconds, as a store keeps it', () => {
  const steady = steadyTime({ nowMs: () => START_MS, monotonicMs: () => 5_000.75 });
  expect(Number.isInteger(steady())).toBe(true);
  expect(Number.isInteger(steadyTime(systemClock)())).toBe(true);
});
