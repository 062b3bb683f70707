/** Imports with mistakes are held; an operator approves or rejects them, or restores a version. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import { reportText } from '../../../src/cli/list-text.js';
import { formatHash256, parseHash256 } from '../../../src/core/hash256.js';
import type { HashWants } from '../../../src/engine/image-engine.js';
import { hamming256 } from '../../../src/kernels/hamming.js';
import { shippedCanaries } from '../../../src/lists/import/canaries.js';
import { importList } from '../../../src/lists/import/import-list.js';
import { reasonsToHold, WatchedRows } from '../../../src/lists/import/import-review.js';
import { approveHeld, rollBack } from '../../../src/lists/list-versions.js';
import type { Draft } from '../../../src/store/lists-contract.js';
import { randomBytes, seeded } from '../../support/random.js';
import { PHOTOGRAPHS, type Running, startService } from '../../support/running.js';

const FOLDER = tempFolder('review');
const random = seeded(77);
/** A hash of weight 128, far from all others. */
function pdq(): string {
  for (;;) {
    const bytes = randomBytes(random, 32);
    const weight = bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    if (weight === 128) return Buffer.from(bytes).toString('hex');
  }
}
const hashes = Array.from({ length: 200 }, pdq);
/** One pattern along the rows times one along the columns, of weight 128: no two near, and far from every canary. */
const flat: string[] = [];
while (flat.length < 120) {
  const signs = () => randomBytes(random, 16).map((byte) => byte & 1);
  const [rows, columns] = [signs(), signs()];
  if (columns.reduce((sum, one) => sum + one, 0) !== 8) continue;
  const words = [...rows].map((row) => columns.reduce((word, one, bit) => word | ((one ^ row) << bit), 0));
  const hash = parseHash256(words.map((word) => word.toString(16).padStart(4, '0')).join(''));
  const isFar = (other: Uint8Array) => hamming256(hash, other) > 31;
  if (flat.every((other) => isFar(parseHash256(other))) && shippedCanaries().every(isFar))
    flat.push(formatHash256(hash));
}
let files = 0;
function file(values: readonly string[]): string {
  const path = join(FOLDER, `${files++}.txt`);
  writeFileSync(path, values.map((value) => (value.length === 64 ? `pdq ${value}` : value)).join('\n'));
  return path;
}

let running: Running;
beforeEach(async () => {
  running = await startService();
});
afterEach(() => running.stop());

const bring = (values: readonly string[], more: object = {}) =>
  importList(running.service.store, {
    paths: [file(values)],
    list: 'police',
    format: 'plain',
    kind: 'match',
    radiusBits: 31,
    ...more,
  });
const count = async () => (await running.service.store.lists.list('police'))?.entryCount ?? 0;

