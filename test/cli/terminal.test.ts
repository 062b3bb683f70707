/** Output on a terminal: what redraws a line does, and what came from outside does not. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { shellWord } from '../../src/core/shell.js';
import { inProcess } from '../support/command-line.js';
import { orLeftOut } from '../support/left-out.js';

const MAIN = artefact('src', 'main.js');
/** `script` of util-linux gives a command a terminal. */
const hasScript = orLeftOut(
  process.platform === 'linux' && spawnSync('script', ['--version']).status === 0,
  'There is no script of util-linux',
  'tests on a terminal',
);

test.runIf(hasScript)(
  'the progress of a scan redraws one line, and names escape what would control the terminal',
  () => {
    const [folder, dataDir] = [tempFolder('terminal'), tempFolder('terminal-data')];
    for (let n = 0; n < 40; n++) mkdirSync(join(folder, `${n}`));
    writeFileSync(join(folder, 'red \x1b[31m \u202e.jpg'), Buffer.from('ffd8ffe0', 'hex'));
    const command = [process.execPath, MAIN, '--data-dir', dataDir, 'scan', folder, '--max-rate', '1'];
    const args = ['-qec', command.map(shellWord).join(' '), '/dev/null'];
    const env = childEnv({ TERM: 'xterm', COLUMNS: '80' });
    const { stdout } = spawnSync('script', args, { env, encoding: 'utf8', timeout: 60_000 });
    expect(stdout).toContain('\r\x1b[K');
    expect(stdout).not.toContain('\\u001b[K');
    expect(stdout).not.toContain('\x1b[31m');
    expect(stdout).not.toContain('\u202e');
    expect(stdout).toContain('\\x1b[31m');
  },
);

test.runIf(hasScript)('a table fits the terminal that it is drawn on', async () => {
  const env = { ZEEF_DATA_DIR: tempFolder('terminal-table'), ZEEF_LOG_LEVEL: 'silent' };
  const name = 'n'.repeat(64);
  expect(await inProcess(env, 'tenants', 'set', name, '--checks-per-day', '1')).toMatchObject({ code: 0 });
  const command = `stty columns 60; ${[process.execPath, MAIN, 'tenants', 'list'].map(shellWord).join(' ')}`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { env: childEnv(env), encoding: 'utf8' });
  expect(stdout.replaceAll(/\s/g, '')).toContain('checksPerDay1');
  for (const line of stdout.split('\r\n')) expect(line.length, line).toBeLessThanOrEqual(60);
});

test.runIf(hasScript)('the progress of an import has the rows beside the bytes, and is cleared', () => {
  const [folder, dataDir] = [tempFolder('terminal-import'), tempFolder('terminal-import-data')];
  const file = join(folder, 'list.txt');
  const rows = Array.from({ length: 25_000 }, (_, n) => `md5 ${(n + 1).toString(16).padStart(32, '0')}`);
  writeFileSync(file, rows.join('\n'));
  const command = [process.execPath, MAIN, '--data-dir', dataDir, 'lists', 'import', file, '--list', 'own'];
  const args = ['-qec', command.map(shellWord).join(' '), '/dev/null'];
  const env = childEnv({ TERM: 'xterm', COLUMNS: '80' });
  const { stdout } = spawnSync('script', args, { env, encoding: 'utf8', timeout: 60_000 });
  expect(stdout).toMatch(/100 % of the bytes read {2}25,000 rows /);
  expect(stdout).toContain('\x1b[2Kown: version 1, 25000 entries, ');
});

test.runIf(hasScript)(
  'a command that takes longer says so in a line that its result replaces, also while its thread is held',
  async () => {
    // Its backlog takes the connection, and no one answers.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const { port } = silent.address() as AddressInfo;
      const health = [process.execPath, MAIN, 'health', '--url', `http://127.0.0.1:${port}`, '--timeout', '2.8'];
      const hold = `import { isMainThread } from 'node:worker_threads';
      const held = () => { for (const until = Date.now() + 2600; Date.now() < until; ); };
      if (isMainThread) setTimeout(held, 600);`;
      const onTerminal = (options: NodeJS.ProcessEnv, redirect = '') => {
        const args = ['-qec', `${health.map(shellWord).join(' ')}${redirect}`, '/dev/null'];
        const env = childEnv({ TERM: 'xterm', ...options });
        return spawnSync('script', args, { env, encoding: 'utf8', timeout: 60_000 }).stdout;
      };
      const line = (seconds: number) => `\r\x1b[Kzeef health: at work for ${seconds} s`;
      for (const options of [
        {},
        { NODE_OPTIONS: `--import ${JSON.stringify(`data:text/javascript,${encodeURIComponent(hold)}`)}` },
      ]) {
        const shown = onTerminal(options);
        expect(shown).toContain(`${line(1)}${line(2)}`);
        // The last line is cleared once, and what stands in its place is all that follows.
        const [last, result, ...more] = shown.slice(shown.lastIndexOf('at work')).split('\r\x1b[K');
        expect(last).toMatch(/^at work for \d s$/);
        expect(result).toMatch(/^.*no answer.*\r\n$/);
        expect(more).toEqual([]);
      }
      expect(onTerminal({}, ' 2>&1 | cat'), 'stderr is no terminal').not.toContain('at work');
    } finally {
      silent.close();
    }
  },
);
