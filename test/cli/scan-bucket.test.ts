/** `zeef scan s3://...` as an operator runs it: the same verdicts as of the same files in a folder, after any stop too. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { FakeS3 } from '../support/fake-s3.js';
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
