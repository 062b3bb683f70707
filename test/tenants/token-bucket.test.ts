import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/tenants/token-bucket.js';

const rateOf = fc.record({ perSecond: fc.integer({ min: 1, max: 5_000 }), burst: fc.integer({ min: 1, max: 500 }) });
const stepsOf = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), count: fc.integer({ min: 1, max: 120 }) }),
  { maxLength: 120 },
);
const START_MS = Date.parse('2026-09-14T10:00:00Z');

/** Return the most that any span admits beyond its rate: every pair of admissions begins and ends one. */
function mostBeyondRate(admitted: readonly { atMs: number; count: number }[], perSecond: number): number {
  let most = 0;
  for (let from = 0; from < admitted.length; from++) {
    let sum = 0;
    for (let to = from; to < admitted.length; to++) {
      sum += admitted[to]!.count;
      most = Math.max(most, sum - ((admitted[to]!.atMs - admitted[from]!.atMs) * perSecond) / 1000);
    }
  }
  return most;
}

test('no span of t seconds admits more than burst + rate × t', () => {
  fc.assert(
    fc.property(rateOf, stepsOf, (rate, steps) => {
      const bucket = new TokenBucket();
      const admitted: { atMs: number; count: number }[] = [];
      let atMs = START_MS;
      for (const { afterMs, count } of steps) {
        atMs += afterMs;
        if (bucket.take(count, rate, atMs) === 0) admitted.push({ atMs, count });
      }
      expect(mostBeyondRate(admitted, rate.perSecond)).toBeLessThanOrEqual(rate.burst + 1e-6);
    }),
  );
});

test('the same with reservations, which count at the end of their wait', () => {
  fc.assert(
    fc.property(rateOf, stepsOf, fc.integer({ min: 0, max: 2_000 }), (rate, steps, waitMsMax) => {
      const bucket = new TokenBucket(waitMsMax);
      const admitted: { atMs: number; count: number }[] = [];
      let atMs = START_MS;
      for (const { afterMs, count } of steps) {
        atMs += afterMs;
        const waitMs = bucket.reserve(count, rate, atMs);
        if (waitMs <= waitMsMax) admitted.push({ atMs: atMs - START_MS + waitMs, count });
      }
      expect(mostBeyondRate(admitted, rate.perSecond)).toBeLessThanOrEqual(rate.burst + 1e-6);
    }),
  );
});

test('a refusal returns the exact wait: refused just before its end, admitted after it', () => {
  fc.assert(
    fc.property(rateOf, stepsOf, (rate, steps) => {
      const bucket = new TokenBucket();
      let atMs = START_MS;
      for (const { afterMs, count } of steps) {
        atMs += afterMs;
        const waitMs = bucket.take(count, rate, atMs);
        if (count > rate.burst) expect(waitMs).toBe(Infinity);
        else if (waitMs > 0) {
          expect(bucket.waitMs(count, rate, atMs + waitMs * 0.99)).toBeGreaterThan(0);
          expect(bucket.waitMs(count, rate, atMs + waitMs + 0.01)).toBe(0);
        }
      }
    }),
  );
});

test('a pause fills the bucket up to the burst, not beyond', () => {
  const bucket = new TokenBucket();
  const rate = { perSecond: 10, burst: 5 };
  expect(bucket.take(5, rate, START_MS)).toBe(0);
  expect(bucket.take(1, rate, START_MS)).toBe(100);
  expect(bucket.take(1, rate, START_MS + 99)).toBe(1);
  expect(bucket.take(1, rate, START_MS + 100)).toBe(0);
  expect(bucket.take(6, rate, START_MS + 3_600_000)).toBe(Infinity);
  expect(bucket.take(5, rate, START_MS + 3_600_000)).toBe(0);
  expect(bucket.take(1, rate, START_MS + 3_600_000)).toBe(100);
});

