/** The exit code says what was found, also where the output has no reader any more: `zeef ... | head -1`, and stderr too. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { INVENTORY_TABLES } from '../../src/sqlite/inventory/database.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { damage } from '../support/damage.js';
import { orLeftOut } from '../support/left-out.js';
import { PHOTOGRAPHS, PICTURES } from '../support/running.js';
import { linesOf } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('pipe');
const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data'), ZEEF_WORKERS: '1' });
const listed = join(PICTURES, 'mate-freshflower.jpg');
const other = join(PHOTOGRAPHS, 'mate-dune.jpg');
const tree = join(work, 'tree');
const inventory = join(work, 'inventory');

interface Readers {
  /** `none`: closed before the first byte; `first`: after the first piece; `all`: read to its end. */
  readonly out?: 'none' | 'first' | 'all';
  readonly err?: 'none' | 'first' | 'all';
}

function zeef(args: readonly string[], { out = 'all', err = 'all' }: Readers) {
  const child = endWithParent(spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  const texts = { out: '', err: '' };
  for (const [name, stream, until] of [
    ['out', child.stdout, out],
    ['err', child.stderr, err],
  ] as const) {
    if (until === 'none') stream.destroy();
    else
      stream.on('data', (chunk: Buffer) => {
        texts[name] += chunk;
        if (until === 'first') stream.destroy();
      });
  }
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.once('exit', (code) => setImmediate(() => resolve({ code, ...texts }))),
  );
}

beforeAll(async () => {
  mkdirSync(tree);
  for (let n = 0; n < 8; n++) copyFileSync(listed, join(tree, `${n}.jpg`));
  writeFileSync(join(work, 'broken.jpg'), readFileSync(listed).subarray(0, 10_000));
  expect((await zeef(['lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample'], {})).code).toBe(0);
});

describe('stdout', () => {
  test.each<[string, readonly string[], number]>([
    ['a scan of listed files ends before its end', ['scan', tree], 2],
    ['a scan with its lines in a file ends as usual', ['scan', tree, '--report', join(work, 'report')], 1],
    ['a check with files left to check', ['check', other, listed, other], 2],
    ['a check of a listed file', ['check', listed], 1],
    ['a check of a listed file, as JSON', ['check', '--json', listed], 1],
    ['a check of a broken file', ['check', join(work, 'broken.jpg')], 2],
    ['a check of a file without a match', ['check', other], 0],
    ['hashes of a broken file', ['hash', join(work, 'broken.jpg')], 2],
    ['hashes with files left', ['hash', '--json', other, other, other], 2],
    ['an export with entries left', ['lists', 'export', '--list', 'sample'], 2],
    ['lists that are shown', ['lists', 'show'], 0],
    ['the help', ['--help'], 0],
    ['a list that does not exist', ['lists', 'show', 'nowhere'], 2],
    ['an unknown option', ['--nonsense'], 2],
    ['suites of the bench that are left', ['bench', '--smoke', 'kernels', 'kernels', 'kernels'], 2],
  ])('closed before the first byte: %s', async (_name, args, code) => {
    const ended = await zeef(args, { out: 'none' });
    expect(ended.code, ended.err).toBe(code);
    expect(ended.err).not.toContain('    at ');
    expect(ended.err).not.toContain('EPIPE');
  });

  test('a scan whose reader leaves after a line does not end with 0, and says how it continues', async () => {
    const ended = await zeef(['scan', tree, '--max-rate', '4', '--resume', inventory], { out: 'first' });
    expect(ended.code).toBe(2);
    expect(ended.err).toContain('no reader');
    expect(ended.err).toContain('The same command resumes');
    const again = await zeef(['scan', tree, '--resume', inventory], {});
    expect(again.code).toBe(1);
    expect(linesOf(again.out).at(-1)).toMatchObject({ files: 8, byVerdict: { match: 8 } });
  });

  test('a damaged inventory is not found to be whole', async () => {
    const folder = join(work, 'damaged');
    expect((await zeef(['scan', tree, '--resume', folder], {})).code).toBe(1);
    damage(join(folder, INVENTORY_FILE), INVENTORY_TABLES.find(({ name }) => name === 'file')!, 'facts');
    expect((await zeef(['verify', '--inventory', folder], { out: 'none' })).code).toBe(2);
  });

  test('an import without a reader is complete', async () => {
    const args = ['lists', 'import', 'hashlists/sample/sample.csv', '--list', 'second'];
    expect((await zeef(args, { out: 'none' })).code).toBe(0);
    expect((await zeef(['lists', 'show', 'second'], {})).out).toContain('40 entries');
    expect((await zeef(['lists', 'remove', 'second'], {})).code).toBe(0);
  });
});

describe('stderr', () => {
  test.each<[string, readonly string[], Readers, number]>([
    ['a scan with progress', ['scan', tree, '--progress-seconds', '0.05', '--max-rate', '8'], { err: 'none' }, 1],
    ['a scan, after a line of progress', ['scan', tree, '--progress-seconds', '0.05'], { err: 'first' }, 1],
    ['a scan, and stdout too', ['scan', tree], { err: 'none', out: 'none' }, 2],
    ['an error', ['lists', 'show', 'nowhere'], { err: 'none' }, 2],
    ['wrong usage', ['--nonsense'], { err: 'none' }, 2],
    ['a check', ['check', listed], { err: 'none' }, 1],
    ['a check without a list', ['--data-dir', join(work, 'empty'), 'check', other], { err: 'none' }, 2],
    ['logs at the lowest level', ['--log-level', 'trace', 'check', listed], { err: 'none' }, 1],
  ])('without a reader: %s', async (_name, args, readers, code) => {
    const ended = await zeef(args, readers);
    expect(ended.code).toBe(code);
    if (readers.out !== 'none' && code === 1) expect(ended.out).toContain('match');
  });
});

const hasFull = orLeftOut(process.platform === 'linux', 'No /dev/full', 'tests of a full disk behind stdout');

test.runIf(hasFull)('an output that cannot be written is one line, and exit code 2', async () => {
  const command = `exec "$0" "$@" > /dev/full`;
  const child = spawn('sh', ['-c', command, process.execPath, MAIN, 'check', listed], { env });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(2);
  expect(err).toBe('zeef: the output cannot be written: ENOSPC\n');
});
