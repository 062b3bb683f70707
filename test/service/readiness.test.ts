/** Reasons for which a service is not ready. */
import { expect, test } from 'vitest';
import { readinessOf } from '../../src/service/readiness.js';

type Parts = Parameters<typeof readinessOf>[1];

const notReady = (parts: { readonly skewMs?: number; readonly isBehind?: boolean; readonly unwritableMs?: number }) => {
  const { skewMs = 0, isBehind = false, unwritableMs = 0 } = parts;
  const readiness = readinessOf({ readyNeedsList: 'off' }, {
    isClosing: false,
    snapshot: { generation: 1, entryCounts: {}, inForce: new Map(), listByName: new Map() },
    ledger: { isWritable: unwritableMs === 0, unwritableMs },
    decoder: {},
    replica: { skewMs, isBehind },
  } as unknown as Parts);
  expect(readiness.ready).toBe(readiness.notReady.length === 0);
  expect(readiness.clockSkewMs).toBe(skewMs);
  return readiness.notReady;
};

test('a clock that is wrong by two seconds is tolerated, by more it is not', () => {
  expect([0, 2_000, -2_000].map((skewMs) => notReady({ skewMs }))).toEqual([[], [], []]);
  expect([2_001, -2_001].map((skewMs) => notReady({ skewMs }))).toEqual([['clock_skew'], ['clock_skew']]);
});

test('a replica whose lists others have long replaced is not ready', () => {
  expect(notReady({ isBehind: true })).toEqual(['lists_behind']);
});

test('all reasons are named', () => {
  const all = { skewMs: 9_000, isBehind: true, unwritableMs: 5_000 };
  expect(notReady(all)).toEqual(['ledger_unwritable', 'clock_skew', 'lists_behind']);
  expect(notReady({ unwritableMs: 4_999 })).toEqual([]);
});
