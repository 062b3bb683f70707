/** One scan by several processes, each with a data folder of its own, as on several machines. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import type { ScanSummary } from '../../src/scan/tally.js';
import { FakeS3 } from '../support/fake-s3.js';
import { hasPostgres, PostgresServer, sharedServer } from '../support/postgres.js';
import { run } from '../support/processes.js';
import { seeded } from '../support/random.js';

const TIMEOUT_MS = 240_000;
const KEY = '1'.repeat(64);

const machine = (url: string, more: Record<string, string> = {}) => ({
  ZEEF_DATABASE_URL: url,
  ZEEF_DATA_DIR: join(tempFolder('machine'), 'data'),
  ZEEF_LIST_KEY: KEY,
  ZEEF_WORKERS: '1',
  ...more,
});

type Line = Record<string, unknown> & { readonly type: string };
const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

/** What a report says of its files, in order of their paths. */
const files = (lines: readonly Line[]) =>
  lines
    .filter(({ type }) => type !== 'begin' && type !== 'summary' && type !== 'progress')
    .map(({ path, verdict, reason, digests }) => JSON.stringify({ path, verdict, reason, digests }))
    .sort();
const summaryOf = (lines: readonly Line[]) => {
  const { files, byVerdict, byReason, byList, exact, notPictures, skippedByKind, bytes, missing } = lines.find(
    ({ type }) => type === 'summary',
  )!;
  return { files, byVerdict, byReason, byList, exact, notPictures, skippedByKind, bytes, missing };
};

const summaryCounts = (lines: readonly Line[]) => {
  const { byVerdict } = lines.find(({ type }) => type === 'summary') as unknown as ScanSummary;
  const { match, no_match, suppressed, not_checked } = byVerdict;
  return { checked: match + no_match + suppressed + not_checked, matched: match };
};

/** Start a command, and take what it prints. */
function start(env: Record<string, string>, ...args: string[]) {
  const child = endWithParent(spawn(process.execPath, [artefact('src', 'main.js'), ...args], { env: childEnv(env) }));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    ended,
    output: () => text,
    async sees(part: string) {
      await expect.poll(() => text, { timeout: 60_000 }).toContain(part);
    },
  };
}

/** Write a tree of folders with pictures and other files. Result: some digests of pictures. */
async function makeTree(root: string, folders: number, filesPerFolder: number): Promise<string[]> {
  const digests: string[] = [];
  const random = seeded(7);
  const paths = [root];
  for (let at = 0; at < folders; at++) {
    const folder = join(paths[Math.floor(random() * paths.length)]!, `folder ${at}`);
    mkdirSync(folder, { recursive: true });
    paths.push(folder);
    for (let file = 0; file < filesPerFolder; file++) {
      const path = join(folder, `file ${file}`);
      if (file % 5 === 4) writeFileSync(path, `text ${at} ${file}`);
      else if (file % 7 === 6)
        writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(path)]));
      else {
        const background = { r: at % 256, g: file % 256, b: (at * file) % 256 };
        const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background } })
          .png()
          .toBuffer();
        writeFileSync(path, Buffer.concat([bytes, Buffer.from(path)]));
        if ((at + file) % 3 === 0) digests.push(createHash('md5').update(readFileSync(path)).digest('hex'));
      }
    }
  }
  return digests;
}

const treeFiles = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: path.slice(root.length + 1), bytes: readFileSync(path) }));

