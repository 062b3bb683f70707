import { describe, expect, test } from 'vitest';
import {
  fetchFailure,
  isPassingStatus,
  PassingFailure,
  pauseMs,
  requestHeaders,
  retryAfterMs,
  withRetries,
} from '../../src/core/retry.js';

const NOW_MS = Date.parse('2026-09-14T12:00:00Z');
const PAUSES = { firstMs: 1, maxMs: 4 };

test.each([
  [null, null],
  ['', null],
  ['soon', null],
  ['-1', null],
  ['1.5', null],
  ['0', 0],
  ['90', 90_000],
  ['86400', 86_400_000],
  ['86401', 86_400_000],
  ['99999999999999999999', 86_400_000],
  ['about 90', null],
  ['14 Sep 2026', null],
  ['Mon, 14 Sep 2026 12:00:30 GMT', 30_000],
  ['Mon, 14 Sep 2026 11:59:30 GMT', 0],
])('Retry-After %j is a wait of %j ms', (text, waitMs) => {
  expect(retryAfterMs(new Headers(text === null ? {} : { 'retry-after': text }), NOW_MS)).toBe(waitMs);
});

test('a status may pass where the server failed, is busy, or lost the request', () => {
  const all = Array.from({ length: 500 }, (_, at) => 100 + at);
  expect(all.filter(isPassingStatus).filter((status) => status < 500)).toEqual([408, 425, 429]);
  expect([500, 503, 599].every(isPassingStatus)).toBe(true);
});

test('pauses double up to their limit, shortened by up to half', () => {
  const pauses = { firstMs: 1_000, maxMs: 5_000 };
  expect([1, 2, 3, 4, 100].map((attempt) => pauseMs(attempt, pauses, 1))).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  expect([1, 2, 3, 4].map((attempt) => pauseMs(attempt, pauses, 0))).toEqual([500, 1_000, 2_000, 2_500]);
});

test('a header that cannot be sent is null, and its value in no error', () => {
  expect(requestHeaders({ authorization: 'Bearer a\nb' })).toBeNull();
  expect(requestHeaders({ authorization: 'Bearer é€' })).toBeNull();
  expect(requestHeaders({ authorization: 'Bearer a' })?.get('authorization')).toBe('Bearer a');
});

test('the reason of a failed fetch is its code, and never a text of the other side', async () => {
  const failure = (error: unknown) => fetchFailure(error);
  expect(failure(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }))).toBe('ECONNREFUSED');
  expect(failure(new DOMException('x', 'TimeoutError'))).toBe('timed out');
  expect(failure(new TypeError('terminated'))).toBe('connection failed');
  expect(failure('x')).toBe('connection failed');
});

describe('withRetries', () => {
  /** An attempt that fails as listed, then succeeds. */
  const failing = (...failures: Error[]) => {
    const attempt = async () => {
      attempt.count++;
      const failure = failures[attempt.count - 1];
      if (failure) throw failure;
      return 'result';
    };
    attempt.count = 0;
    return attempt;
  };
  const passing = (waitMs: number | null = null) => new PassingFailure('busy', waitMs);

  test('repeats an attempt after failures that may pass; a server can ask for a longer pause, not for a shorter', async () => {
    const attempt = failing(passing(), passing(7), passing(0));
    const waits: (number | string)[] = [];
    const startedMs = performance.now();
    const options = { pauses: PAUSES, onWait: (why: string, waitMs: number) => void waits.push(why, waitMs) };
    expect(await withRetries(attempt, options)).toBe('result');
    expect(waits).toEqual(['busy', expect.any(Number), 'busy', 7, 'busy', expect.any(Number)]);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(2);
    expect(waits.at(-1)).toBeLessThanOrEqual(4);
    expect(performance.now() - startedMs).toBeGreaterThan(9);
    expect(attempt.count).toBe(4);
  });

  test('throws another error at once', async () => {
    for (const error of [new Error('other'), new TypeError('other')]) {
      const attempt = failing(passing(), error);
      await expect(withRetries(attempt, { pauses: PAUSES })).rejects.toBe(error);
      expect(attempt.count).toBe(2);
    }
  });

  test('throws the last failure after the last retry, or when its patience is over, without another wait', async () => {
    const last = passing();
    const attempt = failing(passing(), passing(), last);
    let waits = 0;
    const counted = { pauses: PAUSES, onWait: () => void waits++ };
    await expect(withRetries(attempt, { ...counted, retries: 2 })).rejects.toBe(last);
    expect([attempt.count, waits]).toEqual([3, 2]);
    const late = failing(passing(20), last);
    await expect(withRetries(late, { ...counted, patienceMs: 10 })).rejects.toBe(last);
    expect([late.count, waits]).toEqual([2, 3]);
  });

  test('throws at once where the server asks for a longer pause than it is granted', async () => {
    const long = passing(301);
    const attempt = failing(long);
    await expect(withRetries(attempt, { pauses: PAUSES, waitMsMax: 300 })).rejects.toBe(long);
    expect(attempt.count).toBe(1);
    expect(await withRetries(failing(passing(5)), { pauses: PAUSES, waitMsMax: 5 })).toBe('result');
  });

  test('makes no attempt where it is to stop', async () => {
    const attempt = failing();
    const stopped = withRetries(attempt, { pauses: PAUSES, shouldStop: () => true });
    await expect(stopped).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(attempt.count).toBe(0);
  });

  test('ends during a long wait where it is to stop', async () => {
    const startedMs = performance.now();
    const shouldStop = () => performance.now() - startedMs > 100;
    const stopped = withRetries(failing(passing(3_000_000)), { pauses: PAUSES, shouldStop });
    await expect(stopped).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
