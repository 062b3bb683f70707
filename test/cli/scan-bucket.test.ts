/** `zeef scan s3://...` as an operator runs it: the same verdicts as of the same files in a folder, after any stop too. */
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { S3Client } from '../../src/blobs/s3-client.js';
import { s3Place } from '../../src/blobs/s3-place.js';
import { artefact } from '../../src/core/package-root.js';
import { FakeS3 } from '../support/fake-s3.js';
import { orLeftOut } from '../support/left-out.js';
import { IMAGES, tarOfVersion7, tga, tgaFooter } from '../support/magic-samples.js';
import { PHOTOGRAPHS, PICTURES } from '../support/running.js';
import { countsOf, fileLines, linesOf } from '../support/scan-reports.js';
import { zipOf } from '../support/zip.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('scan-bucket');
const tree = join(work, 'tree');
const picture = (name: string) => readFileSync(join(PICTURES, name));
const LISTED = 'mate-freshflower.jpg';

const FILES: Readonly<Record<string, Buffer>> = {
  ...Object.fromEntries(readdirSync(PICTURES).map((name) => [`a/${name}`, picture(name)])),
  'b/none.jpg': readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg')),
  // Over the limit below: not decoded, but its digests are looked up.
  'b/large.webp': readFileSync(join(PHOTOGRAPHS, 'gnome-wood-d.webp')),
  'b/large.bin': Buffer.alloc(400_000, 'text'),
  'c/drawing': IMAGES.psd!,
  'c/only the end says it': Buffer.concat([Buffer.alloc(200_000, 1), tgaFooter]),
  'c/small.tga': tga(2),
  'c/broken.jpg': Buffer.from('ffd8ffe000104a46', 'hex'),
  'c/empty.jpg': Buffer.alloc(0),
  'd/box.zip': zipOf([{ name: Buffer.from('in/side.jpg'), content: picture(LISTED) }]),
  'd/box.tgz': gzipSync(tarOfVersion7('packed.jpg', picture(LISTED))),
  'd/one.jpg.gz': gzipSync(picture(LISTED)),
  'd/program': Buffer.concat([Buffer.alloc(90_000, 2), zipOf([{ name: Buffer.from('x'), content: picture(LISTED) }])]),
  'd/bad.zip': Buffer.from('504b030414000000', 'hex'),
};

let fake: FakeS3;
const env = () => childEnv({ ZEEF_DATA_DIR: join(work, 'data'), ZEEF_IMAGE_BYTES_MAX: '350000', ...fake.env });

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `during`: called for output on stderr. */
function zeef(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...env(), ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (piece) => (out += piece));
  child.stderr.on('data', (piece) => (err += piece));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

/** Return the lines of a report in the form that they have for a folder. */
const asInFolder = (out: string) => fileLines(out).map((line) => line.replaceAll('s3://zeef-test/disk', tree));

beforeAll(async () => {
  fake = await FakeS3.start();
  for (const [name, bytes] of Object.entries(FILES)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), bytes);
    fake.plant(`disk/${name}`, bytes);
  }
  fake.plant('other.jpg', picture(LISTED));
  expect((await zeef(['lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample'])).code).toBe(0);
});
afterAll(() => fake.stop());

test.each([
  ['as it is', []],
  ['with archives', ['--archives', '--list-others']],
  ['with digests of all', ['--digest-all', '--archives']],
  ['with patterns', ['--include', 'a/**', '--include', '*.jpg', '--exclude', 'c/', '--list-others']],
])('a bucket is scanned as the same files in a folder: %s', async (_name, flags) => {
  const folder = await zeef(['scan', tree, ...flags]);
  const bucket = await zeef(['scan', 's3://zeef-test/disk/', ...flags]);
  expect(bucket.err.replaceAll(/^.*"type":"progress".*\n/gm, '')).toBe(folder.err);
  expect(asInFolder(bucket.out)).toEqual(fileLines(folder.out));
  const { skippedByKind: _, ...counts } = countsOf(folder.out) as { skippedByKind: object };
  expect(countsOf(bucket.out)).toMatchObject(counts);
  expect(bucket.code).toBe(folder.code);
  expect(linesOf(bucket.out).filter(({ type }) => type === 'match').length).toBeGreaterThan(7);
});

