import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runScan } from '../../../bench/scan-run.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { shownPath } from '../../../src/core/path-bytes.js';
import type { FileResult } from '../../../src/scan/facts/file-result.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../../support/running.js';
import { zipOf } from '../../support/zip.js';

let running: Running;
let work: string;
const listed = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
const other = readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'));

beforeAll(async () => {
  running = await startService({ imageBytesMax: '3000000' });
});
afterAll(() => running.stop());
beforeEach(() => {
  work = tempFolder('archive');
});

async function scanned(archives = true) {
  const told: FileResult[] = [];
  const summary = await runScan(running.service, work, {
    inventory: `${work}-inventory`,
    onResult: (result) => told.push(result),
    request: { archives },
  });
  const lines = told.map(({ pathBytes, verdict, reason }) => [
    shownPath(pathBytes).slice(work.length + 1),
    reason ?? verdict,
  ]);
  return { summary, told: lines.sort() };
}

const named = (name: string, content: Buffer) => ({ name: Buffer.from(name, 'latin1'), content });

async function tarOf(files: readonly { name: Buffer; content: Buffer }[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content } of files) tar.entry({ name: name.toString() }, content);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const FILES = [
  named('holiday/one.jpg', listed),
  named('two', other),
  named('text.txt', Buffer.from('text '.repeat(2_000))),
  named('two', listed),
];

test.each([
  ['zip', async () => zipOf(FILES)],
  ['zip whose entries are stored', async () => zipOf(FILES.map((file) => ({ ...file, isStored: true })))],
  ['tar', () => tarOf(FILES)],
])('images in a %s are files with a path in it, and known until the archive changes', async (_name, make) => {
  writeFileSync(join(work, 'box'), await make());
  const { summary, told } = await scanned();
  expect(told).toEqual([
    ['box!/holiday/one.jpg', 'match'],
    ['box!/two+', 'match'],
  ]);
  expect(summary).toMatchObject({
    files: 5,
    checked: 3,
    archives: 1,
    notPictures: 2,
    byVerdict: { match: 2, no_match: 1 },
  });
  const again = await scanned();
  expect(again.told).toEqual(told);
  expect(again.summary).toMatchObject({
    files: 5,
    fromInventory: 5,
    bytesRead: 0,
    byVerdict: { match: 2, no_match: 1 },
  });
  utimesSync(join(work, 'box'), new Date(), new Date(0));
  expect((await scanned()).summary).toMatchObject({ files: 5, fromInventory: 0, byVerdict: { match: 2, no_match: 1 } });
  // Without the option it is one file that is not an image.
  expect((await scanned(false)).summary).toMatchObject({ files: 1, notPictures: 1 });
});

test('names of any bytes, and names that lead outside, are only reported', async () => {
  writeFileSync(join(work, 'box.zip'), zipOf([named('caf\xe9.jpg', listed)]));
  writeFileSync(join(work, 'bad.zip'), zipOf([named('../../etc/passwd', listed)]));
  const { told } = await scanned();
  expect(told).toContainEqual(['box.zip!/caf\\xe9.jpg', 'match']);
  expect(told).toContainEqual(['bad.zip!/../../etc/passwd', 'match']);
});

test('a directory of a zip that has content is a file, and one without is none', async () => {
  const empty = Buffer.alloc(0);
  const entries = [
    named('x.jpg/', listed),
    { ...named('stored.jpg/', listed), isStored: true },
    { ...named('locked/', other), isEncrypted: true },
    named('text/', Buffer.from('text')),
    named('packed/', empty),
    { ...named('plain/', empty), isStored: true },
    named('x.jpg/', listed),
  ];
  writeFileSync(join(work, 'box.zip'), zipOf(entries));
  const expected = [
    ['box.zip!/locked/', 'unreadable'],
    ['box.zip!/stored.jpg/', 'match'],
    ['box.zip!/x.jpg/+', 'match'],
    ['box.zip!/x.jpg/', 'match'],
  ];
  const { summary, told } = await scanned();
  expect(told).toEqual(expected);
  expect(summary).toMatchObject({ files: 6, notPictures: 2 });
  expect((await scanned()).told).toEqual(expected);
});

