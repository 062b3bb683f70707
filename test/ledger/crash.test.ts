import { expect, test } from 'vitest';
import { crashLoop } from '../../bench/crash.js';

test('killed at random moments under load: every answer is recorded once, and the ledger verifies', async () => {
  const seed = Date.now() % 1_000_000;
  const result = await crashLoop(8, seed);
  const { answeredChecks, countedChecks, unansweredChecks, ...counts } = result;
  expect(counts, `seed ${seed}`).toMatchObject({ kills: 8, missingHits: 0, verifyFailures: 0 });
  expect(counts.answeredHits).toBeGreaterThan(0);
  expect(countedChecks).toBeGreaterThanOrEqual(answeredChecks);
  expect(countedChecks).toBeLessThanOrEqual(answeredChecks + unansweredChecks);
}, 180_000);
