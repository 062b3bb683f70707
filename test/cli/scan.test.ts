/** `zeef scan` as an operator runs it: walking, resuming, pausing, reports. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { smallPictures } from '../../bench/scan-tree.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { INVENTORY_TABLES } from '../../src/sqlite/inventory/database.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { withInput } from '../support/command-line.js';
import { damage } from '../support/damage.js';
import { orLeftOut } from '../support/left-out.js';
import { run } from '../support/processes.js';
import { PHOTOGRAPHS, PICTURES } from '../support/running.js';
import { fileLines, linesOf, readReport } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('scan');
const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data') });
const listed = join(PICTURES, 'mate-freshflower.jpg');
const other = join(PHOTOGRAPHS, 'mate-dune.jpg');
const third = join(PHOTOGRAPHS, 'mate-garden.jpg');

/** In this process: the walk and the decoder have their own, as ever. */
const zeef = (args: readonly string[], input: string | Uint8Array = '') => withInput(input, env, ...args);

const isUnprivileged = orLeftOut(process.getuid?.() !== 0, 'The user is root', 'tests of files without permissions');

let tree = '';
const inTree = (...path: string[]) => join(tree, ...path);

beforeAll(async () => {
  expect((await zeef(['lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample'])).code).toBe(0);
});
beforeEach(async () => {
  tree = tempFolder('tree');
  mkdirSync(inTree('a', 'b'), { recursive: true });
  await copyFile(listed, inTree('a', 'b', 'one.bin'));
  await copyFile(other, inTree('a', 'two.jpg'));
  writeFileSync(inTree('three.txt'), 'text');
});

describe('walking', () => {
  test('symbolic links are skipped, or followed without loops; FIFOs and sockets are skipped and counted', async () => {
    symlinkSync(tree, inTree('a', 'circle'));
    execFileSync('mkfifo', [inTree('pipe')]);
    const socket: Server = createServer();
    await new Promise<void>((resolve) => socket.listen(inTree('socket'), resolve));
    const { code, out } = await run(env, 'scan', tree);
    const followed = await zeef(['scan', tree, '--follow']);
    socket.close();
    expect(code).toBe(1);
    expect(linesOf(out).at(-1)).toMatchObject({
      files: 3,
      notPictures: 1,
      skippedByKind: { symlinks: 1, special: 2, excluded: 0 },
    });
    expect(linesOf(followed.out).at(-1)).toMatchObject({ files: 3, skippedByKind: { symlinks: 0, special: 2 } });
  });

  test('a file name of any bytes is printed escaped, and kept exactly in pathBase64', async () => {
    const exact = Buffer.concat([Buffer.from(`${inTree('a')}/`), Buffer.from([0xff, 0x0a, 0x1b, 0x5b, 0x41])]);
    writeFileSync(exact, readFileSync(listed));
    const { out } = await zeef(['scan', tree, '--include', '*A']);
    const [line] = linesOf(out).filter(({ type }) => type === 'match');
    expect(line!.path).toBe(`${inTree('a')}/\\xff\\x0a\\x1b[A`);
    expect(Buffer.from(String(line!.pathBase64), 'base64')).toEqual(exact);
  });

  test('patterns match names or paths; an excluded folder is not entered', async () => {
    const files = async (...args: string[]) => linesOf((await zeef(['scan', tree, ...args])).out).at(-1)!;
    expect(await files('--exclude', 'b')).toMatchObject({ files: 2, skippedByKind: { excluded: 1 } });
    expect(await files('--include', '*.jpg')).toMatchObject({ files: 1, skippedByKind: { excluded: 2 } });
    expect(await files('--include', `${tree}/a/**`)).toMatchObject({ files: 2 });
  });

  test.each([
    ['newlines', '\n', []],
    ['NUL bytes', '\0', ['--null']],
  ])('file names from stdin, separated by %s', async (_name, end, flags) => {
    const names = [inTree('a', 'b', 'one.bin'), inTree('a', 'two.jpg'), inTree('gone.jpg')];
    const { out, code } = await zeef(['scan', '--files-from', '-', ...flags], names.join(end));
    expect(code).toBe(2);
    const lines = linesOf(out);
    expect(lines.find(({ type }) => type === 'match')!.path).toBe(names[0]);
    expect(lines.find(({ type }) => type === 'not_checked')).toMatchObject({ code: 'FILE_VANISHED', path: names[2] });
    expect(lines.at(-1)).toMatchObject({ files: 3, checked: 2 });
  });

  test('a list of files that an editor wrote: a byte order mark and CRLF; a name that ends with CR is found', async () => {
    const odd = `${inTree('odd.jpg')}\r`;
    await copyFile(listed, odd);
    const names = [inTree('a', 'b', 'one.bin'), inTree('a', 'two.jpg'), odd.slice(0, -1)];
    const { out, code } = await zeef(['scan', '--files-from', '-'], `\ufeff${names.join('\r\n')}\r\n`);
    expect(code).toBe(1);
    expect(linesOf(out).at(-1)).toMatchObject({ files: 3, checked: 3, byVerdict: { match: 2 } });
  });

  test('a list in UTF-16 is refused in one line', async () => {
    const { code, err } = await zeef(['scan', '--files-from', '-'], Buffer.from('\ufeff/a\n', 'utf16le'));
    expect([code, err]).toEqual([2, expect.stringMatching(/^zeef: REQUEST_INVALID: [^\n]*--null[^\n]*\n$/)]);
  });

  test('an archive that cannot be opened is no clean result where it was to be opened', async () => {
    writeFileSync(inTree('box.7z'), Buffer.from('377abcaf271c0004', 'hex'));
    const named = async (...args: string[]) => zeef(['scan', inTree('box.7z'), inTree('three.txt'), ...args]);
    const { code, out } = await named('--archives');
    expect(code).toBe(2);
    expect(linesOf(out)).toMatchObject([
      { type: 'begin' },
      { type: 'not_checked', reason: 'unsupported_format', code: 'ARCHIVE_UNSUPPORTED', path: inTree('box.7z') },
      { type: 'summary', files: 2, archives: 1, byReason: { unsupported_format: 1 } },
    ]);
    const closed = await named('--list-others');
    expect(closed.code).toBe(0);
    expect(linesOf(closed.out).find(({ path }) => path === inTree('box.7z'))).toMatchObject({ kind: 'other_archive' });
  });

  test('a path that does not exist is reported; the scan continues', async () => {
    const { out } = await zeef(['scan', tree, inTree('nowhere')]);
    expect(linesOf(out).filter(({ type }) => type === 'not_checked')).toMatchObject([
      { path: inTree('nowhere'), reason: 'unreadable' },
    ]);
    expect(linesOf(out).at(-1)).toMatchObject({ files: 4, byVerdict: { match: 1, not_checked: 1 } });
  });

  test.runIf(isUnprivileged)('a folder and a file without permissions are reported; the scan continues', async () => {
    mkdirSync(inTree('closed'));
    for (const name of ['closed', 'three.txt']) chmodSync(inTree(name), 0);
    const { out } = await zeef(['scan', tree]);
    for (const name of ['closed', 'three.txt']) chmodSync(inTree(name), 0o700);
    const reported = linesOf(out).filter(({ type }) => type === 'not_checked');
    expect(reported.map(({ path, reason }) => [path, reason]).sort()).toEqual([
      [inTree('closed'), 'unreadable'],
      [inTree('three.txt'), 'unreadable'],
    ]);
    expect(linesOf(out).at(-1)).toMatchObject({ byVerdict: { match: 1 } });
  });
});

