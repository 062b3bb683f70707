/** One scan by several processes, each with a data folder of its own, as on several machines. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
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

describe.runIf(hasPostgres)('a joined scan', () => {
  let tree = '';
  let digests: string[] = [];

  beforeAll(async () => {
    tree = tempFolder('tree');
    digests = await makeTree(tree, 40, 12);
  }, TIMEOUT_MS);

  async function place(): Promise<string> {
    const url = await (await sharedServer()).createDatabase();
    const list = join(tempFolder('list'), 'list.txt');
    writeFileSync(list, digests.join('\n'));
    const { code, output } = await run(machine(url), 'lists', 'import', list, '--list', 'known', '--algorithm', 'md5');
    expect(code, output.toString()).toBe(0);
    return url;
  }

  test(
    'by three processes has the result of one',
    async () => {
      const url = await place();
      const alone = await run(machine(url), 'scan', tree, '--no-count');
      expect(alone.code).toBe(2);
      const report = join(tempFolder('report'), 'lines.jsonl');
      const joined = await Promise.all([
        run(machine(url), 'scan', '--join', 'all', tree, '--report', report),
        run(machine(url), 'scan', '--join', 'all', tree),
        run(machine(url), 'scan', '--join', 'all', tree),
      ]);
      expect(joined.map(({ code }) => code)).toEqual([2, 2, 2]);
      const expected = linesOf(alone.output.toString());
      const whole = linesOf(readFileSync(report, 'utf8'));
      expect(files(whole)).toEqual(files(expected));
      expect(summaryOf(whole)).toEqual(summaryOf(expected));
    },
    TIMEOUT_MS,
  );
});