test('after a clock was set back by a day, an empty bucket fills at its rate', () => {
  const bucket = new TokenBucket();
  const rate = { perSecond: 10, burst: 5 };
  expect(bucket.take(1, rate, START_MS)).toBe(0);
  const backMs = START_MS - 86_400_000;
  expect(bucket.take(1, rate, backMs)).toBeLessThanOrEqual(100);
  expect(bucket.take(1, rate, backMs + 100)).toBe(0);
});

test('a reservation is granted up to the longest wait, and exactly at it', () => {
  const rate = { perSecond: 10, burst: 5 };
  const bucket = new TokenBucket(300);
  expect(bucket.take(5, rate, START_MS)).toBe(0);
  expect([bucket.reserve(3, rate, START_MS), bucket.reserve(1, rate, START_MS)]).toEqual([300, 400]);
  expect(bucket.reserve(1, rate, START_MS + 100), 'what was granted is taken, what was refused is not').toBe(300);
});

test('a part that grows brings nothing with it, and one that shrinks holds no more than it can', () => {
  const [whole, part] = [0.9, 0.1].map((of) => ({ perSecond: 100 * of, burst: 1_000 * of }));
  const full = new TokenBucket();
  full.resize(part!, whole!, START_MS);
  expect(full.take(101, whole!, START_MS)).toBeGreaterThan(0);
  expect(full.take(100, whole!, START_MS)).toBe(0);
  const large = new TokenBucket();
  large.resize(whole!, part!, START_MS);
  expect(large.take(100, part!, START_MS)).toBe(0);
  expect(large.take(1, part!, START_MS)).toBeGreaterThan(0);
});

test('a batch larger than a part of the burst waits for a full bucket, which then owes the rest', () => {
  const part = { perSecond: 10, burst: 100, batchMax: 1_000 };
  const bucket = new TokenBucket();
  bucket.take(1, part, START_MS);
  expect(bucket.take(500, part, START_MS)).toBe(100);
  expect(bucket.take(500, part, START_MS + 100)).toBe(0);
  expect(bucket.take(1, part, START_MS + 100)).toBeCloseTo(40_100);
  expect(bucket.take(1_001, part, START_MS)).toBe(Infinity);
});

test('property: whatever parts a rate has in turn, what is admitted keeps to the whole', () => {
  const [perSecond, burst] = [10, 1_000];
  const of = (part: number) => ({
    perSecond: perSecond * part,
    burst: burst * part,
    batchMax: burst,
    debtMax: burst + 100,
  });
  const step = fc.record({
    part: fc.constantFrom(0.05, 0.3, 1),
    count: fc.integer({ min: 1, max: burst }),
    pauseMs: fc.integer({ min: 0, max: 60_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), (steps) => {
      const bucket = new TokenBucket(10_000);
      let [part, nowMs, admitted] = [1, START_MS, 0];
      for (const next of steps) {
        nowMs += next.pauseMs;
        bucket.resize(of(part), of(next.part), nowMs);
        ({ part } = next);
        if (bucket.take(next.count, of(part), nowMs) === 0) admitted += next.count;
        // A batch of a whole burst is admitted by a full bucket of a small part, once until it is paid back.
        expect(admitted).toBeLessThanOrEqual(2 * burst + (perSecond * (nowMs - START_MS)) / 1_000 + 1e-6);
      }
    }),
    { numRuns: 300 },
  );
});

test('what a batch owes at a small part is still owed at a large one', () => {
  const of = (part: number) => ({ perSecond: 10 * part, burst: 1_000 * part, batchMax: 1_000, debtMax: 1_100 });
  const bucket = new TokenBucket(10_000);
  bucket.resize(of(1), of(0.05), START_MS);
  expect(bucket.take(1_000, of(0.05), START_MS)).toBe(0);
  bucket.resize(of(0.05), of(1), START_MS);
  expect(bucket.take(50, of(1), START_MS + 15_000)).toBeGreaterThan(80_000);
});
