import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { ratesFrom } from '../../src/cli/scan-flags.js';
import { duration, type Progress, progressLine } from '../../src/scan/progress.js';
import { createThrottle } from '../../src/scan/throttle.js';
import { absolute } from '../../src/scan/walk/roots.js';

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

test('a second’s worth is taken at once; more waits, and a stop ends the wait', async () => {
  let stops = false;
  const throttle = createThrottle({ ...NONE, filesPerSecond: 100 }, () => stops);
  await throttle.take(100, 0);
  let isThrough = false;
  const waiting = throttle.take(10_000, 0).then(() => {
    isThrough = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isThrough).toBe(false);
  stops = true;
  await waiting;
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
