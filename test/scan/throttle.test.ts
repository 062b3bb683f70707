import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runScan } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { ratesFrom } from '../../src/cli/scan-flags.js';
import { duration, type Progress, progressLine } from '../../src/scan/progress.js';
import { createThrottle, type Throttle } from '../../src/scan/throttle.js';
import { absolute } from '../../src/scan/walk/roots.js';
import { startService } from '../support/running.js';

const NONE = { filesPerSecond: null, bytesPerSecond: null, pauseFile: null, loadMax: null };

test.each([
  ['500', { filesPerSecond: 500, bytesPerSecond: null }],
  ['50MB', { filesPerSecond: null, bytesPerSecond: 50_000_000 }],
  ['2.5mb,10', { filesPerSecond: 10, bytesPerSecond: 2_500_000 }],
  [undefined, { filesPerSecond: null, bytesPerSecond: null }],
])('the rate %s is parsed', (text, rates) => expect(ratesFrom(text)).toEqual(rates));

test.each(['0', '-1', '5GB', 'fast', ''])('invalid rate: %j', (text) => {
  expect(() => ratesFrom(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});

/** Time that passes only where it is slept. */
function fakeTime() {
  let nowMs = 1_000;
  return {
    nowMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a stop ends the wait', async () => {
  let stops = false;
  const throttle = createThrottle({ ...NONE, filesPerSecond: 100 }, () => stops);
  let isThrough = false;
  const waiting = throttle.take(10_000, 0).then(() => {
    isThrough = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isThrough).toBe(false);
  stops = true;
  await waiting;
});

test.each([
  [0.5, 1, 2_000],
  [3, 1, 1_000 / 3],
  [10, 1, 100],
  [100, 10, 100],
  [256, 25, 1_000 / 10.24],
  [5_000, 500, 100],
])('%d files a second: %d at once, a step each %d ms', async (filesPerSecond, atOnce, stepMs) => {
  const time = fakeTime();
  const throttle = createThrottle({ ...NONE, filesPerSecond }, () => false, time);
  expect(throttle.filesAtOnce).toBe(atOnce);
  const startMs = time.nowMs();
  const times: number[] = [];
  for (let at = 0; at < 40; at++) {
    await throttle.take(atOnce, 0);
    times.push(time.nowMs() - startMs);
  }
  const gaps = times.slice(3).map((ms, at) => ms - times[at + 2]!);
  for (const gap of gaps) expect(gap).toBeCloseTo(stepMs, 6);
  // In no second more than the rate, and one step.
  for (const from of times) {
    const taken = times.filter((ms) => ms >= from && ms < from + 1_000).length * atOnce;
    expect(taken).toBeLessThanOrEqual(Math.ceil(filesPerSecond) + atOnce);
  }
});

test('after an idle time one step is free, and no second’s worth', async () => {
  const time = fakeTime();
  const throttle = createThrottle({ ...NONE, filesPerSecond: 100, bytesPerSecond: 1_000_000 }, () => false, time);
  await time.sleep(60_000);
  const startMs = time.nowMs();
  await throttle.take(10, 100_000);
  expect(time.nowMs()).toBe(startMs);
  await throttle.take(1, 100_000);
  expect(time.nowMs() - startMs).toBeCloseTo(100, 6);
});

test('without a rate of files all are taken at once', () => {
  expect(createThrottle({ ...NONE, bytesPerSecond: 5 }, () => false).filesAtOnce).toBe(Number.POSITIVE_INFINITY);
});

test('it pauses on request and while the pause file exists, and names the reason', async () => {
  const folder = tempFolder('throttle');
  const pauseFile = join(folder, 'pause');
  const throttle = createThrottle({ ...NONE, pauseFile }, () => false);
  await throttle.take(1, 1);
  expect(throttle.holdsFor).toBeNull();
  throttle.toggle();
  const asked = throttle.take(1, 1);
  expect(throttle.holdsFor).toBe('asked');
  throttle.toggle();
  await asked;
  writeFileSync(pauseFile, '');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const held = throttle.take(1, 1);
  expect(throttle.holdsFor).toBe('pause file');
  rmSync(folder, { recursive: true });
  await held;
  expect(throttle.holdsFor).toBeNull();
});

test.each([
  ['/a//b/../c', '/a/c'],
  ['/a/b/', '/a/b'],
  ['/a/b', '/a/b'],
  ['rel', '/from/here/rel'],
  ['./rel/../x', '/from/here/x'],
  ['.', '/from/here'],
  ['/a/\xff/b', '/a/\xff/b'],
  ['\xff', '/from/here/\xff'],
  ['\xff/./a/../b/', '/from/here/\xff/b'],
  ['/\xff//', '/\xff'],
])('%j as an absolute path', (path, expected) => expect(absolute(path, '/from/here')).toBe(expected));

test('a progress line fits 80 columns, with its percentage or the pause', () => {
  const most: Progress = {
    files: 123_456_789_012,
    pictures: 123_456_789_012,
    matched: 99_999_999,
    notChecked: 1,
    bytes: 1e15,
    seconds: 1e7,
    filesPerSecond: 1_234_567,
    megabytesPerSecond: 12_345.6,
    expectedFiles: 200_000_000_000,
    etaSeconds: 8_640_000,
    paused: null,
  };
  expect(progressLine(most).length).toBeLessThan(80);
  expect(progressLine({ ...most, expectedFiles: 400_000_000_000 })).toContain(' 30%');
  expect(progressLine({ ...most, paused: 'pause file' })).toContain('paused');
  expect(duration(90_061)).toBe('1d 1:01:01');
});

test('a scan takes the files of a folder in steps, and examines each', async () => {
  const running = await startService();
  try {
    const tree = tempFolder('throttle');
    for (let at = 0; at < 47; at++) writeFileSync(join(tree, `${at}.txt`), 'text');
    const steps: number[] = [];
    const throttle = createThrottle({ ...NONE, filesPerSecond: 100 }, () => false, fakeTime());
    const noted: Throttle = {
      ...throttle,
      holdsFor: null,
      take: (files, bytes) => {
        if (files > 0) steps.push(files);
        return throttle.take(files, bytes);
      },
    };
    const summary = await runScan(running.service, tree, { throttle: noted });
    expect(summary.files).toBe(47);
    expect(steps).toEqual([10, 10, 10, 10, 7]);
  } finally {
    await running.stop();
  }
});
