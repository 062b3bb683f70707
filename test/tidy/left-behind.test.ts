/** A test run leaves no temporary file and no process, however it ends; one that does fails. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../bench/child.js';
import { beginTempRun, tempFolder } from '../../bench/temp-folder.js';
import { PACKAGE_ROOT } from '../../src/core/package-root.js';

/** Start a test run of one test, in a temporary folder of its own. */
function startRun(
  body: string,
  temp: string,
): { child: ChildProcess; ended: Promise<number | null>; output(): string } {
  const root = tempFolder('suite');
  writeFileSync(
    join(root, 'vitest.config.mjs'),
    `export default { test: ${JSON.stringify({
      globals: true,
      include: ['*.test.mjs'],
      pool: 'forks',
      testTimeout: 120_000,
      globalSetup: join(PACKAGE_ROOT, 'test', 'support', 'global-setup.ts'),
    })} };`,
  );
  writeFileSync(
    join(root, 'one.test.mjs'),
    `import { spawn } from 'node:child_process';
     import { mkdirSync, writeFileSync } from 'node:fs';
     import { tmpdir } from 'node:os';
     import { dirname, join } from 'node:path';
     const sleeper = (env) => spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000)'], { env, stdio: 'ignore', detached: true });
     test('one', async () => { ${body} });`,
  );
  const child = endWithParent(
    spawn(process.execPath, [join(PACKAGE_ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--root', root], {
      env: childEnv({ TMPDIR: temp }),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream!.on('data', (piece) => pieces.push(String(piece)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, output: () => pieces.join('') };
}

const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** A killed process ends a moment later, on a busy machine a longer one. */
const expectEnded = (pid: number) => expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);

describe('a test run', () => {
  test.each<[string, number, string]>([
    ['that removes nothing itself', 0, `writeFileSync(join(tmpdir(), 'zeef-file'), '')`],
    ['that fails', 1, `mkdirSync(join(tmpdir(), 'closed', 'in'), { recursive: true }); expect(1).toBe(2)`],
    ['whose worker is killed', 1, `writeFileSync(join(tmpdir(), 'file'), ''); process.kill(process.pid, 'SIGKILL')`],
  ])('%s leaves nothing', async (_name, code, body) => {
    const temp = tempFolder('with a space');
    const { ended, output } = startRun(body, temp);
    expect(await ended, output()).toBe(code);
    expect(output()).toContain('left behind: 0');
    expect(readdirSync(temp)).toEqual([]);
  });

  test('that leaves a file outside its folder fails, and names it', async () => {
    const temp = tempFolder('with a space');
    const { ended, output } = startRun(`writeFileSync(join(dirname(tmpdir()), 'zeef-planted'), '')`, temp);
    expect(await ended, output()).toBe(1);
    expect(output()).toContain(join(temp, 'zeef-planted'));
    expect(output()).toMatch(/1 passed/);
    expect(readdirSync(temp)).toEqual(['zeef-planted']);
  });

  test('that leaves a process fails, names it and kills it', async () => {
    const temp = tempFolder('with a space');
    const { ended, output } = startRun(
      `writeFileSync(${JSON.stringify(join(temp, 'pid'))}, String(sleeper().pid))`,
      temp,
    );
    expect(await ended, output()).toBe(1);
    const pid = Number(readFileSync(join(temp, 'pid'), 'utf8'));
    expect(output()).toContain(`process ${pid}`);
    await expectEnded(pid);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('that is ended by %s leaves nothing', async (signal) => {
    const temp = tempFolder('with a space');
    const pidFile = join(tempFolder('pid'), 'pid');
    const { child, ended, output } = startRun(
      `writeFileSync(${JSON.stringify(pidFile)}, String(sleeper().pid)); await new Promise(() => {})`,
      temp,
    );
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '').toBe(true);
    child.kill(signal);
    expect(await ended, output()).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(readdirSync(temp)).toEqual([]);
    await expectEnded(Number(readFileSync(pidFile, 'utf8')));
  });

  test('removes what a killed run left, and not what a running one has', async () => {
    const temp = tempFolder('with a space');
    const pidFile = join(tempFolder('pid'), 'pid');
    const first = startRun(
      `writeFileSync(${JSON.stringify(pidFile)}, String(sleeper().pid)); await new Promise(() => {})`,
      temp,
    );
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '').toBe(true);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const during = startRun('', temp);
    expect(await during.ended, during.output()).toBe(0);
    expect(isRunning(pid)).toBe(true);
    expect(readdirSync(temp).filter((name) => name.startsWith('zeef-'))).toHaveLength(1);
    first.child.kill('SIGKILL');
    await first.ended;
    const next = startRun('', temp);
    expect(await next.ended, next.output()).toBe(0);
    await expectEnded(pid);
    expect(readdirSync(temp).filter((name) => name.startsWith('zeef-'))).toEqual([]);
  });
});

describe('sources', () => {
  const sources = ['test', 'bench', 'scripts'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  const withPattern = (pattern: RegExp) => sources.filter((file) => pattern.test(readFileSync(file, 'utf8')));

  test('make temporary folders with tempFolder() only', () => {
    expect(withPattern(/\bmkdtemp(?:Sync)?\(/)).toEqual(['bench/temp-folder.ts']);
  });

  test('give child processes the environment of childEnv(), with the run’s TMPDIR', () => {
    expect(withPattern(/\bPATH: process\.env\.PATH\b/)).toEqual(['bench/child.ts']);
  });
});

test('a folder outside a run is refused; the end of a run removes also a folder without permissions', () => {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = tempFolder('outside');
  expect(() => tempFolder('x')).toThrow('not the folder of a run');
  const run = beginTempRun();
  mkdirSync(join(run.folder, 'closed', 'in'), { recursive: true });
  chmodSync(join(run.folder, 'closed'), 0);
  run.end();
  expect(readdirSync(process.env.TMPDIR)).toEqual([]);
  process.env.TMPDIR = TMPDIR;
});