describe.runIf(hasPostgres)('a joined scan', () => {
  let tree = '';
  let digests: string[] = [];

  beforeAll(async () => {
    tree = tempFolder('tree');
    digests = await makeTree(tree, 40, 12);
    // With an inventory, as each shard has one: its lines have all digests.
    const inventory = join(tempFolder('alone'), 'inventory');
    const alone = await run(machine(await place()), 'scan', tree, '--no-count', '--resume', inventory);
    expect(alone.code).toBe(2);
    expected = linesOf(alone.output.toString());
  }, TIMEOUT_MS);

  let expected: Line[] = [];

  async function fill(url: string): Promise<void> {
    const list = join(tempFolder('list'), 'list.txt');
    writeFileSync(list, digests.join('\n'));
    const { code, output } = await run(machine(url), 'lists', 'import', list, '--list', 'known', '--algorithm', 'md5');
    expect(code, output.toString()).toBe(0);
  }

  async function place(): Promise<string> {
    const url = await (await sharedServer()).createDatabase();
    await fill(url);
    return url;
  }

  test(
    'by three processes has the result of one',
    async () => {
      const url = await place();
      const report = join(tempFolder('report'), 'lines.jsonl');
      const joined = await Promise.all([
        run(machine(url), 'scan', '--join', 'all', tree, '--report', report),
        run(machine(url), 'scan', '--join', 'all', tree),
        run(machine(url), 'scan', '--join', 'all', tree),
      ]);
      expect(joined.map(({ code }) => code)).toEqual([2, 2, 2]);
      const whole = linesOf(readFileSync(report, 'utf8'));
      expect(files(whole)).toEqual(files(expected));
      expect(summaryOf(whole)).toEqual(summaryOf(expected));
    },
    TIMEOUT_MS,
  );

  test(
    'goes through the end of its database, of a process and a signal, and counts once',
    async () => {
      const server = await PostgresServer.create();
      const url = server.url();
      await fill(url);
      const command = ['scan', '--join', 'all', tree];
      const first = start(machine(url), ...command);
      const second = start(machine(url), ...command);
      await Promise.race([first.sees('"type":"match"'), second.sees('"type":"match"')]);
      await server.killAll();
      await Promise.race([first.sees('"type":"waiting"'), second.sees('"type":"waiting"')]);
      await server.start();
      const counted = first.output().length;
      await expect.poll(() => first.output().length, { timeout: 60_000 }).toBeGreaterThan(counted);
      first.child.kill('SIGKILL');
      second.child.kill('SIGINT');
      expect(await second.ended, second.output()).toBe(130);
      expect(second.output()).toContain('joins the scan all again');
      const report = join(tempFolder('report'), 'lines.jsonl');
      const { code, output } = await run(machine(url), ...command, '--report', report, '--progress-seconds', '1');
      expect(code, output.toString()).toBe(2);
      const whole = linesOf(readFileSync(report, 'utf8'));
      expect(summaryOf(whole)).toEqual(summaryOf(expected));
      expect(files(whole)).toEqual(files(expected));
      const ledger = await run(machine(url), 'ledger', 'show', '--json');
      const { checked, matched } = summaryCounts(expected);
      expect(JSON.parse(ledger.output.toString())).toMatchObject({ checked, matched });
    },
    TIMEOUT_MS,
  );

  test(
    'of a bucket goes through the end of a process, and has the result of one',
    async () => {
      const fake = await FakeS3.start();
      for (const { path, bytes } of treeFiles(tree)) fake.plant(path, bytes);
      const url = await place();
      const machineOfBucket = () => machine(url, fake.env);
      const bucket = 's3://zeef-test/';
      const alone = await run(machineOfBucket(), 'scan', bucket, '--resume', join(tempFolder('alone'), 'inventory'));
      expect(alone.code, alone.output.toString()).toBe(2);
      const one = linesOf(alone.output.toString());
      const command = ['scan', '--join', 'bucket', bucket];
      // The first process dies while it reads objects.
      fake.delayMs = 50;
      const first = start(machineOfBucket(), ...command);
      const gets = () => fake.operations.filter((operation) => operation === 'GetObject').length;
      const before = gets();
      await expect.poll(gets, { timeout: 60_000 }).toBeGreaterThan(before + 10);
      first.child.kill('SIGKILL');
      fake.delayMs = 0;
      const report = join(tempFolder('report'), 'lines.jsonl');
      const both = await Promise.all([
        run(machineOfBucket(), ...command, '--report', report),
        run(machineOfBucket(), ...command),
      ]);
      for (const { code, output } of both) expect(code, output.toString()).toBe(2);
      const whole = linesOf(readFileSync(report, 'utf8'));
      expect(files(whole)).toEqual(files(one));
      expect(summaryOf(whole)).toEqual(summaryOf(one));
      const refused = await run(machineOfBucket(), ...command, '--etags-only');
      expect([refused.code, refused.output.toString()]).toEqual([2, expect.stringContaining('join')]);
      await fake.stop();
    },
    TIMEOUT_MS,
  );

  test(
    'refuses what one process alone can do, and an embedded store',
    async () => {
      const url = await place();
      const refused = async (env: Record<string, string>, ...flags: string[]) => {
        const { code, output } = await run(env, 'scan', '--join', 'all', tree, ...flags);
        expect(code, output.toString()).toBe(2);
        return output.toString();
      };
      for (const flag of ['--follow', '--list-others'])
        expect(await refused(machine(url), flag)).toContain(flag.slice(2));
      for (const flag of ['resume', 'files-from', 'on-match', 'server'])
        expect(await refused(machine(url), `--${flag}`, '/dev/null')).toContain(flag);
      expect(await refused(machine(url, { ZEEF_LEDGER: 'off' }))).toContain('ZEEF_LEDGER');
      expect(await refused({ ...machine(url), ZEEF_DATABASE_URL: '' })).toContain('ZEEF_DATABASE_URL');
      const unnamed = await run(machine(url), 'scan', '--join', 'a/b', tree);
      expect(unnamed.output.toString()).toContain('REQUEST_INVALID');
    },
    TIMEOUT_MS,
  );
});