test.each([0, 1, 2])('a zip whose end record counts %i of its three entries: all are read', async (counted) => {
  const zip = zipOf([named('a.jpg', other), named('b.jpg', listed), named('c.jpg', listed)]);
  zip.writeUInt16LE(counted, zip.length - 14);
  zip.writeUInt16LE(counted, zip.length - 12);
  writeFileSync(join(work, 'box.zip'), zip);
  const { summary, told } = await scanned();
  expect(told.filter(([, verdict]) => verdict === 'match').map(([path]) => path)).toEqual([
    'box.zip!/b.jpg',
    'box.zip!/c.jpg',
  ]);
  expect(summary.files).toBe(3 + 1);
});

/** Give the first entry of a tar another type. */
function withType(tar: Buffer, type: string): Buffer {
  tar.write(type, 156, 'latin1');
  tar.fill(' ', 148, 156);
  const sum = tar.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return tar;
}

test('a link or a directory of a tar that has content is not passed over', async () => {
  const files = [named('x.jpg', listed), named('last.jpg', listed)];
  writeFileSync(join(work, 'directory'), withType(await tarOf(files), '5'));
  const slash = [named('x.jpg/', listed), named('last.jpg', listed)];
  writeFileSync(join(work, 'old'), withType(await tarOf(slash), '\0'));
  writeFileSync(join(work, 'slash'), await tarOf(slash));
  writeFileSync(join(work, 'hard'), withType(await tarOf(files), '1'));
  writeFileSync(join(work, 'symbolic'), withType(await tarOf(files), '2'));
  writeFileSync(join(work, 'text'), withType(await tarOf([named('text', Buffer.from('text')), files[1]!]), '1'));
  expect((await scanned()).told).toEqual([
    ['directory', 'corrupt'],
    ['hard!/last.jpg', 'match'],
    ['hard!/x.jpg', 'match'],
    ['old!/last.jpg', 'match'],
    ['old!/x.jpg/', 'match'],
    ['slash!/last.jpg', 'match'],
    ['slash!/x.jpg/', 'match'],
    ['symbolic!/last.jpg', 'match'],
    ['symbolic!/x.jpg', 'match'],
    ['text!/last.jpg', 'match'],
    ['text!/text', 'unsupported_format'],
  ]);
});

test('a bomb and a large image are too_large, an encrypted entry is unreadable, a cut archive corrupt', async () => {
  // Only images are unpacked whole, so the bomb must look like one.
  writeFileSync(
    join(work, 'bomb.zip'),
    zipOf([named('zeros.jpg', Buffer.concat([listed.subarray(0, 4_096), Buffer.alloc(2_900_000)]))]),
  );
  writeFileSync(
    join(work, 'large.zip'),
    zipOf([
      named(
        'large.jpg',
        Buffer.concat([listed, Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7919) >> 3))]),
      ),
    ]),
  );
  writeFileSync(
    join(work, 'locked.zip'),
    zipOf([{ ...named('locked.jpg', other), isEncrypted: true }, named('open.jpg', listed)]),
  );
  // The large entry is abandoned in the middle, and read no further.
  const stored = [
    named('junk', Buffer.alloc(300_000, 7)),
    named('large.jpg', Buffer.concat([listed, Buffer.alloc(3e6)])),
  ];
  writeFileSync(
    join(work, 'stored.zip'),
    zipOf([...stored, named('last.jpg', listed)].map((file) => ({ ...file, isStored: true }))),
  );
  writeFileSync(join(work, 'cut.zip'), zipOf(FILES).subarray(0, 30_000));
  const { told } = await scanned();
  expect(told).toEqual([
    ['bomb.zip', 'too_large'],
    ['cut.zip', 'corrupt'],
    ['large.zip!/large.jpg', 'too_large'],
    ['locked.zip!/locked.jpg', 'unreadable'],
    ['locked.zip!/open.jpg', 'match'],
    ['stored.zip!/large.jpg', 'too_large'],
    ['stored.zip!/last.jpg', 'match'],
  ]);
});
