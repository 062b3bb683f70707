/** The first Ctrl-C is answered at once, whatever a command waits for; and no two commands have one help text. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import type { CliContext } from '../../src/cli/context.js';
import { createProgram } from '../../src/cli/program.js';
import { artefact } from '../../src/core/package-root.js';

/** Read for some seconds on any machine. */
const ROWS = 400_000;

test('an import says at once that it stops, and imports nothing', async () => {
  const folder = tempFolder('stopped');
  const [file, dataDir] = [join(folder, 'list.csv'), join(folder, 'data')];
  const rows = Array.from({ length: ROWS }, (_, at) => `e${at},md5,${at.toString(16).padStart(32, '0')}\n`);
  writeFileSync(file, `entryId,algorithm,value\n${rows.join('')}`);
  const env = childEnv({ ZEEF_DATA_DIR: dataDir });
  const main = artefact('src', 'main.js');
  const child = spawn(process.execPath, [main, 'lists', 'import', file, '--list', 'a'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (text) => {
    err += String(text);
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await expect.poll(() => existsSync(join(dataDir, 'zeef.sqlite')), { timeout: 20_000 }).toBe(true);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(err).toBe('zeef: stopping; a second Ctrl-C ends at once\nzeef: SHUTTING_DOWN: Stopped before the end.\n');
  const shown = execFileSync(process.execPath, [main, 'lists', 'show'], { env, encoding: 'utf8' });
  expect(shown).toBe('no lists\n');
});

test('no two commands share one description', () => {
  const program = createProgram({ out() {}, err() {} } as unknown as CliContext);
  const texts: string[] = [];
  const walk = (command: Command) => {
    texts.push(command.description());
    for (const one of command.commands) walk(one);
  };
  walk(program);
  const verbs = texts.map((text) => text.replace(/^\w+ /, ''));
  // enable, disable and remove are one command with three verbs, and its options say the rest.
  expect(texts.filter((text, at) => texts.indexOf(text) !== at)).toEqual([]);
  expect(verbs.filter((text, at) => verbs.indexOf(text) !== at && /quarantine/.test(text))).toEqual([]);
});
