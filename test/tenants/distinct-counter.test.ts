import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DistinctCounter, REGISTERS } from '../../src/tenants/distinct-counter.js';

/** Return different values of any width. */
function values(from: number, count: number, width: number): Uint8Array {
  const bytes = Buffer.alloc(count * width);
  for (let at = 0; at < count; at++) {
    const digest = createHash('sha512')
      .update(`value ${from + at}`)
      .digest();
    digest.copy(bytes, at * width, 0, width);
  }
  return bytes;
}

test.each([16, 20, 32])('values of %i bytes: within 5 %% up to 300,000, and repeats add nothing', (width) => {
  const counter = new DistinctCounter(123_456_789_012);
  expect(counter.estimate).toBe(0);
  let seen = 0;
  for (const count of [1, 10, 100, 1_000, 8_000, 15_000, 100_000, 300_000]) {
    const more = values(seen, count - seen, width);
    counter.addAll(more, width);
    counter.addAll(more, width);
    seen = count;
    expect(Math.abs(counter.estimate - count) / count, String(count)).toBeLessThanOrEqual(0.05);
  }
});

test('values that differ in any one bit are different', () => {
  const counter = new DistinctCounter(7);
  const base = values(0, 1, 32);
  for (let bit = 0; bit < 256; bit++) {
    const one = base.slice();
    one[bit >> 3]! ^= 1 << (bit & 7);
    counter.addAll(one, 32);
  }
  expect(counter.estimate).toBeGreaterThan(240);
  expect(counter.estimate).toBeLessThan(272);
});

test('two joined counters of one seed count the union', () => {
  const [a, b] = [new DistinctCounter(5), new DistinctCounter(5)];
  a.addAll(values(0, 20_000, 32), 32);
  b.addAll(values(10_000, 20_000, 32), 32);
  a.join(b.registers);
  expect(Math.abs(a.estimate - 30_000) / 30_000).toBeLessThanOrEqual(0.05);
  expect(a.registers).toHaveLength(REGISTERS);
});

test('values that were chosen to count as one under a known seed count as many under another', () => {
  const known = new DistinctCounter(1);
  const chosen: Uint8Array[] = [];
  const first = values(0, 1, 16);
  known.addAll(first, 16);
  const [only] = [...known.registers.entries()].filter(([, rank]) => rank > 0).map(([at]) => at);
  for (let n = 1; chosen.length < 20; n++) {
    const one = values(n, 1, 16);
    const alone = new DistinctCounter(1);
    alone.addAll(one, 16);
    if (alone.registers[only!]! > 0) chosen.push(one);
  }
  const secret = new DistinctCounter(2 ** 40 + 99);
  for (const one of chosen) {
    known.addAll(one, 16);
    secret.addAll(one, 16);
  }
  expect(known.estimate).toBe(1);
  expect(secret.estimate).toBeGreaterThanOrEqual(19);
});
