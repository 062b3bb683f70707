/** The command that `zeef serve` prints runs in a shell as it is, with any path of Zeef and its data. */

import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { servingText, urlOf } from '../../src/cli/serving-text.js';
import { PACKAGE_ROOT } from '../../src/core/package-root.js';
import { shellWord } from '../../src/core/shell.js';
import { type Background, runShell, startShell } from '../support/shell.js';

const work = tempFolder("it's");
const root = join(work, "pack'age $HOME `x`");
const dataDir = join(work, "its 'data'");
const env = childEnv({ HOME: work, TMPDIR: work });
const MS_MAX = 60_000;
const main = join(root, 'dist', 'src', 'main.js');
const zeef = (...args: string[]) => [process.execPath, main, '--data-dir', dataDir, ...args].map(shellWord).join(' ');
const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));

beforeAll(() => {
  mkdirSync(root);
  for (const name of ['package.json', 'dist', 'hashlists'])
    cpSync(join(PACKAGE_ROOT, name), join(root, name), { recursive: true });
  symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(root, 'node_modules'));
});
afterAll(() => rmSync(work, { recursive: true }));

/** Return the printed lines, and the output of the printed command. */
async function tryIt(serving: Background, more: Record<string, string> = {}) {
  const lines = serving.output().split('\n');
  const script = lines.find((line) => line.startsWith('curl '))!;
  return { lines, ...(await runShell(script, { cwd: '/', env: { ...env, ...more }, msMax: MS_MAX })) };
}

const serve = (...args: string[]) =>
  startShell(`exec ${zeef('--log-level', 'warn', 'serve', '--port', '0', '--sample', ...args)}`, {
    cwd: work,
    env,
    ready: /^curl .*\n/m,
    msMax: MS_MAX,
  });

test('the printed command finds the sample image, also with a key and on all addresses', async () => {
  const open = await serve();
  try {
    const { lines, code, out } = await tryIt(open);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ verdict: 'match' });
    const url = /^zeef listens on (http:\/\/127\.0\.0\.1:\d+)$/.exec(lines[0]!)![1]!;
    expect(lines[1]).toBe(`dashboard: ${url}/dashboard`);
    expect((await fetch(`${url}/dashboard`)).status).toBe(200);
  } finally {
    await open.stop();
  }

  const made = await runShell(zeef('keys', 'create', '--tenant', 'acme'), { cwd: work, env, msMax: MS_MAX });
  expect(made.code, made.err).toBe(0);
  const keyed = await serve('--host', hasIpv6 ? '::' : '0.0.0.0');
  try {
    const { lines, code, out, err } = await tryIt(keyed);
    expect(lines[0]).toMatch(/^zeef listens on http:\/\/(\[::1\]|127\.0\.0\.1):\d+ and on every other address/);
    // The shell reports it; no request is sent.
    expect([code !== 0, out]).toEqual([true, '']);
    expect(err).toMatch(/KEY: is not set: it must hold a key with the scope check/);
    const answer = await tryIt(keyed, { KEY: made.out.trim() });
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.out)).toMatchObject({ verdict: 'match' });
  } finally {
    await keyed.stop();
  }
});

describe('the printed address', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', 'http://127.0.0.1:8080'],
    ['localhost', '::1', 'http://[::1]:8080'],
    ['0.0.0.0', '0.0.0.0', 'http://127.0.0.1:8080'],
    ['::', '::', 'http://[::1]:8080'],
    ['10.0.0.7', '10.0.0.7', 'http://10.0.0.7:8080'],
    ['2001:db8::7', '2001:db8::7', 'http://[2001:db8::7]:8080'],
    ['fe80::1%eth0', 'fe80::1', 'http://[fe80::1%25eth0]:8080'],
    ['fe80::1%eth0', 'fe80::1%eth0', 'http://[fe80::1%25eth0]:8080'],
  ])('for host %s bound to %s', (host, address, url) => {
    expect(urlOf(host, { address, port: 8080 })).toBe(url);
  });

  test('an IPv6 URL is quoted, and curl gets -g for its brackets', () => {
    const address = { address: '::', port: 8080 };
    expect(servingText({ host: '::', address, image: '/a b/c.jpg', needsKey: false }).split('\n')).toEqual([
      'zeef listens on http://[::1]:8080 and on every other address of this machine',
      'dashboard: http://[::1]:8080/dashboard',
      'check an image of the sample list:',
      "curl -s -g --data-binary '@/a b/c.jpg' -H 'Content-Type: image/jpeg' 'http://[::1]:8080/v1/check'",
      '',
    ]);
  });

  test('no command is printed without the sample list', () => {
    const address = { address: '127.0.0.1', port: 8080 };
    expect(servingText({ host: '127.0.0.1', address, image: null, needsKey: true })).not.toContain('curl');
  });
});

test('shellWord passes every word to a program unchanged', async () => {
  const words = [
    'plain',
    '',
    "it's",
    'a b',
    '$HOME',
    '`id`',
    '"',
    '\\',
    '*',
    '!x',
    'line\nline',
    '~',
    '#',
    'é',
    '-x',
    "'",
  ];
  const { out } = await runShell(`printf '%s\\0' ${words.map(shellWord).join(' ')}`, { cwd: work, env, msMax: MS_MAX });
  expect(out.split('\0').slice(0, -1)).toEqual(words);
});
