/** `zeef lists feedback`, as an operator uses it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { registerSums } from '../../src/sqlite/sums.js';
import { decided } from '../cases/feedback/decided.js';
import { ncmecServer } from '../lists/import/sources/ncmec-server.js';
import { type SyncedList, startSyncing } from '../lists/import/sources/publisher.js';
import { inProcess } from '../support/command-line.js';

const dataDir = tempFolder('feedback');
const folder = tempFolder('feedback-files');
const publisher = ncmecServer();
let list: SyncedList;
let name = '';

beforeAll(async () => {
  const syncing = await startSyncing({ dataDir });
  for (const n of [1, 2, 3, 4]) publisher.publish(n, 1_000 + n);
  list = await syncing.startSynced(publisher);
  name = list.name;
  const people = decided(list, publisher);
  await people.sync();
  await people.hit(1, 'confirmed');
  await people.hit(2, 'false_positive');
  await people.hit(3, 'confirmed');
  await people.hit(3, 'false_positive');
  await people.hit(4);
  await syncing.close();
});
afterAll(() => list.close());
beforeEach(() => {
  list.asked.length = 0;
  list.callFault = () => null;
});
const puts = () => list.asked.filter(({ method }) => method === 'PUT').map(({ url }) => url.pathname.split('/')[5]);

const args = (...flags: string[]) => [artefact('src', 'main.js'), 'lists', 'feedback', name, ...flags];
const env = (more = publisher.env) => childEnv({ ZEEF_DATA_DIR: dataDir, ...more });
const zeef = (flags: readonly string[], more?: Record<string, string>) =>
  inProcess(env(more), 'lists', 'feedback', name, ...flags);

const AT = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/);
const row = (entryId: string, confirmed: number, falsePositive: number, verdict: string) => ({
  list: name,
  entryId,
  algorithm: 'md5',
  kind: 'digest',
  state: 'listed',
  confirmed,
  falsePositive,
  exact: confirmed + falsePositive,
  decidedAt: AT,
  verdict,
});
const ROWS = () => [
  row('42/image1', 1, 0, 'confirmed'),
  row('42/image2', 0, 1, 'false_positive'),
  row('42/image3', 1, 1, 'contested'),
];

test('the file: CSV, JSON lines, one JSON object; the same each time, and nothing of a tenant or a person', async () => {
  const csv = await zeef([]);
  expect(csv).toMatchObject({ code: 0, err: '' });
  const [head, ...lines] = csv.out.trim().split('\r\n');
  expect(head).toBe('list,entryId,algorithm,kind,state,confirmed,falsePositive,exact,decidedAt,verdict');
  expect(lines.map((line) => line.replace(/[\d-]+T[\d:.]+Z/, 'AT'))).toEqual([
    `${name},42/image1,md5,digest,listed,1,0,1,AT,confirmed`,
    `${name},42/image2,md5,digest,listed,0,1,1,AT,false_positive`,
    `${name},42/image3,md5,digest,listed,1,1,2,AT,contested`,
  ]);
  expect((await zeef([])).out).toBe(csv.out);
  const jsonl = await zeef(['--format', 'jsonl']);
  expect(
    jsonl.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(ROWS());
  const json = await zeef(['--json']);
  expect(JSON.parse(json.out)).toEqual({ list: name, feedback: ROWS() });
  expect(csv.out + jsonl.out + json.out).not.toMatch(/Jane|local|remote-1 file|0{20}/);
  expect(list.asked).toEqual([]);
});

test('--out writes a file of its owner; --since leaves earlier decisions out', async () => {
  const file = join(folder, 'out.csv');
  expect(await zeef(['--out', file])).toEqual({ code: 0, out: '', err: '' });
  expect(readFileSync(file, 'utf8')).toBe((await zeef([])).out);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await zeef(['--since', '2999-01-01', '--format', 'jsonl'])).out).toBe('');
  expect((await zeef(['--since', '2020-01-01', '--format', 'jsonl'])).out.trim().split('\n')).toHaveLength(3);
});

test.each([
  [['--since', 'soon'], 'expected a day or a time'],
  [['--yes'], '--send with --yes'],
  [['--reason', 'x'], '--send with --yes'],
  [['--refused'], '--send with --yes'],
  [['--send', '--out', 'x.csv'], 'cannot be used with'],
  [['--format', 'xml'], 'Allowed choices'],
])('%j is refused', async (flags, why) => {
  expect(await zeef(flags)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
});

test('a list that does not exist', async () => {
  const known = name;
  name = 'nowhere';
  expect(await zeef([])).toMatchObject({ code: 2, err: expect.stringContaining('LIST_NOT_FOUND') });
  expect(await zeef(['--send'])).toMatchObject({ code: 2, err: expect.stringContaining('LIST_NOT_FOUND') });
  name = known;
});

test('--send shows, and needs no secret; with --yes a secret is missed before anything is sent', async () => {
  const shown = await zeef(['--send'], {});
  const host = new URL(list.host).host;
  expect(shown).toEqual({
    code: 0,
    err: '',
    out:
      `${name}: 2 to send to ${host}\n` +
      '  42/image1 md5 confirmed: 1 confirmed, 0 false, 1 exact\n' +
      '  42/image2 md5 false_positive: 0 confirmed, 1 false, 1 exact\n' +
      '  42/image3 md5 contested: 1 confirmed, 1 false, 2 exact; not sent: people decided both\n' +
      'nothing was sent: send it with --yes\n',
  });
  const json = JSON.parse((await zeef(['--send', '--json'], {})).out);
  expect(json).toMatchObject({
    list: name,
    host,
    sent: 0,
    due: 2,
    next: ROWS().slice(0, 2),
    left: [{ why: 'contested' }],
  });
  expect(await zeef(['--send', '--yes'], {})).toMatchObject({
    code: 2,
    err: expect.stringContaining('SOURCE_PASSWORD is not set'),
  });
  expect(list.asked).toEqual([]);
});

test('a send that is killed between two calls is continued, without what was acknowledged', async () => {
  list.callFault = ({ method, url }) => (method === 'PUT' && url.pathname.includes('image2') ? 'done' : null);
  const child: ChildProcess = spawn(process.execPath, args('--send', '--yes'), { env: env(), stdio: 'ignore' });
  await expect.poll(puts, { timeout: 20_000 }).toEqual(['image1', 'image2']);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  list.callFault = () => null;
  // Its lease ends by itself.
  const again = async () => (await zeef(['--send', '--yes'])).out;
  await expect.poll(again, { timeout: 60_000, interval: 2_000 }).toContain('1 sent');
  expect(puts()).toEqual(['image1', 'image2', 'image2']);
  expect((await zeef(['--send'])).out).toContain('0 to send');
}, 90_000);

test('what the service refuses is shown, with exit code 2, and sent again on request', async () => {
  const database = new Database(join(dataDir, LISTS_FILE));
  registerSums(database);
  database.exec('DELETE FROM feedback');
  database.close();
  publisher.reasons = ['One', 'Two'];
  publisher.withdraw(2, 9_000);
  const which = await zeef(['--send', '--yes']);
  expect(which).toMatchObject({ code: 2, err: expect.stringContaining('One; Two') });
  const refused = await zeef(['--send', '--yes', '--reason', 'two']);
  expect(refused).toMatchObject({ code: 2, err: '' });
  expect(refused.out).toContain(': 1 sent to ');
  expect(refused.out).toContain('42/image2 md5 false_positive: 0 confirmed, 1 false, 1 exact; REFUSED: status 404\n');
  expect(await zeef(['--send', '--yes'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('not sent: the service refused it'),
  });
  publisher.publish(2, 9_001);
  const again = await zeef(['--send', '--yes', '--refused', '--reason', 'guid-0', '--json']);
  expect(JSON.parse(again.out)).toMatchObject({ sent: 1, refused: [] });
});
