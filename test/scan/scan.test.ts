/** What a scan reads, what it takes from its inventory, and what it records; with a decoder that only counts. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { AppError } from '../../src/core/errors.js';
import { pathBytesOf, systemPath, textOf } from '../../src/core/path-bytes.js';
import { scan } from '../../src/scan/scan.js';
import type { ScanRequest } from '../../src/scan/scan-request.js';
import { ScanTally } from '../../src/scan/tally.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { failedReply, found, imageReply, matcherOf } from '../support/scan-parts.js';

const DECISIONS = { a: found('match'), b: found('suppressed') };
const REQUEST: Omit<ScanRequest, 'paths'> = {
  cwd: '/',
  filesFrom: null,
  include: [],
  exclude: [],
  oneFileSystem: false,
  followsLinks: false,
  digestsAll: false,
  retriesFailed: false,
  archives: false,
  orientations: 'all',
  frames: 1,
};
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
const GIF = Buffer.from('GIF89a');

let tree = '';
let inventory: Inventory;
beforeEach(async () => {
  tree = tempFolder('scan-tree');
  inventory = await openSqliteInventory(tempFolder('scan-inventory'));
});
afterEach(() => inventory.close());

/** A file that the decoder below hashes to this digit; `x` is an image that cannot be decoded. */
function write(name: string, digit: string, magic = JPEG): void {
  writeFileSync(join(tree, name), Buffer.concat([magic, Buffer.from(digit)]));
}

interface About {
  readonly request?: Partial<ScanRequest>;
  readonly generation?: number;
  readonly wantsBlockhash?: boolean;
  /** Called while the decoder reads a file. */
  readonly during?: (name: string) => void;
  readonly shouldStop?: (read: number) => boolean;
}

/** One scan of the tree; the result: names that were read, hits that were reported, and hits that were recorded, sorted. */
async function runScan({ request = {}, generation = 1, wantsBlockhash = false, during, shouldStop }: About = {}) {
  const read: string[] = [];
  const reported: string[] = [];
  const matcher = { ...matcherOf(DECISIONS), generation, wantsBlockhash };
  const tally = new ScanTally();
  const end = await scan(
    {
      decoder: {
        hashReply: async (input) => {
          const path = systemPath('file' in input ? input.file : '').toString();
          read.push(basename(path));
          const bytes = readFileSync(path);
          during?.(basename(path));
          const digit = bytes.toString('latin1').at(-1)!;
          return digit === 'x' ? failedReply('c') : imageReply(digit, bytes[0] === GIF[0] ? 'gif' : 'jpeg');
        },
        whenRoom: async () => {},
        workers: 1,
        queueImagesPerWorker: 1,
        imageBytesMax: 1_000,
      },
      inventory,
      keepsFiles: true,
      matcher,
      throttle: { take: async () => {} } as never,
      tally,
      shouldStop: () => shouldStop?.(read.length) ?? false,
      onResult: ({ pathBytes, verdict, code }) =>
        void reported.push([basename(textOf(pathBytes)!), verdict, code].filter(Boolean).join(' ')),
    },
    { ...REQUEST, paths: [pathBytesOf(tree)], ...request },
  );
  const recorded = matcher.recorded.flatMap(({ answers }) => answers.map(({ reference }) => basename(reference!)));
  const unmatched = matcher.recorded.reduce((sum, batch) => sum + batch.unmatched, 0);
  return { read: read.sort(), reported: reported.sort(), recorded: recorded.sort(), unmatched, tally, end };
}

test('each image is read, matched and recorded once; other files are only counted', async () => {
  write('hit.jpg', 'a');
  write('good.jpg', 'b');
  write('other.jpg', 'c');
  write('broken.jpg', 'x');
  writeFileSync(join(tree, 'text.txt'), 'text');
  const { read, reported, recorded, unmatched, tally } = await runScan();
  expect(read).toEqual(['broken.jpg', 'good.jpg', 'hit.jpg', 'other.jpg']);
  expect(reported).toEqual(['broken.jpg not_checked IMAGE_CORRUPT', 'good.jpg suppressed', 'hit.jpg match']);
  expect([recorded, unmatched]).toEqual([['broken.jpg', 'good.jpg', 'hit.jpg'], 1]);
  expect([tally.files, tally.notPictures]).toEqual([5, 1]);
});

test('a second scan reads nothing, and reports and records the same again', async () => {
  write('hit.jpg', 'a');
  write('other.jpg', 'c');
  const first = await runScan();
  const second = await runScan();
  expect(second.read).toEqual([]);
  expect(second.reported).toEqual(first.reported);
  expect([second.recorded, second.unmatched]).toEqual([['hit.jpg'], 1]);
  expect(second.tally.fromInventory).toBe(2);
});