test('a scan that is killed twice ends with the report of an undisturbed one', async () => {
  const killed = join(work, 'killed');
  const read = () => fake.asked.filter((one) => one.startsWith('GetObject')).length;
  const run = (killAfterReads: number | null, inventory: string, report: string) => {
    const args = ['scan', 's3://zeef-test/disk/', '--resume', inventory, '--report', report, '--max-rate', '20'];
    const child = spawn(process.execPath, [MAIN, ...args], { env: env(), stdio: 'ignore' });
    const before = read();
    const timer = setInterval(() => {
      if (killAfterReads !== null && read() - before >= killAfterReads) child.kill('SIGKILL');
    }, 10);
    return new Promise<number | null>((resolve) =>
      child.once('exit', (code) => {
        clearInterval(timer);
        resolve(code);
      }),
    );
  };
  const report = join(work, 'report.jsonl');
  expect(await run(null, join(work, 'whole'), report)).toBe(2);
  const whole = readFileSync(report, 'utf8');
  let kills = 0;
  // Two and no more: a file that is alone in flight at two deaths after its first is taken for their cause.
  for (const killAfterReads of [4, 6]) if ((await run(killAfterReads, killed, report)) === null) kills++;
  expect(kills).toBeGreaterThan(0);
  await run(null, killed, report);
  expect(fileLines(readFileSync(report, 'utf8'))).toEqual(fileLines(whole));
  expect(countsOf(readFileSync(report, 'utf8'))).toEqual(countsOf(whole));
  const asked = fake.asked.length;
  await run(null, killed, report);
  const unread = new Set(fileLines(whole).filter((line) => line.includes('FILE_')));
  expect(unread.size).toBe(0);
  expect(fake.asked.slice(asked).filter((one) => !one.startsWith('ListObjectsV2'))).toEqual([]);
  const again = await zeef(['scan', '--rematch', killed]);
  expect(fileLines(again.out)).toEqual(fileLines(whole));
});

test('what failed is on stderr with its reason, and no key of the service is in any output', async () => {
  fake.always.push({ of: 'GetObject', key: 'other.jpg', does: 'error', status: 403, code: 'AccessDenied' });
  const { code, out, err } = await zeef(['scan', 's3://zeef-test/other']);
  fake.always.pop();
  expect(code).toBe(2);
  expect(linesOf(err)).toEqual([{ type: 'failed', path: 's3://zeef-test/other.jpg', why: 'AccessDenied' }]);
  expect(linesOf(out)).toMatchObject([
    { type: 'begin' },
    { type: 'not_checked', code: 'FILE_UNREADABLE', path: 's3://zeef-test/other.jpg' },
    { type: 'summary', files: 1 },
  ]);
  const wrong = await zeef(['scan', 's3://zeef-test/other'], { AWS_SECRET_ACCESS_KEY: 'a-wrong-secret' });
  expect([wrong.code, linesOf(wrong.err)[0]]).toEqual([2, expect.objectContaining({ why: 'SignatureDoesNotMatch' })]);
  for (const text of [out, err, wrong.out, wrong.err])
    for (const secret of [fake.env.AWS_SECRET_ACCESS_KEY!, fake.env.AWS_SESSION_TOKEN!, 'a-wrong-secret'])
      expect(text).not.toContain(secret);
});

