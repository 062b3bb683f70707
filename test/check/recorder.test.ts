import { expect, test } from 'vitest';
import { FloodGuard } from '../../src/check/flood-guard.js';
import type { Match } from '../../src/check/policy.js';
import { createRecorder } from '../../src/check/recorder.js';
import { systemClock } from '../../src/core/clock.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { createMetrics } from '../../src/telemetry/prometheus.js';

/** A ledger that returns for each record whether it is new. */
const ledgerSaying = (...isNew: boolean[]) => ({ record: async () => isNew.shift()! }) as unknown as Ledger;
const answer = {
  verdict: 'not_checked',
  reason: 'corrupt',
  matches: [],
  reference: null,
  fileId: 'f',
  digests: {},
  generation: 1,
  checkId: 'c',
} as const;
const linesOf = async (metrics: ReturnType<typeof createMetrics>) =>
  (await metrics.render()).body.split('\n').filter((line) => /^zeef_(checks|not_checked)_total.* [1-9]/.test(line));

test('a request repeated with its Idempotency-Key is counted once in the metrics', async () => {
  const metrics = createMetrics();
  const recorder = createRecorder(ledgerSaying(true, false), metrics, new FloodGuard(10, systemClock, () => {}));
  const send = async () => {
    const recording = recorder.open('a', () => ({ key: 'k', fingerprint: 'f' }));
    recording.add('image', answer);
    recording.addUnmatched('hash', 7);
    await recording.commit();
  };
  await send();
  const once = await linesOf(metrics);
  expect(once).toEqual([
    'zeef_checks_total{kind="image",verdict="not_checked"} 1',
    'zeef_checks_total{kind="hash",verdict="no_match"} 7',
    'zeef_not_checked_total{reason="corrupt"} 1',
  ]);
  await send();
  expect(await linesOf(metrics)).toEqual(once);
});

test('a check that is not recorded is not in the metrics', async () => {
  const metrics = createMetrics();
  const ledger = { record: () => Promise.reject(new Error('disk full')) } as unknown as Ledger;
  const recording = createRecorder(ledger, metrics, new FloodGuard(10, systemClock, () => {})).open('a');
  recording.add('image', answer);
  await expect(recording.commit()).rejects.toThrow('disk full');
  expect(await linesOf(metrics)).toEqual([]);
});

test('suppressed matches are neither in the metrics of matches nor counted as a flood', async () => {
  const metrics = createMetrics();
  const flooded: string[] = [];
  const guard = new FloodGuard(1, systemClock, ({ entryId }) => void flooded.push(entryId));
  const recorder = createRecorder(ledgerSaying(true), metrics, guard);
  const recording = recorder.open('a');
  for (const fileId of ['f1', 'f2']) {
    const match = { list: 'l', matchType: 'near', suppressed: false } as Match;
    const matches = [
      { ...match, entryId: 'good', suppressed: true },
      { ...match, entryId: 'bad' },
    ];
    recording.add('image', { ...answer, verdict: 'match', reason: null, matches, fileId });
  }
  await recording.commit();
  expect(flooded).toEqual(['bad']);
  expect((await metrics.render()).body).toContain('zeef_matches_total{match_type="near"} 2');
});