describe('an import is held', () => {
  test('when an entry matches a canary: a stock photograph, in grey and smaller', async () => {
    const wants: HashWants = {
      digests: [],
      orientations: 'none',
      families: 'both',
      algorithms: ['pdq'],
      frames: 1,
      detail: 'plain',
    };
    const stock = await sharp(readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg')))
      .resize(700)
      .greyscale()
      .jpeg()
      .toBuffer();
    const { pdq: found } = await running.service.hashImage({ bytes: stock }, wants);
    const report = await bring([...hashes.slice(0, 50), found!.hash]);
    const near = { kind: 'canary', line: expect.any(Number), shows: 'photograph mate-dune', list: null, entryId: null };
    expect(report.held).toEqual([
      { rule: 'canary', count: 1, limit: 0, firstRows: [{ line: 51, entryId: null, near }] },
    ]);
    expect(await count()).toBe(0);
    await running.service.reload();
    expect(running.service.readiness().entries).toBeGreaterThan(0);
  });

  test('when an entry matches a suppression list', async () => {
    const good = hashes[150]!;
    const path = join(FOLDER, 'benign.csv');
    // An id that is a digest is not shown.
    const md5 = 'ab'.repeat(16);
    writeFileSync(path, `entryId,algorithm,value\nour-logo,pdq,${good}\n${md5},pdq,${hashes[151]}\n`);
    await bring([], { paths: [path], format: 'csv', list: 'benign', kind: 'suppression' });
    const listed = join(FOLDER, 'police.csv');
    const rows = [...hashes.slice(0, 50), good, hashes[151]!].map(
      (value, at) => `${at === 51 ? md5 : `e${at}`},pdq,${value}`,
    );
    writeFileSync(listed, ['entryId,algorithm,value', ...rows].join('\n'));
    const report = await bring([], { paths: [listed], format: 'csv' });
    const near = { kind: 'entry', line: null, shows: null, list: 'benign', entryId: 'our-logo' };
    expect(report.held).toEqual([
      {
        rule: 'canary',
        count: 2,
        limit: 0,
        firstRows: [
          { line: 52, entryId: 'e50', near },
          { line: 53, entryId: null, near: { ...near, entryId: null } },
        ],
      },
    ]);
    expect((await running.service.store.lists.versions('police'))[0]?.held).toEqual(report.held);
    const shown = reportText(report);
    expect(shown).toContain('line 52: e50 (near list benign: our-logo)\n');
    expect(shown).not.toContain(md5);
  });

  test('when its digests are on a suppression list, also on one of digests only', async () => {
    const md5 = (n: number) => n.toString(16).padStart(32, '0');
    await bring([md5(1), md5(2)], { list: 'benign', kind: 'suppression', format: 'plain', assumed: 'md5' });
    const mixed = [md5(2), md5(3), md5(1)];
    expect((await bring([md5(3)], { assumed: 'md5' })).held).toEqual([]);
    expect((await bring(mixed, { assumed: 'md5' })).held).toEqual([{ rule: 'canary', count: 2, limit: 0 }]);
  });

  test('when more than a fifth was added or removed; an approval makes it active', async () => {
    expect((await bring(hashes.slice(0, 150))).held).toEqual([]);
    expect((await bring(hashes.slice(0, 120))).held).toEqual([]);
    expect((await bring(hashes.slice(0, 60))).held).toEqual([{ rule: 'change', count: 60, limit: 24 }]);
    expect(await count()).toBe(120);
    expect(await approveHeld(running.service.store.lists, 'police')).toMatchObject({ removed: 60, held: [] });
    expect(await count()).toBe(60);
    await expect(approveHeld(running.service.store.lists, 'police')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('when many rows have one value, or many are rejected', async () => {
    const repeated = await bring([...hashes.slice(0, 50), ...Array.from({ length: 21 }, () => hashes[3]!)]);
    expect(repeated.held).toEqual([{ rule: 'repeated_value', count: 22, limit: 20 }]);
    const broken = await bring([...hashes.slice(0, 50), ...Array.from({ length: 11 }, () => 'ff')]);
    expect(broken.held).toEqual([{ rule: 'rejected', count: 11, limit: 10 }]);
    expect(await count()).toBe(0);
  });

  test('when more than three hashes are one-dimensional, whose rows are named', async () => {
    expect((await bring([...hashes.slice(0, 50), ...flat.slice(0, 3)])).held).toEqual([]);
    const report = await bring([...hashes.slice(0, 50), ...flat.slice(0, 4)]);
    const firstRows = [51, 52, 53, 54].map((line) => ({ line, entryId: null }));
    expect(report.held).toEqual([{ rule: 'shape', count: 4, limit: 3, firstRows }]);
    expect((await running.service.store.lists.versions('police'))[0]?.held).toEqual(report.held);
    expect((await bring(flat, { approved: true })).held).toEqual([]);
  });

  test('when new entries match many others of them; one that was approved is counted no more', async () => {
    const variant = (n: number) => {
      const bytes = Buffer.from(hashes[199]!, 'hex');
      bytes[n % 32]! ^= 1 << Math.floor(n / 32);
      return bytes.toString('hex');
    };
    const variants = Array.from({ length: 60 }, (_, n) => variant(n));
    expect((await bring([...hashes.slice(0, 50), ...variants.slice(0, 21)])).held).toEqual([]);
    await running.service.store.lists.removeList('police');
    const report = await bring([...hashes.slice(0, 50), ...variants.slice(0, 22)]);
    const near = { kind: 'row', line: 51, shows: null, list: null, entryId: null };
    const firstRows = Array.from({ length: 22 }, (_, n) => ({
      line: 51 + n,
      entryId: null,
      ...(n === 0 ? {} : { near }),
    }));
    expect(report.held).toEqual([{ rule: 'crowded', count: 22, limit: 20, firstRows }]);
    await approveHeld(running.service.store.lists, 'police');
    // The next day's list, with a few more.
    expect((await bring([...hashes.slice(0, 55), ...variants.slice(0, 30)])).held).toEqual([]);
    expect((await bring(variants.slice(30), { mode: 'add' })).held).toMatchObject([
      { rule: 'crowded', count: 30 },
      { rule: 'change', count: 30, limit: 20 },
    ]);
  });

  test('at most a hundred rows of a rule are named, by the ids of the list', async () => {
    const path = join(FOLDER, 'ids.csv');
    const rows = flat.map((value, at) => `e${at},pdq,${value}`);
    writeFileSync(path, ['entryId,algorithm,value', ...rows].join('\n'));
    const { held } = await bring([], { paths: [path], format: 'csv' });
    expect(held).toMatchObject([{ rule: 'shape', count: 120, limit: 3 }]);
    expect(held[0]!.firstRows).toHaveLength(100);
    expect(held[0]!.firstRows![99]).toEqual({ line: 101, entryId: 'e99' });
  });

  test('never when it is approved, and never for a suppression list', async () => {
    const canary = Buffer.from(shippedCanaries()[5]!).toString('hex');
    expect((await bring([canary], { approved: true })).held).toEqual([]);
    expect((await bring([canary], { list: 'benign', kind: 'suppression' })).held).toEqual([]);
  });
});

test('a version is restored in one step, and the restore can be undone', async () => {
  const { lists } = running.service.store;
  await bring(hashes.slice(0, 100));
  await bring(hashes.slice(0, 90));
  expect(await rollBack(lists, 'police', 1)).toMatchObject({ version: 3, added: 10, removed: 0 });
  expect(await count()).toBe(100);
  expect(await rollBack(lists, 'police', 2)).toMatchObject({ version: 4, added: 0, removed: 10 });
  expect((await lists.versions('police')).map(({ origin }) => origin).slice(0, 2)).toEqual([
    'version 2 again',
    'version 1 again',
  ]);
  await expect(rollBack(lists, 'police', 9)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await lists.verify('police')).toMatchObject({ ok: true, entryCount: 90 });
});

interface Counts {
  readonly canaries?: number;
  readonly oneDimensional?: number;
  readonly pdqRows?: number;
  readonly crowded?: number;
  readonly compared?: number;
}

test.each<[string, Partial<Draft>, Counts, string[]]>([
  ['no reason', {}, {}, []],
  ['one canary', {}, { canaries: 1 }, ['canary']],
  ['a fifth changed', { entriesBefore: 1_000, added: 120, removed: 80 }, {}, []],
  ['more than a fifth changed', { entriesBefore: 1_000, added: 120, removed: 81 }, {}, ['change']],
  ['twenty changes of a small list', { entriesBefore: 3, added: 20 }, {}, []],
  ['twenty-one changes of a small list', { entriesBefore: 3, added: 21 }, {}, ['change']],
  ['a first version', { entriesBefore: 0, added: 1_000_000 }, {}, []],
  ['twenty rows of one value', { mostRowsOfOneValue: 20 }, {}, []],
  ['twenty-one rows of one value', { mostRowsOfOneValue: 21 }, {}, ['repeated_value']],
  ['a twentieth rejected', { rows: 1_000, rejectedByReason: { weight: 30, malformed: 20 } }, {}, []],
  [
    'more than a twentieth rejected',
    { rows: 1_000, rejectedByReason: { weight: 30, malformed: 21 } },
    {},
    ['rejected'],
  ],
  ['ten rejected of a small list', { rows: 20, rejectedByReason: { malformed: 10 } }, {}, []],
  ['eleven rejected of a small list', { rows: 20, rejectedByReason: { malformed: 11 } }, {}, ['rejected']],
  [
    'rejections that a healthy list has',
    { rows: 100, rejectedByReason: { not_active: 50, known_good: 20, unknown_algorithm: 9, other_category: 20 } },
    {},
    [],
  ],
  ['an update that repeats what is known', { mode: 'add', rows: 100, rejectedByReason: { outdated: 60 } }, {}, []],
  ['a whole list whose rows outdate each other', { rows: 100, rejectedByReason: { outdated: 60 } }, {}, ['rejected']],
  ['three one-dimensional rows', {}, { oneDimensional: 3, pdqRows: 3 }, []],
  ['four one-dimensional rows', {}, { oneDimensional: 4, pdqRows: 4 }, ['shape']],
  ['five of a thousand', {}, { oneDimensional: 5, pdqRows: 1_000 }, []],
  ['six of a thousand', {}, { oneDimensional: 6, pdqRows: 1_000 }, ['shape']],
  ['twenty crowded', {}, { crowded: 20, compared: 20 }, []],
  ['twenty-one crowded', {}, { crowded: 21, compared: 21 }, ['crowded']],
  ['fifty of ten thousand crowded', {}, { crowded: 50, compared: 10_000 }, []],
  ['fifty-one of ten thousand crowded', {}, { crowded: 51, compared: 10_000 }, ['crowded']],
  ['a row that swallowed lines', { rejectedByReason: { swallowed_lines: 1 } }, {}, ['swallowed']],
  ['a line that is too long to look into', { rejectedByReason: { line_too_long: 1 } }, {}, ['swallowed']],
])('review rules: %s', (_says, more, counts, expected) => {
  const draft: Draft = {
    mode: 'replace',
    entriesBefore: 1_000,
    entriesAfter: 1_000,
    added: 0,
    removed: 0,
    rows: 1_000,
    rejectedByReason: {},
    knownGood: 0,
    mostRowsOfOneValue: 1,
    isNew: () => true,
    ...more,
  };
  const watched = new WatchedRows();
  for (let n = 0; n < (counts.canaries ?? 0); n++) watched.canaries.add({ line: n, entryId: '' });
  for (let n = 0; n < (counts.oneDimensional ?? 0); n++) watched.oneDimensional.add({ line: n, entryId: '' });
  watched.pdqRows = counts.pdqRows ?? 0;
  const lines = Array.from({ length: counts.crowded ?? 0 }, (_, line) => line);
  const crowded = { compared: counts.compared ?? 0, lines, rowAt: (at: number) => ({ line: at, entryId: null }) };
  expect(reasonsToHold(draft, watched, crowded).map(({ rule }) => rule)).toEqual(expected);
});
