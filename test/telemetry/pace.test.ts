import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PACE_SLOT_MS, PACE_SLOTS, Pace } from '../../src/telemetry/pace.js';

function paceAt(startMs: number) {
  const clock = { ms: startMs, nowMs: () => clock.ms, monotonicMs: () => clock.ms };
  return { clock, pace: new Pace(clock) };
}
const START = Date.UTC(2026, 8, 14, 9);

test('without checks: no rate, no latency, and no series before the start', () => {
  const { pace } = paceAt(START);
  expect(pace.status()).toEqual({ checksPerSecond: 0, count: 0, p50: null, p90: null, p99: null, series: [] });
});

test('the rate is that of the whole slots of the last minute', () => {
  const { clock, pace } = paceAt(START);
  for (let slot = 0; slot < 12; slot++) {
    pace.addChecks(slot < 6 ? 1000 : 50);
    clock.ms += PACE_SLOT_MS;
  }
  pace.addChecks(1_000_000);
  const { checksPerSecond, series } = pace.status();
  expect(checksPerSecond).toBe(5);
  expect(series).toHaveLength(12);
  expect(series[0]).toMatchObject({ start: new Date(START).toISOString(), checksPerSecond: 100 });
});

test('an hour is kept, and a slot that is used again starts at 0', () => {
  const { clock, pace } = paceAt(START);
  pace.addChecks(70);
  clock.ms += PACE_SLOTS * PACE_SLOT_MS;
  expect(pace.status().series.map((point) => point.checksPerSecond)).toEqual([7, ...Array(PACE_SLOTS - 1).fill(0)]);
  clock.ms += PACE_SLOT_MS;
  pace.addChecks(10);
  clock.ms += PACE_SLOT_MS;
  expect(pace.status().series.map((point) => point.checksPerSecond)).toEqual([...Array(PACE_SLOTS - 1).fill(0), 1]);
});

test('a percentile is within a tenth of that of the sorted latencies', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.0002, max: 40, noNaN: true }), { minLength: 1, maxLength: 300 }), (all) => {
      const { clock, pace } = paceAt(START);
      for (const seconds of all) pace.observe(seconds);
      clock.ms += PACE_SLOT_MS;
      const sorted = all.toSorted((a, b) => a - b);
      const { p50, p90, p99, count } = pace.status();
      expect(count).toBe(all.length);
      for (const [told, share] of [
        [p50, 0.5],
        [p90, 0.9],
        [p99, 0.99],
      ] as const) {
        const truth = sorted[Math.ceil(all.length * share) - 1]!;
        expect(Math.abs(told! - truth) / truth).toBeLessThan(0.1);
      }
    }),
  );
});

test('a latency above the last bound counts in the last bucket', () => {
  const { clock, pace } = paceAt(START);
  pace.observe(1e6);
  pace.observe(0);
  clock.ms += PACE_SLOT_MS;
  expect(pace.status()).toMatchObject({ count: 2, p50: 0.0000913 });
});