test('with ETags only listed images are found, and the others are no clean result', async () => {
  const md5 = createHash('md5').update(picture(LISTED)).digest('hex');
  writeFileSync(join(work, 'md5.txt'), `${md5}\n`);
  expect((await zeef(['lists', 'import', join(work, 'md5.txt'), '--list', 'md5'])).code).toBe(0);
  const gets = fake.asked.filter((one) => one.startsWith('GetObject')).length;
  const { code, out, err } = await zeef(['scan', 's3://zeef-test/disk/', '--etags-only', '--lists', 'md5']);
  expect(code).toBe(2);
  expect(err).toContain('zeef: warning ETAGS_ONLY: ');
  const lines = linesOf(out).filter(({ type }) => type !== 'begin');
  expect(lines).toMatchObject([
    { type: 'match', path: `s3://zeef-test/disk/a/${LISTED}` },
    {
      type: 'summary',
      files: 1,
      checked: 1,
      warnings: [{ code: 'ETAGS_ONLY', objects: Object.keys(FILES).length - 1 }],
    },
  ]);
  expect(fake.asked.filter((one) => one.startsWith('GetObject')).length).toBe(gets + 2);
  expect((await zeef(['scan', tree, '--etags-only'])).err).toMatch(/^zeef: REQUEST_INVALID: /);
});

test.each([
  [['--follow']],
  [['--one-file-system']],
  [['--files-from', '-']],
  [['--quarantine', 'q.sh', '--quarantine-to', 'q']],
  [['/tmp']],
  [['--etags-only', '--resume', 'inventory']],
  [['--etags-only', '--archives']],
])('a bucket with %s is refused', async (more) => {
  const { code, err } = await zeef(['scan', 's3://zeef-test/other', ...more]);
  expect([code, err]).toEqual([2, expect.stringMatching(/^zeef: REQUEST_INVALID: [^\n]+\n$/)]);
});

test('an address with a password is not quoted, and a variable that is missing is named', async () => {
  const { code, err, out } = await zeef(['scan', 's3://user:password@bucket/a']);
  expect([code, err + out]).toEqual([2, expect.not.stringContaining('password')]);
  const unset = await zeef(['scan', 's3://zeef-test/a'], { AWS_SECRET_ACCESS_KEY: '' });
  expect([unset.code, unset.err]).toEqual([2, expect.stringContaining('AWS_SECRET_ACCESS_KEY is required')]);
  // Before a report is begun.
  expect(unset.out).toBe('');
});

const { ZEEF_TEST_S3: realPlace = '' } = process.env;
const hasS3 = orLeftOut(realPlace !== '', 'ZEEF_TEST_S3 names no bucket (s3://bucket/prefix)', 'tests on S3 itself');

test.runIf(hasS3)(
  'S3 itself: odd keys are matched, and unchanged objects are not read again',
  { timeout: 120_000 },
  async () => {
    const [, name = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(realPlace)!;
    const client = new S3Client(s3Place(name, process.env));
    const at = `${prefix}/scan-${randomUUID()}/`.replace(/^\//, '');
    const keys = ['plain.jpg', 'a//b.jpg', 'a/./b.jpg', 'é ü+%41.jpg', '日本/😀.jpg'].map((key) => at + key);
    for (const key of keys) await client.put(key, picture(LISTED));
    const variables = Object.entries(process.env).filter(([variable]) => variable.startsWith('AWS_'));
    const real = {
      ...Object.fromEntries(['AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL'].map((variable) => [variable, ''])),
      ...Object.fromEntries(variables),
    } as Record<string, string>;
    const scanned = () => zeef(['scan', `s3://${name}/${at}`, '--resume', join(work, 'real')], real);
    const first = await scanned();
    expect(fileLines(first.out)).toHaveLength(keys.length);
    expect(first.code).toBe(1);
    const second = await scanned();
    expect(fileLines(second.out)).toEqual(fileLines(first.out));
    expect(linesOf(second.out).at(-1)).toMatchObject({ fromInventory: keys.length, bytesRead: 0 });
    for (const key of keys) await client.delete(key);
  },
);