describe('inventory', () => {
  const tableOf = (name: string) => INVENTORY_TABLES.find((table) => table.name === name)!;
  const scan = async (inventory: string, ...args: string[]) => {
    const { out, code } = await zeef(['scan', tree, '--resume', inventory, ...args]);
    return { out, code, summary: linesOf(out).at(-1)! };
  };

  test('a second scan reads only new and changed files, and drops removed ones', async () => {
    const inventory = join(tree, '..', 'inventory-second');
    expect((await scan(inventory)).summary).toMatchObject({ files: 3, fromInventory: 0 });
    const again = await scan(inventory);
    expect(again.summary).toMatchObject({ files: 3, fromInventory: 3, bytesRead: 0, byVerdict: { match: 1 } });
    await copyFile(third, inTree('new.jpg'));
    await copyFile(listed, inTree('a', 'two.jpg'));
    rmSync(inTree('a', 'b', 'one.bin'));
    const third_ = await scan(inventory);
    expect(third_.summary).toMatchObject({ files: 3, fromInventory: 1, byVerdict: { match: 1, no_match: 1 } });
    expect(fileLines(third_.out)).toEqual(fileLines((await zeef(['scan', tree])).out));
    // Same size, same bytes, another mtime: the image may have changed.
    utimesSync(inTree('new.jpg'), new Date(), new Date(0));
    expect((await scan(inventory)).summary).toMatchObject({ fromInventory: 2 });
  });

  test('a rematch of new entries decides again what a sampled list left out', async () => {
    const inventory = join(tree, '..', 'inventory-sampled');
    const rate = async (share: string) =>
      expect((await zeef(['lists', 'set', 'sample', '--sample', share])).code).toBe(0);
    try {
      await rate('0');
      expect((await scan(inventory)).summary).toMatchObject({ byVerdict: { match: 0, suppressed: 1 } });
    } finally {
      await rate('1');
    }
    const again = await zeef(['scan', '--rematch', inventory, '--new-entries']);
    expect(again.code).toBe(1);
    expect(linesOf(again.out).at(-1)).toMatchObject({ byVerdict: { match: 1, suppressed: 0 }, byList: { sample: 1 } });
  });

  test('a rematch after a list change reports the hits of a fresh scan, without reading a file', async () => {
    const inventory = join(tree, '..', 'inventory-rematch');
    const [generated] = await smallPictures(join(work, 'generated'), 1, 600);
    await copyFile(generated!, inTree('third.jpg'));
    await scan(inventory);
    expect((await zeef(['lists', 'add', 'news', generated!])).code).toBe(0);
    try {
      const fresh = await zeef(['scan', tree]);
      // The files are moved away: none can be read.
      execFileSync('mv', [tree, `${tree}-away`]);
      const newEntries = await zeef(['scan', '--rematch', inventory, '--new-entries']);
      const rematched = await zeef(['scan', '--rematch', inventory]);
      execFileSync('mv', [`${tree}-away`, tree]);
      expect(rematched.code).toBe(1);
      expect(fileLines(rematched.out)).toEqual(fileLines(fresh.out));
      expect(linesOf(rematched.out).at(-1)).toMatchObject({ byList: { sample: 1, news: 1 }, fromInventory: 4 });
      // Of the two hits only that of the new entry.
      expect(fileLines(newEntries.out)).toEqual(fileLines(fresh.out).filter((line) => line.includes('"news"')));
      expect(fileLines(newEntries.out)).toHaveLength(1);
      // The new entry was matched above: no entry is new any more.
      expect(fileLines((await zeef(['scan', '--rematch', inventory, '--new-entries'])).out)).toEqual([]);
    } finally {
      await zeef(['lists', 'remove', 'news']);
    }
    const after = await zeef(['scan', '--rematch', inventory]);
    expect(linesOf(after.out).at(-1)).toMatchObject({ byList: { sample: 1 } });
  });

  test('a damaged row of a file: a rematch reports the others and ends with 2; a scan reads the file again', async () => {
    const inventory = join(tree, '..', 'inventory-damaged');
    const whole = await scan(inventory);
    const facts = `instr(name, 'one.bin') > 0`;
    damage(join(inventory, INVENTORY_FILE), tableOf('file'), 'facts', facts);
    const verified = await zeef(['verify', '--inventory', inventory]);
    expect(verified.code).toBe(2);
    expect(verified.out).toMatch(/^inventory\.sqlite: the row \d+ of file is not as it was written$/m);
    const rematched = await zeef(['scan', '--rematch', inventory]);
    expect(rematched.code).toBe(2);
    expect(rematched.err).toMatch(/STORE_DAMAGED.*scan the same paths into this inventory again/);
    const again = await scan(inventory);
    expect(again).toMatchObject({ code: whole.code, summary: { fromInventory: 2, byVerdict: { match: 1 } } });
    expect(fileLines(again.out)).toEqual(fileLines(whole.out));
    expect((await zeef(['verify', '--inventory', inventory])).code).toBe(0);
    expect((await zeef(['scan', '--rematch', inventory])).code).toBe(whole.code);
  });

  test.each([
    ['folder', 'path', 'visit = 1'],
    ['folder', 'visit', 'visit = 1'],
    ['meta', 'value', `name = 'seed'`],
    ['meta', 'value', `name = 'scan'`],
  ])('damage in %s.%s, where %s: a scan and a rematch end with 2 and one line', async (table, column, where) => {
    const inventory = join(tree, '..', `inventory-${table}-${column}-${where.replaceAll(/\W/g, '')}`);
    await scan(inventory);
    damage(join(inventory, INVENTORY_FILE), tableOf(table), column, where);
    for (const args of [
      ['scan', '--rematch', inventory],
      ['scan', tree, '--resume', inventory],
    ]) {
      const { code, err } = await zeef(args);
      expect(code).toBe(2);
      expect(err).toMatch(/^zeef: STORE_DAMAGED: .*$/m);
      expect(err).not.toContain('    at ');
    }
  });

  test('a rematch of an empty inventory is refused', async () => {
    const { code, err } = await zeef(['scan', '--rematch', join(work, 'nothing-there')]);
    expect(code).toBe(2);
    expect(err).toMatch(/FILE_UNREADABLE.*no inventory of a scan/);
  });
});

