import { expect, test } from 'vitest';
import { flipUnderLoad } from '../../bench/flips.js';
import { startService } from '../support/running.js';

const FLIPS = 12;

test('versions flip under query load: no answer disagrees with its generation', async () => {
  const running = await startService({ floodFiles: '0' });
  const { asked, generationsSeen, disagreed } = await flipUnderLoad(running.service, FLIPS, 100);
  await running.stop();
  expect(disagreed).toBe(0);
  expect(asked).toBeGreaterThan(200);
  expect(generationsSeen).toBeGreaterThan(FLIPS / 2);
});
