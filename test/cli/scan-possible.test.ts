/** A copy that is cut too much to match: its file waits for a person, by a scan and by a check. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { PHOTOGRAPHS } from '../support/running.js';

const work = tempFolder('scan-possible');
const tree = join(work, 'tree');
const cut = join(tree, 'cut.png');
const listed = join(work, 'listed.png');

async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data'), ...more });
  const child = spawn(process.execPath, [artefact('src', 'main.js'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out };
}
interface PossibleHit {
  readonly reference: string;
  readonly timesSeen: number;
  readonly distance: number;
  readonly possible: boolean;
  readonly matches: readonly object[];
}
const summaryOf = ({ out }: { out: string }) => JSON.parse(out.trim().split('\n').at(-1)!) as object;
const possibleHits = async (more = {}) =>
  (await run(['hits', 'list', '--status', 'possible', '--json'], more)).out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as PossibleHit);

beforeAll(async () => {
  mkdirSync(tree);
  const name = readdirSync(PHOTOGRAPHS).find((file) => file.endsWith('.jpg'))!;
  const photograph = await sharp(join(PHOTOGRAPHS, name)).resize(480).removeAlpha().png().toBuffer();
  const { width, height } = await sharp(photograph).metadata();
  writeFileSync(listed, photograph);
  const [left, top] = [Math.round(width * 0.11), Math.round(height * 0.099)];
  const region = { left, top, width: Math.round(width * 0.78), height: Math.round(height * 0.802) };
  writeFileSync(cut, await sharp(photograph).extract(region).png().toBuffer());
  await run(['lists', 'add', 'own', listed]);
  // The photograph is one of the canaries.
  expect((await run(['lists', 'approve', 'own'])).code).toBe(0);
}, 60_000);

test('a scan counts it, its verdict is no match, and a hit waits', { timeout: 120_000 }, async () => {
  const scan = () => run(['scan', tree, '--detail', 'deep']);
  const plain = await run(['scan', tree, '--detail', 'plain']);
  expect(plain.code).toBe(0);
  expect(await possibleHits()).toEqual([]);
  const first = await scan();
  expect(first.code).toBe(0);
  expect(summaryOf(first)).toMatchObject({ byVerdict: { no_match: 1 }, possible: 1 });
  expect(await possibleHits()).toMatchObject([{ reference: cut, timesSeen: 1, possible: true }]);
  await scan();
  const [hit] = await possibleHits();
  expect(hit).toMatchObject({ timesSeen: 2 });
  expect(hit!.distance).toBeGreaterThan(31);
  const off = await run(['scan', tree, '--detail', 'deep'], { ZEEF_POSSIBLE: 'off' });
  expect(summaryOf(off)).toMatchObject({ byVerdict: { no_match: 1 }, possible: 0 });
  expect(await possibleHits()).toMatchObject([{ timesSeen: 2 }]);
});

test.runIf(hasPostgres)('so it does by a joined scan', { timeout: 120_000 }, async () => {
  const url = await (await sharedServer()).createDatabase();
  const shared = { ZEEF_DATABASE_URL: url, ZEEF_LIST_KEY: '1'.repeat(64), ZEEF_DATA_DIR: join(work, 'joined') };
  await run(['lists', 'add', 'own', listed], shared);
  expect((await run(['lists', 'approve', 'own'], shared)).code).toBe(0);
  const scanned = await run(['scan', tree, '--detail', 'deep', '--join', 'one'], shared);
  expect(scanned.code).toBe(0);
  expect(summaryOf(scanned)).toMatchObject({ byVerdict: { no_match: 1 }, possible: 1 });
  const [hit, ...others] = await possibleHits(shared);
  expect(others).toEqual([]);
  const evidence = ({ reference, matches }: (typeof others)[number]) => {
    return { reference, matches: matches.map((match) => ({ ...match, entryId: null })) };
  };
  const [alone] = await possibleHits();
  expect(evidence(hit!)).toEqual(evidence(alone!));
});

test('a check says it where answers are to, and exits as for no match', { timeout: 120_000 }, async () => {
  const check = (possible: string) => run(['check', cut, '--detail', 'deep'], { ZEEF_POSSIBLE: possible });
  expect(await check('cases')).toEqual({ code: 0, out: `no_match    ${cut}\n` });
  const said = await check('answers');
  expect(said.code).toBe(0);
  expect(said.out).toMatch(/^no_match .*cut\.png possibly own\/\S+ distance \d+ window crop\n$/);
});
