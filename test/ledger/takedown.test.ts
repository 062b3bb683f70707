import { describe, expect, test } from 'vitest';
import { HOUR_MS } from '../../src/core/period.js';
import { HIT_STATUSES, type HitStatus } from '../../src/core/vocabulary.js';
import { quantile } from '../../src/ledger/report.js';
import { clockAfter, clockOf, mayGo } from '../../src/ledger/takedown.js';

const START = Date.UTC(2026, 8, 14);

test('every transition is allowed or refused as documented', () => {
  const allowed = HIT_STATUSES.map((from) => [from, HIT_STATUSES.filter((to) => mayGo(from, to))]);
  expect(Object.fromEntries(allowed)).toEqual({
    open: ['notified', 'confirmed', 'removed', 'false_positive'],
    notified: ['confirmed', 'removed', 'false_positive'],
    confirmed: ['notified', 'removed', 'false_positive'],
    removed: ['notified', 'confirmed', 'false_positive'],
    false_positive: ['notified', 'confirmed'],
  });
});

describe('the clock', () => {
  const open = { startedMs: START, stoppedMs: null };
  const went = (...states: HitStatus[]) => states.map((status) => ({ status }));

  test('restarts with a notice, and continues through a confirmation', () => {
    expect(clockAfter(open, [], 'notified', START + 5)).toEqual({ startedMs: START + 5, stoppedMs: null });
    expect(clockAfter(open, [], 'confirmed', START + 5)).toEqual({ startedMs: START, stoppedMs: null });
    expect(clockAfter(open, went('confirmed'), 'notified', START + 5).startedMs, 'its first notice').toBe(START + 5);
  });

  test('does not restart with a second notice, unless the case was closed in between', () => {
    const running = { startedMs: START + 5, stoppedMs: null };
    expect(clockAfter(running, went('notified', 'confirmed'), 'notified', START + 9)).toEqual(running);
    const again = went('notified', 'removed', 'notified', 'confirmed');
    expect(clockAfter(running, again, 'notified', START + 9)).toEqual(running);
    const reopened = clockAfter(running, went('notified', 'false_positive', 'confirmed'), 'notified', START + 9);
    expect(reopened).toEqual({ startedMs: START + 9, stoppedMs: null });
  });

  test('stops when the case is closed, once', () => {
    expect(clockAfter(open, [], 'removed', START + 5)).toEqual({ startedMs: START, stoppedMs: START + 5 });
    const removed = { startedMs: START, stoppedMs: START + 5 };
    const history = went('notified', 'removed');
    expect(clockAfter(removed, history, 'false_positive', START + 9)).toEqual({
      startedMs: START,
      stoppedMs: START + 5,
    });
    expect(clockAfter(removed, history, 'notified', START + 9)).toEqual({ startedMs: START + 9, stoppedMs: null });
  });

  test.each([
    ['running, at the deadline: undecided', null, HOUR_MS, null],
    ['running, past the deadline: not met', null, HOUR_MS + 1, false],
    ['stopped at the deadline: met', HOUR_MS, 9 * HOUR_MS, true],
    ['stopped past the deadline: not met', HOUR_MS + 1, 9 * HOUR_MS, false],
  ])('%s', (_says, stoppedAfterMs, nowAfterMs, met) => {
    const stoppedMs = stoppedAfterMs === null ? null : START + stoppedAfterMs;
    const { deadlines } = clockOf({ startedMs: START, stoppedMs }, [1, 12], START + nowAfterMs);
    expect(deadlines).toEqual([
      { hours: 1, dueAt: '2026-09-14T01:00:00.000Z', met },
      { hours: 12, dueAt: '2026-09-14T12:00:00.000Z', met: stoppedMs === null ? null : true },
    ]);
  });
});

test.each([
  [[], 0.5, null],
  [[[7, 1]], 0.5, 7],
  [
    [
      [1, 1],
      [2, 1],
    ],
    0.5,
    1,
  ],
  [
    [
      [1, 1],
      [2, 1],
      [3, 1],
    ],
    0.5,
    2,
  ],
  [
    [
      [1, 9],
      [100, 1],
    ],
    0.9,
    1,
  ],
  [
    [
      [1, 8],
      [100, 2],
    ],
    0.9,
    100,
  ],
] as const)('of %j the quantile %f is %s', (durations, share, expected) => {
  expect(quantile(durations, share)).toBe(expected);
});
