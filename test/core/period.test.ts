import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { endOf, INTERVALS, parsePeriod, parseTime, startOf } from '../../src/core/period.js';

const iso = (ms: number) => new Date(ms).toISOString().slice(0, 13);

test.each([
  ['2026', '2026-01-01T00', '2027-01-01T00'],
  ['2020-Q3', '2020-07-01T00', '2020-10-01T00'],
  ['2026-Q4', '2026-10-01T00', '2027-01-01T00'],
  ['2024-02', '2024-02-01T00', '2024-03-01T00'],
  ['2026-12', '2026-12-01T00', '2027-01-01T00'],
  ['2024-02-29', '2024-02-29T00', '2024-03-01T00'],
  ['2026-12-31', '2026-12-31T00', '2027-01-01T00'],
])('%s is from %s to %s', (text, from, to) => {
  const { fromMs, toMs, label } = parsePeriod(text);
  expect([iso(fromMs), iso(toMs), label]).toEqual([from, to, text]);
});

test.each([
  '',
  '26',
  '2026-Q0',
  '2026-Q5',
  '2026-13',
  '2026-00',
  '2026-02-29',
  '2026-04-31',
  '2026-1',
  ' 2026',
  '2026-Q3x',
  '0026',
])('%j is refused', (text) => {
  expect(() => parsePeriod(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});

test('intervals contain their moment, are adjacent, and fit into the longer ones', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(2200, 0) }), (atMs) => {
      INTERVALS.forEach((interval, n) => {
        const [fromMs, toMs] = [startOf(interval, atMs), endOf(interval, atMs)];
        expect(fromMs <= atMs && atMs < toMs).toBe(true);
        expect(startOf(interval, toMs - 1)).toBe(fromMs);
        expect(startOf(interval, toMs)).toBe(toMs);
        for (const longer of INTERVALS.slice(n + 1)) expect(startOf(longer, toMs - 1)).toBe(startOf(longer, fromMs));
      });
    }),
  );
});

describe('parseTime', () => {
  const here = process.env.TZ;
  afterEach(() => {
    if (here === undefined) delete process.env.TZ;
    else process.env.TZ = here;
  });

  test.each([
    ['2026-09-30', '2026-09-30T00:00:00.000Z'],
    ['2026-09-30T23:30', '2026-09-30T23:30:00.000Z'],
    ['2026-09-30 23:30:05', '2026-09-30T23:30:05.000Z'],
    ['2026-10-01T01:30:00+02:00', '2026-09-30T23:30:00.000Z'],
    ['2026-09-30t23:30:00.25z', '2026-09-30T23:30:00.250Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('%s is the same moment in every time zone', (text, iso) => {
    for (const zone of ['UTC', 'Europe/Amsterdam', 'Pacific/Auckland', 'America/Los_Angeles']) {
      process.env.TZ = zone;
      expect(new Date(parseTime(text)!).toISOString(), zone).toBe(iso);
    }
  });

  test.each([
    '',
    'yesterday',
    '2026',
    '2026-02-30',
    '2026-13-01',
    '2026-9-1',
    '09/14/2026',
    '14 Sep 2026',
    '2026-09-14T24:61',
    '2016-12-31T23:59:60Z',
    '2026-09-14T09:00CET',
  ])('%j is refused', (text) => {
    expect(parseTime(text)).toBeNull();
  });
});