describe('a scan that was stopped and goes on', () => {
  const stopped = async () => {
    for (const n of [1, 2, 3]) write(`hit${n}.jpg`, 'a');
    const first = await runScan({ shouldStop: (read) => read >= 2 });
    expect(first.end.interrupted).toBe(true);
    expect(first.recorded.length).toBeGreaterThan(0);
    return first;
  };

  test('reports all files, and neither reads nor records a file again', async () => {
    const first = await stopped();
    const second = await runScan();
    expect(second.end).toMatchObject({ resumed: true, interrupted: false });
    expect([...first.read, ...second.read].sort()).toEqual(['hit1.jpg', 'hit2.jpg', 'hit3.jpg']);
    expect([...first.recorded, ...second.recorded].sort()).toEqual(['hit1.jpg', 'hit2.jpg', 'hit3.jpg']);
    expect(second.reported).toEqual(['hit1.jpg match', 'hit2.jpg match', 'hit3.jpg match']);
  });

  test('counts what was finished before for its include patterns', async () => {
    mkdirSync(join(tree, 'deep'));
    for (const name of ['a.jpg', join('deep', 'b.png')]) write(name, 'a');
    const include = ['*.jpg', '*.png', '*.gif'].map((glob) => ({ glob, anyCase: false }));
    // The folder of the tree itself is finished when the file in the other one is read.
    const first = await runScan({ request: { include }, shouldStop: (read) => read >= 2 });
    expect(first.end.interrupted).toBe(true);
    expect(first.tally.warnings.kept).toEqual([]);
    const second = await runScan({ request: { include } });
    expect(second.end).toMatchObject({ resumed: true, interrupted: false });
    expect(second.tally.warnings.kept).toEqual([{ code: 'INCLUDE_UNMATCHED', include: '*.gif' }]);
  });

  test('records a file again that other lists decide now', async () => {
    await stopped();
    expect((await runScan({ generation: 2 })).recorded).toEqual(['hit1.jpg', 'hit2.jpg', 'hit3.jpg']);
  });
});

describe('a known file is read again', () => {
  beforeEach(async () => {
    write('a.jpg', 'c');
    write('b.gif', 'c', GIF);
    write('broken.jpg', 'x');
    writeFileSync(join(tree, 'text.txt'), 'text');
    await runScan();
  });

  test('where its size, its time or its inode is another', async () => {
    const { atime, mtime } = statSync(join(tree, 'a.jpg'));
    write('a.jpg', 'longer than before a');
    utimesSync(join(tree, 'a.jpg'), atime, mtime);
    expect((await runScan()).read).toEqual(['a.jpg']);
    utimesSync(join(tree, 'a.jpg'), atime, new Date(mtime.getTime() + 1_000));
    expect((await runScan()).read).toEqual(['a.jpg']);
    const old = statSync(join(tree, 'a.jpg'));
    writeFileSync(join(tree, 'twin'), readFileSync(join(tree, 'a.jpg')));
    utimesSync(join(tree, 'twin'), old.atime, old.mtime);
    renameSync(join(tree, 'twin'), join(tree, 'a.jpg'));
    expect((await runScan()).read).toEqual(['a.jpg']);
    expect((await runScan()).read).toEqual([]);
  });

  test('with more frames, where its format can have them', async () => {
    expect((await runScan({ request: { frames: 4 } })).read).toEqual(['b.gif']);
  });

  test('where a list has blockhash values, and the file has none', async () => {
    expect((await runScan({ wantsBlockhash: true })).read).toEqual(['a.jpg', 'b.gif']);
  });

  test('where it could not be checked, and a retry is requested', async () => {
    expect((await runScan({ request: { retriesFailed: true } })).read).toEqual(['broken.jpg']);
  });

  test('where the digests of all files are requested, and it is no image', async () => {
    expect((await runScan({ request: { digestsAll: true } })).read).toContain('text.txt');
  });
});

test('a file that changed at each reading is read again by the next scan, without a request', async () => {
  write('a.jpg', 'a');
  let seconds = 1_000;
  const { reported } = await runScan({ during: (name) => utimesSync(join(tree, name), ++seconds, seconds) });
  expect(reported).toEqual(['a.jpg not_checked FILE_CHANGED']);
  const second = await runScan();
  expect([second.read, second.reported]).toEqual([['a.jpg'], ['a.jpg match']]);
});

test('a named file that is missing is reported; a file that is gone leaves the inventory', async () => {
  const missing = pathBytesOf(join(tree, 'nowhere.jpg'));
  const { reported } = await runScan({ request: { paths: [missing] } });
  expect(reported).toEqual(['nowhere.jpg not_checked FILE_VANISHED']);
  write('a.jpg', 'a');
  write('b.jpg', 'a');
  await runScan();
  rmSync(join(tree, 'b.jpg'));
  expect((await runScan()).reported).toEqual(['a.jpg match']);
  const names: string[] = [];
  for await (const rows of inventory.files('done')) names.push(...rows.map(({ name }) => name));
  expect(names).toEqual(['a.jpg']);
});

test('an error of the decoder ends the scan, and the file is read by the next one', async () => {
  write('a.jpg', 'a');
  const failing = runScan({
    during: () => {
      throw new AppError('SHUTTING_DOWN');
    },
  });
  await expect(failing).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect((await runScan()).reported).toEqual(['a.jpg match']);
});
