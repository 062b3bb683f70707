/** `zeef scan` on a filesystem whose server is gone: what hangs is named, the rest is checked, and it can be stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { childEnv, endWithParent, withDescendants } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { canHang, hangingEnv } from '../support/hanging.js';
import { PHOTOGRAPHS } from '../support/running.js';
import { linesOf } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const data = tempFolder('stalls-data');
let env: Record<string, string>;
let tree = '';
let child: ChildProcess | null = null;
afterEach(() => void child?.kill('SIGKILL'));

/** A folder with a photograph under each of these names. */
function fill(...names: string[]): void {
  tree = tempFolder('stalls');
  for (const name of names) copyFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'), join(tree, name));
}

function start(...args: string[]) {
  const started = endWithParent(
    spawn(process.execPath, [MAIN, 'scan', tree, '--no-count', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  child = started;
  const said = { out: '', err: '' };
  started.stdout.on('data', (chunk) => (said.out += chunk));
  started.stderr.on('data', (chunk) => (said.err += chunk));
  const ended = once(started, 'close').then(([code]) => code as number | null);
  return { child: started, said, ended };
}

/** Return whether any process has a file open. */
function isOpen(path: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
    } catch {
      // No process, or one that has ended.
      return false;
    }
  });
}

beforeAll(async () => {
  if (!canHang) return;
  const plain = childEnv({ ZEEF_DATA_DIR: data, ZEEF_WORKERS: '1', ZEEF_DECODER_SANDBOX: 'off' });
  const list = join(tempFolder('stalls-list'), 'list.txt');
  writeFileSync(list, `${'0'.repeat(31)}1\n`);
  const importing = spawn(process.execPath, [MAIN, 'lists', 'import', list, '--list', 'l', '--algorithm', 'md5'], {
    env: plain,
    stdio: 'inherit',
  });
  expect((await once(importing, 'exit'))[0]).toBe(0);
  env = { ...plain, ...hangingEnv() };
});

describe.runIf(canHang)('a file whose reading never returns', () => {
  test.each(['stuck-open.jpg', 'stuck-read.jpg', 'stuck-late.jpg'])(
    '%s: one line on stderr, not_checked: unreadable, and the others are checked',
    { timeout: 60_000 },
    async (name) => {
      fill('a.jpg', name, 'z.jpg');
      const { said, ended } = start('--stall-seconds', '2');
      expect(await ended).toBe(2);
      const stalls = linesOf(said.err).filter(({ type }) => type === 'stalled');
      expect(stalls).toEqual([{ type: 'stalled', path: join(tree, name), seconds: 2 }]);
      const lines = linesOf(said.out);
      expect(lines.filter(({ type }) => type === 'not_checked')).toMatchObject([
        { path: join(tree, name), reason: 'unreadable', code: 'FILE_STALLED' },
      ]);
      expect(lines.at(-1)).toMatchObject({ type: 'summary', files: 3, checked: 2 });
    },
  );

  test('a folder whose listing never returns is one line, and the others are checked', {
    timeout: 60_000,
  }, async () => {
    fill('a.jpg');
    mkdirSync(join(tree, 'stuck-list'));
    const { said, ended } = start('--stall-seconds', '2');
    expect(await ended).toBe(2);
    expect(linesOf(said.out).filter(({ type }) => type === 'not_checked')).toMatchObject([
      { path: join(tree, 'stuck-list'), reason: 'unreadable', code: 'FILE_STALLED' },
    ]);
  });

  test('kill -9 leaves no process, whatever hangs', { timeout: 60_000 }, async () => {
    fill('stuck-late.jpg');
    const { child, said, ended } = start('--stall-seconds', '600', '--progress-seconds', '1');
    await expect.poll(() => said.err, { timeout: 20_000 }).toContain('"type":"progress"');
    await expect.poll(() => isOpen(join(tree, 'stuck-late.jpg')), { timeout: 20_000 }).toBe(true);
    const [, ...below] = withDescendants(child.pid!);
    expect(below.length).toBeGreaterThanOrEqual(2);
    child.kill('SIGKILL');
    await ended;
    const isAlive = (pid: number) => {
      try {
        return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      } catch {
        return false;
      }
    };
    await expect.poll(() => below.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  });

  test('the second Ctrl-C ends the process at once, whatever hangs', { timeout: 60_000 }, async () => {
    fill('stuck-read.jpg', 'stuck-late.jpg');
    const { child, ended } = start('--stall-seconds', '600');
    // From then on a thread of the walk process hangs.
    await expect.poll(() => isOpen(join(tree, 'stuck-read.jpg')), { timeout: 20_000 }).toBe(true);
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(child.exitCode).toBeNull();
    const askedMs = performance.now();
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(performance.now() - askedMs).toBeLessThan(5_000);
  });
});
