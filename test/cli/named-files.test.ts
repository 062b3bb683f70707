/** Files that a user names: tried before the work, and refused in the system's own words, with the path and without a stack. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import type { CliContext } from '../../src/cli/context.js';
import { isOutput } from '../../src/cli/output-files.js';
import { createProgram, runCommandLine } from '../../src/cli/program.js';
import { ERRORS } from '../../src/core/errors.js';
import { artefact } from '../../src/core/package-root.js';
import { inProcess } from '../support/command-line.js';

const folder = tempFolder('named-files');
const dataDir = join(folder, 'data');
const images = join(folder, 'images');

const env = childEnv({ ZEEF_DATA_DIR: dataDir });
/** In this process: each of many commands would take half a second to start. */
const zeef = (...argv: string[]) => inProcess(env, ...argv);

/** In a process of its own, whose errors are printed as a user sees them. */
function zeefAlone(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const options = { env, timeout: 60_000, killSignal: 'SIGKILL' as const };
    execFile(process.execPath, [artefact('src', 'main.js'), ...argv], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

beforeAll(async () => {
  mkdirSync(images);
  copyFileSync('hashlists/sample/pictures/mate-twowings.jpg', join(images, 'a.jpg'));
  writeFileSync(join(folder, 'file'), 'kept');
  await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
});

function allOf(command: Command, path = ''): (readonly [string, Option | Argument])[] {
  const own = [...command.options.map((one) => [`${path}${one.long}`, one] as const)];
  const args = command.registeredArguments.map((one) => [`${path}${one.name()}`, one] as const);
  return [...own, ...args, ...command.commands.flatMap((one) => allOf(one, `${path}${one.name()} `))];
}
const program = createProgram({ out() {}, err() {} } as unknown as CliContext);

test('each place of a command is a file that is written, or known to be none', () => {
  const places = allOf(program).filter(([, one]) => {
    const text = 'flags' in one ? one.flags : one.name();
    return /file|script|folder|images|paths/.test(text);
  });
  const written = places.filter(([, one]) => isOutput(one)).map(([name]) => name);
  expect(written.sort()).toEqual(
    [
      'bench --pairs',
      'ledger backup file',
      'lists export file',
      'lists feedback --out',
      'report --out',
      'scan --quarantine',
      'scan --report',
      'scan --summary',
    ].sort(),
  );
  const others = places.filter(([, one]) => !isOutput(one)).map(([name]) => name);
  expect(others.sort()).toEqual(
    [
      // Read, or made as a folder; --quarantine-to is made by the script.
      '--config',
      '--data-dir',
      'bench --against',
      'bench --hashes',
      'bench --queries',
      'check files',
      'hash files',
      'lists add images',
      'lists import files',
      'lists rotate-key --new-key-file',
      'scan --files-from',
      'scan --one-file-system',
      'scan --pause-file',
      'scan --quarantine-to',
      'scan --rematch',
      'scan --resume',
      'scan paths',
      'verify --inventory',
    ].sort(),
  );
});

describe('a place that takes no file', () => {
  const commands: (readonly [string, (path: string) => string[]])[] = [
    ['--report', (path) => ['scan', images, '--report', path]],
    ['--summary', (path) => ['scan', images, '--summary', `${path}.txt`]],
    ['--quarantine', (path) => ['scan', images, '--quarantine', path, '--quarantine-to', '/q']],
    ['--out', (path) => ['report', '--out', path]],
    ['--out', (path) => ['lists', 'feedback', 'sample', '--out', path]],
    ['file', (path) => ['ledger', 'backup', path]],
    ['file', (path) => ['lists', 'export', path, '--list', 'sample']],
    ['--pairs', (path) => ['bench', 'kernels', '--smoke', '--pairs', path]],
  ];

  test.each(commands)('%s: in no folder, below a file, and where the system makes none', async (field, argv) => {
    for (const [path, why] of [
      ['/nowhere/x', 'ENOENT: no such file or directory'],
      ['/proc/x', 'ENOENT: no such file or directory'],
      [join(folder, 'file', 'x'), 'ENOTDIR: not a directory'],
    ] as const) {
      const { code, out, err } = await (path === '/proc/x' ? zeefAlone : zeef)(...argv(path));
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^zeef: FILE_UNWRITABLE: The file cannot be written\. \{.*\}\n$/);
      expect(JSON.parse(err.slice(err.indexOf('{')))).toEqual({
        field,
        path: expect.stringContaining(path),
        why,
      });
    }
  });

  test.each(commands.filter(([field]) => field !== '--summary'))('%s: a folder', async (_field, argv) => {
    const { code, err } = await zeef(...argv(images));
    expect([code, err]).toEqual([2, expect.stringContaining('EISDIR: illegal operation on a directory')]);
  });

  test('a backup or an exported list replaces nothing', async () => {
    const file = join(folder, 'file');
    for (const argv of [
      ['ledger', 'backup', file],
      ['lists', 'export', file, '--list', 'sample'],
    ]) {
      const { code, err } = await zeef(...argv);
      expect([code, err]).toEqual([2, expect.stringContaining('EEXIST: file already exists')]);
    }
    expect(readFileSync(file, 'utf8')).toBe('kept');
  });

  test('a full disk, at the end of the work: the words and the path', async () => {
    for (const argv of [
      ['report', '--out', '/dev/full'],
      ['scan', images, '--report', '/dev/full'],
    ]) {
      const { code, err } = await zeefAlone(...argv);
      expect([code, err]).toEqual([2, expect.stringMatching(/"path":"\/dev\/full","why":"ENOSPC: no space left/)]);
      expect(err).not.toMatch(/\n {4}at /);
    }
  });

  test('nothing is left where a place was tried, and the report is as good as before', async () => {
    const place = tempFolder('named-files');
    const summary = join(place, 'summary.txt');
    const run = await zeef('scan', images, '--report', join(place, 'report'), '--summary', summary);
    expect([run.code, readdirSync(place).sort()]).toEqual([1, ['report', 'summary.txt']]);
    const both = join(place, 'both.txt');
    const twice = await zeef('scan', images, '--report', both, '--summary', join(place, '.', 'both.txt'));
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('one is named twice') });
  });
});

describe('a file that is there', () => {
  const place = tempFolder('replaced');
  const outputs: (readonly [name: string, argv: (path: string) => string[]])[] = [
    ['--report', (path) => ['scan', images, '--report', path]],
    ...['txt', 'json', 'csv', 'html'].map(
      (end) => [`--summary .${end}`, (path: string) => ['scan', images, '--summary', `${path}.${end}`]] as const,
    ),
    ['--quarantine', (path) => ['scan', images, '--quarantine', path, '--quarantine-to', '/q']],
    ...['text', 'json', 'csv', 'html', 'dsa'].map(
      (format) =>
        [`report --format ${format}`, (path: string) => ['report', '--format', format, '--out', path]] as const,
    ),
    ...[[], ['--format', 'jsonl'], ['--json']].map(
      (how) =>
        [
          `lists feedback ${how.join(' ')}`,
          (path: string) => ['lists', 'feedback', 'sample', ...how, '--out', path],
        ] as const,
    ),
    ['--pairs', (path) => ['bench', 'kernels', '--smoke', '--pairs', path]],
  ];

  test.each(outputs)('%s: an image, or any other file, is not replaced', async (name, argv) => {
    const path = join(place, name.replaceAll(/\W/g, ''));
    const [file] = argv(path).filter((one) => one.startsWith(path)) as [string];
    for (const bytes of [readFileSync(join(images, 'a.jpg')), Buffer.from('name,value\nmine,1\n')]) {
      writeFileSync(file, bytes);
      const { code, out, err } = await zeef(...argv(path));
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^zeef: REQUEST_INVALID: .*another name: this file is no .* or remove it"\}\n$/);
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  test.each(outputs.filter(([name]) => name !== '--pairs'))(
    '%s: one of its own is, and an empty one',
    async (name, argv) => {
      const path = join(place, `again${name.replaceAll(/\W/g, '')}`);
      const [file] = argv(path).filter((one) => one.startsWith(path)) as [string];
      writeFileSync(file, '');
      const codes = [];
      for (const by of [zeef, zeefAlone, zeef]) codes.push((await by(...argv(path))).code);
      expect(codes).toEqual(name.startsWith('--') ? [1, 1, 1] : [0, 0, 0]);
    },
  );

  test('a forgotten name of the report: the first image of the tree is not it', async () => {
    const tree = tempFolder('forgotten');
    for (const name of ['a.jpg', 'b.jpg']) copyFileSync(join(images, 'a.jpg'), join(tree, name));
    const before = readFileSync(join(tree, 'a.jpg'));
    for (const argv of [
      ['scan', '--report', join(tree, 'a.jpg'), join(tree, 'b.jpg')],
      ['scan', tree, '--report', join(tree, 'a.jpg')],
    ])
      expect(await zeef(...argv)).toMatchObject({ code: 2, out: '' });
    expect(readFileSync(join(tree, 'a.jpg')).equals(before)).toBe(true);
  });

  test('outputs inside the tree are left out of the scan, also below a link', async () => {
    const tree = tempFolder('outputs-inside');
    copyFileSync(join(images, 'a.jpg'), join(tree, 'a.jpg'));
    const link = join(tempFolder('link'), 'tree');
    symlinkSync(tree, link);
    const named = ['--report', join(tree, 'r.jsonl'), '--summary', join(tree, 's.json'), '--digest-all'];
    const more = ['--quarantine', join(tree, 'q.sh'), '--quarantine-to', '/q', '--resume', join(tree, 'inventory')];
    for (const root of [tree, tree, link]) {
      const { code } = await zeef('scan', root, ...named, ...more);
      const { files, skippedByKind } = JSON.parse(readFileSync(join(tree, 's.json'), 'utf8'));
      expect([code, files]).toEqual([1, 1]);
      expect(skippedByKind.excluded).toBeGreaterThanOrEqual(3);
    }
  });

  test('a pipe is written, and /dev/stdout behind what is in its file', async () => {
    const pipe = join(place, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const read = new Promise<string>((resolve) => {
      execFile('cat', [pipe], (_error, out) => resolve(out));
    });
    expect((await zeefAlone('scan', images, '--report', pipe)).code).toBe(1);
    expect(await read).toMatch(/^\{"type":"begin",.*\n.*\n.*"type":"summary"/);
    const log = join(place, 'log');
    writeFileSync(log, 'kept\n');
    const script = '"$1" "$2" scan "$3" --report /dev/stdout >> "$4"';
    const argv = ['-c', script, 'sh', process.execPath, artefact('src', 'main.js'), images, log];
    expect(spawnSync('sh', argv, { env: childEnv({ ZEEF_DATA_DIR: dataDir }) }).status).toBe(1);
    expect(readFileSync(log, 'utf8')).toMatch(/^kept\n\{"type":"begin",.*\n.*\n.*"type":"summary".*\nfiles +1\n/);
  });
});

test('--rematch of a folder without an inventory makes none', async () => {
  const typo = join(folder, 'TYPO');
  const { code, err } = await zeef('scan', '--rematch', typo);
  expect([code, err]).toEqual([2, expect.stringMatching(/FILE_UNREADABLE.*"--rematch".*TYPO.*no inventory/)]);
  expect(existsSync(typo)).toBe(false);
});

test.each([
  ['lists import', ['lists', 'import', '/nowhere', '--list', 'a']],
  ['--files-from', ['scan', '--files-from', '/nowhere']],
  ['--new-key-file', ['lists', 'rotate-key', '--new-key-file', '/nowhere']],
])('%s: a file that is not there', async (_name, argv) => {
  const { code, err } = await zeef(...argv);
  expect([code, err]).toEqual([2, expect.stringMatching(/"\/nowhere".*ENOENT: no such file or directory/)]);
});

describe('a command speaks of commands', () => {
  test('each error whose words are of HTTP has words for commands, or is of HTTP alone', () => {
    for (const [code, { says, ...kind }] of Object.entries(ERRORS)) {
      if (!/request|address|content-type|body|Authorization|Idempotency/i.test(says)) continue;
      const words = 'atCommand' in kind ? kind.atCommand : undefined;
      expect(words, code).not.toBe(undefined);
      expect(words ?? '', code).not.toMatch(/request|address|content-type|body|Authorization/i);
    }
  });

  test.each([
    ['new-entries', ['scan', '.', '--new-entries'], '--new-entries'],
    ['max-rate', ['scan', images, '--max-rate', 'fast'], '--max-rate'],
    ['frames', ['check', images, '--frames', '0'], '--frames'],
    ['to', ['report', '--from', '2026-01-02', '--to', '2026-01-01'], '--to'],
  ])('%s is named as an option', async (_name, argv, option) => {
    let err = '';
    await runCommandLine(argv, {
      env: { ZEEF_DATA_DIR: dataDir, ZEEF_LOG_LEVEL: 'silent' },
      out: () => {},
      err: (text: string) => {
        err += text;
      },
      setExitCode: () => {},
      isStopping: () => false,
      isOutputClosed: () => false,
      onAsked: () => {},
      cwd: () => folder,
    } as unknown as CliContext);
    expect(err).toMatch(/^zeef: REQUEST_INVALID: The command does not have the documented form\. \{.*\}\n$/m);
    expect(err).toContain(`"field":"${option}"`);
  });
});