describe('interrupt and pause', () => {
  test('SIGINT ends a scan with a summary and a hint, and the same command resumes it', async () => {
    for (let at = 0; at < 30; at++) await copyFile(third, inTree(`copy-${at}.jpg`));
    const inventory = join(tree, '..', 'inventory-stop');
    const report = join(work, 'stop.jsonl');
    const args = [
      'scan',
      tree,
      '--resume',
      inventory,
      '--report',
      report,
      '--max-rate',
      '2MB',
      '--progress-seconds',
      '0.2',
    ];
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    let hasQuery = false;
    child.stderr.on('data', (chunk) => {
      if (err === '') child.kill('SIGUSR1');
      err += chunk;
      // Once: a second SIGINT aborts.
      if (!hasQuery && /"pictures":[1-9]/.test(err)) hasQuery = child.kill('SIGINT');
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130);
    expect(err).toMatch(/"type":"progress".*"etaSeconds"/);
    expect(err).toMatch(/stopped\. The same command resumes/);
    const stopped = linesOf(readReport(report)).at(-1)!;
    expect(stopped).toMatchObject({ type: 'summary', interrupted: true });
    const { out } = await zeef(['scan', tree, '--resume', inventory]);
    expect(linesOf(out).at(-1)).toMatchObject({ files: 33, interrupted: false });
    expect(linesOf(out).at(-1)!.fromInventory).toBeGreaterThan(0);
  });

  test('a scan waits while the pause file exists', async () => {
    const pause = join(work, 'pause');
    writeFileSync(pause, '');
    const child = spawn(process.execPath, [MAIN, 'scan', tree, '--pause-file', pause, '--progress-seconds', '0.2'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      if (!String(chunk).includes('"paused":"pause file"') || !existsSync(pause)) return;
      expect(String(chunk)).toMatch(/"files":0/);
      rmSync(pause);
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
    expect(linesOf(out).at(-1)).toMatchObject({ files: 3 });
  });
});

describe('reports', () => {
  test('the summary is written as text, JSON, CSV and self-contained HTML', async () => {
    const files = ['.txt', '.json', '.csv', '.html'].map((suffix) => join(work, `summary${suffix}`));
    await zeef(['scan', tree, ...files.flatMap((file) => ['--summary', file])]);
    const [text, json, csv, page] = files.map((file) => readFileSync(file, 'utf8'));
    expect(text).toMatch(/^files +3$/m);
    expect(JSON.parse(json!)).toMatchObject({ files: 3, byVerdict: { match: 1 } });
    expect(csv).toContain('files,3\r\n');
    expect(csv).toContain('on list sample: exact,1\r\n');
    expect(page).toContain('<polyline');
    expect(page).not.toMatch(/<script|src=|href=/);
    expect((await zeef(['scan', tree, '--summary', 'x.pdf'])).code).toBe(2);
  });

  test('the quarantine script moves hits with any name, and only when it is run', async () => {
    const strange = Buffer.concat([Buffer.from(`${inTree('a')}/it's $(touch pwned) `), Buffer.from([0xff, 0x0a])]);
    writeFileSync(strange, readFileSync(listed));
    const [script, target] = [join(work, 'move.sh'), join(work, "quaran'tine")];
    await zeef(['scan', tree, '--quarantine', script, '--quarantine-to', target]);
    expect(existsSync(inTree('a', 'b', 'one.bin'))).toBe(true);
    execFileSync('sh', [script], { cwd: tree });
    expect(existsSync(inTree('a', 'b', 'one.bin'))).toBe(false);
    expect(readdirSync(target)).toHaveLength(2);
    expect(readdirSync(tree)).not.toContain('pwned');
    expect(readdirSync(inTree('a'))).toEqual(['b', 'two.jpg']);
  });

  test('--on-match passes its arguments verbatim, and a failing program does not stop the scan', async () => {
    const strange = Buffer.concat([Buffer.from(`${inTree('a')}/$(id) `), Buffer.from([0xff])]);
    writeFileSync(strange, readFileSync(listed));
    const log = join(work, 'calls');
    const program = join(work, 'program.sh');
    writeFileSync(program, `#!/bin/sh\nprintf '%s|%s|%s|%s\\n' "$1" "$2" "$3" "$#" >> '${log}'\nexit 3\n`, {
      mode: 0o755,
    });
    const { code, out, err } = await zeef([
      ...['scan', tree, '--on-match', program],
      ...['--on-match-arg', '{path}', '--on-match-arg', '{list}/{entry}', '--on-match-arg', '{sha256}'],
    ]);
    expect(code).toBe(1);
    expect(err).toContain('ended with');
    expect(linesOf(out).at(-1)).toMatchObject({ onMatch: { ran: 2, failed: 2 } });
    // With it a program can see that the path still is the file that matched.
    const sha256 = createHash('sha256').update(readFileSync(listed)).digest('hex');
    const calls = readFileSync(log, 'latin1').trim().split('\n').sort();
    expect(calls).toEqual(
      [strange.toString('latin1'), inTree('a', 'b', 'one.bin')]
        .map((path) => `${path}|sample/mate-freshflower|${sha256}|3`)
        .sort(),
    );
  });
});
