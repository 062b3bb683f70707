/** Rates and counts are of what was read: the holes of a sparse file are not on the disk. */
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runScan } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import type { FileResult } from '../../src/scan/facts/file-result.js';
import { createThrottle } from '../../src/scan/throttle.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ imageBytesMax: '3000000' });
});
afterAll(() => running.stop());

const photograph = join(PHOTOGRAPHS, 'mate-dune.jpg');
/** Small enough to be digested in a second; at the rate below its size would take a minute. */
const SIZE = 200_000_000;
const BYTES_PER_SECOND = 3_000_000;

test('a sparse file with the head of an image does not hold a rated scan, and is not counted as read', async () => {
  const tree = tempFolder('sparse');
  for (const name of ['a.jpg', 'sparse.jpg', 'z.jpg']) copyFileSync(photograph, join(tree, name));
  truncateSync(join(tree, 'sparse.jpg'), SIZE);
  const { size } = statSync(photograph);
  const results: FileResult[] = [];
  const rates = { filesPerSecond: null, bytesPerSecond: BYTES_PER_SECOND, pauseFile: null, loadMax: null };
  const summary = await runScan(running.service, tree, {
    throttle: createThrottle(rates, () => false),
    onResult: (result) => results.push(result),
  });
  // The rate alone would need a minute for the hole.
  expect(summary.seconds).toBeLessThan(30);
  expect(summary.bytes).toBe(SIZE + 2 * size);
  expect(summary.bytesRead).toBeGreaterThanOrEqual(3 * size);
  expect(summary.bytesRead).toBeLessThan(3 * size + 100_000);
  // It is over the size limit, and digested with its hole all the same.
  expect(results).toMatchObject([{ reason: 'too_large', digests: { sha256: expect.any(String) } }]);
  const hole = Buffer.alloc(SIZE);
  readFileSync(photograph).copy(hole);
  expect(results[0]!.digests.sha256).toBe(createHash('sha256').update(hole).digest('hex'));
});

test('a known file is not counted as read', async () => {
  const tree = tempFolder('known');
  const inventory = tempFolder('known-inventory');
  copyFileSync(photograph, join(tree, 'a.jpg'));
  const first = await runScan(running.service, tree, { inventory });
  const second = await runScan(running.service, tree, { inventory });
  expect([first.bytesRead, second.bytesRead]).toEqual([statSync(photograph).size, 0]);
  expect(second.bytes).toBe(first.bytes);
});
