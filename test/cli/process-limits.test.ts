/** A process that reaches a limit of its system ends with one line. */
import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { limitProblem } from '../../src/core/process-limits.js';

async function withOpenFiles(files: number): Promise<{ code: unknown; err: string }> {
  const env = childEnv({ ZEEF_DATA_DIR: tempFolder('data') });
  const script = `ulimit -n ${files}; exec "$0" "$@"`;
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', script, process.execPath, artefact('src', 'main.js'), 'lists', 'show'],
      { env },
      (error, _, text) => resolve({ code: error?.code ?? 0, err: text }),
    );
  });
}

test.each([20, 24, 28, 32, 36])('with %i open files: one line and exit code 2', async (files) => {
  const { code, err } = await withOpenFiles(files);
  expect(err).toMatch(/^zeef: too many open files: [^\n]*\n$/);
  expect(code).toBe(2);
});

test('with 96 open files a command works', async () => {
  expect(await withOpenFiles(96)).toEqual({ code: 0, err: '' });
});

test('other errors keep their stack', () => {
  expect(limitProblem(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBeNull();
  expect(limitProblem(null)).toBeNull();
});
