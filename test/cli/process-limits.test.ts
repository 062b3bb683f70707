/** A process that reaches a limit of its system ends with one line. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { limitProblem } from '../../src/core/process-limits.js';

async function withOpenFiles(files: number, command = ['lists', 'show']): Promise<{ code: unknown; err: string }> {
  const env = childEnv({ ZEEF_DATA_DIR: tempFolder('data') });
  const script = `ulimit -n ${files}; exec "$0" "$@"`;
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', script, process.execPath, artefact('src', 'main.js'), ...command],
      { env },
      (error, _, text) => resolve({ code: error?.code ?? 0, err: text }),
    );
  });
}

const ONE_LINE = /^zeef: too many open files: [^\n]*\n$/;

test.each([20, 24, 28, 32, 36])('with %i open files: one line and exit code 2', async (files) => {
  const { code, err } = await withOpenFiles(files);
  expect(err).toMatch(ONE_LINE);
  expect(code).toBe(2);
});

test('with 96 open files a command works', async () => {
  expect(await withOpenFiles(96)).toEqual({ code: 0, err: '' });
});

test('a scan needs more than 48 open files: one line, and no file is blamed; 192 are enough', async () => {
  const tree = tempFolder('limits');
  for (let n = 0; n < 200; n++) {
    mkdirSync(join(tree, `d${n}`, 'deep'), { recursive: true });
    writeFileSync(join(tree, `d${n}`, 'deep', 'f'), 'text');
  }
  const command = ['scan', tree, '--no-count', '--report', join(tempFolder('report'), 'lines.jsonl')];
  const { code, err } = await withOpenFiles(48, command);
  expect([code, err.replace(/^zeef: no list .*\n/, '')]).toEqual([2, expect.stringMatching(ONE_LINE)]);
  // No list is in force: one line, and nothing else.
  expect((await withOpenFiles(192, command)).err).not.toMatch(/open files|EMFILE/);
});

test('other errors keep their stack', () => {
  expect(limitProblem(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBeNull();
  expect(limitProblem(null)).toBeNull();
});
