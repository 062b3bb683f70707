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
    notified: ['open', 'confirmed', 'removed', 'false_positive'],
    confirmed: ['open', 'notified', 'removed', 'false_positive'],
    removed: ['open', 'notified', 'confirmed', 'false_positive'],
    false_positive: ['open', 'notified', 'confirmed'],
    possible: ['notified', 'confirmed', 'removed', 'false_positive'],
  });
});

describe('the clock', () => {
  const open = { startedMs: START, stoppedMs: null };
  const went = (...states: HitStatus[]) => states.map((status) => ({ status }));

  test('restarts with a notice, and continues through a confirmation', () => {
    expect(
      clockAfter(open, [], { from: 'open', to: 'notified', atMs: START + 5, foundMs: START - 5, lastDeadlineMs: 9 }),
    ).toEqual({
      startedMs: START + 5,
      stoppedMs: null,
    });
    expect(
      clockAfter(open, [], { from: 'open', to: 'confirmed', atMs: START + 5, foundMs: START - 5, lastDeadlineMs: 9 }),
    ).toEqual({
      startedMs: START,
      stoppedMs: null,
    });
    expect(
      clockAfter(open, went('confirmed'), {
        from: 'open',
        to: 'notified',
        atMs: START + 5,
        foundMs: START - 5,
        lastDeadlineMs: 9,
      }).startedMs,
      'its first notice',
    ).toBe(START + 5);
  });

  test('does not restart with a second notice, unless the case was closed in between', () => {
    const running = { startedMs: START + 5, stoppedMs: null };
    expect(
      clockAfter(running, went('notified', 'confirmed'), {
        from: 'open',
        to: 'notified',
        atMs: START + 9,
        foundMs: START - 5,
        lastDeadlineMs: 9,
      }),
    ).toEqual(running);
    const again = went('notified', 'removed', 'notified', 'confirmed');
    expect(
      clockAfter(running, again, {
        from: 'open',
        to: 'notified',
        atMs: START + 9,
        foundMs: START - 5,
        lastDeadlineMs: 9,
      }),
    ).toEqual(running);
    const reopened = clockAfter(running, went('notified', 'false_positive', 'confirmed'), {
      from: 'open',
      to: 'notified',
      atMs: START + 9,
      foundMs: START - 5,
      lastDeadlineMs: 9,
    });
    expect(reopened).toEqual({ startedMs: START + 9, stoppedMs: null });
  });

  test('is not gained by a notice of a late case; at the deadline it still is', () => {
    const notice = (atMs: number) =>
      clockAfter(open, [], { from: 'open', to: 'notified', atMs, foundMs: START - 5, lastDeadlineMs: 9 });
    expect(notice(START + 10)).toEqual(open);
    expect(notice(START + 9)).toEqual({ startedMs: START + 9, stoppedMs: null });
    // A removed case that is notified again is not late: its clock had stopped.
    const removed = { startedMs: START, stoppedMs: START + 5 };
    const again = clockAfter(removed, went('removed'), {
      from: 'open',
      to: 'notified',
      atMs: START + 99,
      foundMs: START - 5,
      lastDeadlineMs: 9,
    });
    expect(again).toEqual({ startedMs: START + 99, stoppedMs: null });
  });

  test('runs from the finding after an undo; a notice after it starts the clock again', () => {
    const change = (to: HitStatus) => ({
      from: 'open' as const,
      to,
      atMs: START + 3,
      foundMs: START - 5,
      lastDeadlineMs: 9,
    });
    const stopped = { startedMs: START, stoppedMs: START + 1 };
    const undone = { startedMs: START - 5, stoppedMs: null };
    expect(clockAfter(stopped, went('notified', 'removed'), change('open'))).toEqual(undone);
    expect(clockAfter(undone, went('notified', 'open'), change('notified'))).toEqual({
      startedMs: START + 3,
      stoppedMs: null,
    });
  });

  test('gives the time from finding beside that from the notice', () => {
    const clock = clockOf({ startedMs: START + 5_000, stoppedMs: START + 9_000, foundMs: START }, [1], START);
    expect(clock).toMatchObject({ foundAt: '2026-09-14T00:00:00.000Z', seconds: 4, secondsFromFinding: 9 });
  });

  test('of a possible case starts with the decision that it is one, whichever that is', () => {
    const waiting = { startedMs: START, stoppedMs: START };
    const decided = (to: HitStatus) =>
      clockAfter(waiting, [], { from: 'possible', to, atMs: START + 99, foundMs: START, lastDeadlineMs: 9 });
    for (const to of ['notified', 'confirmed'] as const)
      expect(decided(to)).toEqual({ startedMs: START + 99, stoppedMs: null });
    for (const to of ['removed', 'false_positive'] as const)
      expect(decided(to)).toEqual({ startedMs: START + 99, stoppedMs: START + 99 });
  });

  test('stops when the case is closed, once', () => {
    expect(
      clockAfter(open, [], { from: 'open', to: 'removed', atMs: START + 5, foundMs: START - 5, lastDeadlineMs: 9 }),
    ).toEqual({
      startedMs: START,
      stoppedMs: START + 5,
    });
    const removed = { startedMs: START, stoppedMs: START + 5 };
    const history = went('notified', 'removed');
    expect(
      clockAfter(removed, history, {
        from: 'open',
        to: 'false_positive',
        atMs: START + 9,
        foundMs: START - 5,
        lastDeadlineMs: 9,
      }),
    ).toEqual({
      startedMs: START,
      stoppedMs: START + 5,
    });
    expect(
      clockAfter(removed, history, {
        from: 'open',
        to: 'notified',
        atMs: START + 9,
        foundMs: START - 5,
        lastDeadlineMs: 9,
      }),
    ).toEqual({
      startedMs: START + 9,
      stoppedMs: null,
    });
  });

  test.each([
    ['running, at the deadline: undecided', null, HOUR_MS, null],
    ['running, past the deadline: not met', null, HOUR_MS + 1, false],
    ['stopped at the deadline: met', HOUR_MS, 9 * HOUR_MS, true],
    ['stopped past the deadline: not met', HOUR_MS + 1, 9 * HOUR_MS, false],
  ])('%s', (_says, stoppedAfterMs, nowAfterMs, met) => {
    const stoppedMs = stoppedAfterMs === null ? null : START + stoppedAfterMs;
    const { deadlines } = clockOf({ startedMs: START, stoppedMs, foundMs: START }, [1, 12], START + nowAfterMs);
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
