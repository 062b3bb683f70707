/** Windows in an inventory: which files are read, which are decided by their rows, and what becomes of those that cannot be read. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NOTHING_FOUND } from '../../src/check/policy.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { unpackFacts } from '../../src/scan/facts/packed-facts.js';
import { WINDOW_TABLES } from '../../src/scan/facts/stored-windows.js';
import type { ScanTally } from '../../src/scan/tally.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import { ScanTree } from '../support/scan-tree.js';
import { zipOf } from '../support/zip.js';

let tree: ScanTree;
beforeEach(async () => {
  tree = await ScanTree.create();
});
afterEach(() => tree.close());
const at = (name: string) => join(tree.path, name);
const codes = (tally: ScanTally) => tally.warnings.kept.map(({ code }) => code);

/** A listed image, a copy that only its crop finds, one whose windows are near by chance, and one that nothing is near. */
function four(): void {
  for (const [name, digit] of [
    ['listed.jpg', 'a'],
    ['copy.jpg', 'd'],
    ['chance.jpg', 'e'],
    ['none.jpg', 'c'],
  ] as const)
    tree.write(name, digit);
}
const ALL = ['chance.jpg', 'copy.jpg', 'listed.jpg', 'none.jpg'];
const HITS = ['copy.jpg match', 'listed.jpg match'];

describe('a later scan', () => {
  test('reads again only what windows may match, and finds the same', async () => {
    four();
    const first = await tree.scan({ detail: 'deep' });
    expect([first.read, first.reported, first.unmatched]).toEqual([ALL, HITS, 2]);
    const second = await tree.scan({ detail: 'deep' });
    expect([second.read, second.reported, second.unmatched]).toEqual([['chance.jpg', 'copy.jpg'], HITS, 2]);
    expect(second.tally.byVerdict).toEqual(first.tally.byVerdict);
  });

  test('of a narrower detail takes its windows from wider rows, which stay as wide', async () => {
    four();
    await tree.scan({ detail: 'deep' });
    const narrower = await tree.scan({ detail: 'standard' });
    // No window of this detail is near the copy.
    expect([narrower.read, narrower.reported]).toEqual([['chance.jpg'], ['listed.jpg match']]);
    expect((await tree.scan()).read).toEqual([]);
    const again = await tree.scan({ detail: 'deep' });
    expect([again.read, again.reported]).toEqual([['chance.jpg', 'copy.jpg'], HITS]);
  });

  test('of a wider detail reads every image', async () => {
    four();
    await tree.scan();
    expect((await tree.scan({ detail: 'standard' })).read).toEqual(ALL);
    const deep = await tree.scan({ detail: 'deep' });
    expect([deep.read, deep.reported]).toEqual([ALL, HITS]);
  });

  test('with a service reads every image each time, and begins again where it was stopped', async () => {
    four();
    const remote = { detail: 'deep', takesStoredWindows: false } as const;
    await tree.scan(remote);
    expect((await tree.scan(remote)).read).toEqual(ALL);
    expect((await tree.scan({ ...remote, shouldStop: (read) => read > 0 })).end.interrupted).toBe(true);
    const { end, read, reported } = await tree.scan(remote);
    expect([end.resumed, read, reported]).toEqual([false, ALL, HITS]);
  });

  test('that cannot read what a window may match reports it as not checked, keeps its row, and decides it once it can', async () => {
    four();
    await tree.scan({ detail: 'deep' });
    let isGone = false;
    const during = (name: string) => {
      if (isGone || name !== 'copy.jpg') return;
      isGone = true;
      renameSync(at('copy.jpg'), at('.away'));
    };
    // It is there when it is inspected, and gone when it is read.
    const blind = await tree.scan({
      detail: 'deep',
      during,
      request: { exclude: [{ glob: '.away', anyCase: false }] },
    });
    expect(blind.reported).toEqual(['copy.jpg not_checked FILE_VANISHED', 'listed.jpg match']);
    expect(blind.tally.byVerdict).toMatchObject({ match: 1, not_checked: 1, no_match: 2 });
    expect(blind.tally.missing).toBe(1);
    renameSync(at('.away'), at('copy.jpg'));
    const back = await tree.scan({ detail: 'deep' });
    expect(back.reported).toEqual(HITS);
  });

  test('that finds other content than was hashed, while it reads, does not decide what is known by it', async () => {
    four();
    await tree.scan({ detail: 'deep' });
    let times = 0;
    const during = (name: string) => {
      if (name === 'copy.jpg' && times++ === 0) tree.write('copy.jpg', 'cc');
    };
    const { reported } = await tree.scan({ detail: 'deep', during });
    expect(times).toBe(2);
    expect(reported).toEqual(['copy.jpg not_checked FILE_CHANGED', 'listed.jpg match']);
    expect((await tree.scan({ detail: 'deep' })).reported).toEqual(['listed.jpg match']);
  });

  test('reads a changed file, and forgets its windows', async () => {
    four();
    await tree.scan({ detail: 'deep' });
    tree.write('copy.jpg', 'c');
    const { read, reported } = await tree.scan({ detail: 'deep' });
    expect([read, reported]).toEqual([['chance.jpg', 'copy.jpg'], ['listed.jpg match']]);
    expect((await tree.scan({ detail: 'deep' })).read).toEqual(['chance.jpg']);
  });

  test('that was stopped reports from the rows of finished folders what windows found there', async () => {
    mkdirSync(at('done'));
    tree.write('done/copy.jpg', 'd');
    for (let n = 0; n < 40; n++) tree.write(`n${n}.jpg`, 'c');
    let stopped = await tree.scan({ detail: 'deep', shouldStop: (read) => read > 20 });
    expect(stopped.end.interrupted).toBe(true);
    await tree.close();
    tree.inventory = await openSqliteInventory(tree.inventoryPath);
    stopped = await tree.scan({ detail: 'deep' });
    expect(stopped.end).toMatchObject({ resumed: true, interrupted: false });
    expect(stopped.reported).toEqual(['done/copy.jpg match']);
    expect(stopped.tally.files).toBe(41);
  });

  test('that was stopped is continued by a build with the same fixed places alone: rows of others have no windows', async () => {
    four();
    await tree.scan({ detail: 'deep', shouldStop: (read) => read > 1 });
    expect(tree.inventory.state).toMatchObject({ isFinished: false });
    expect(JSON.parse(tree.inventory.state.scanKey)).toEqual(expect.arrayContaining(['deep', WINDOW_TABLES]));
  });
});

function becomeFolder(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

describe('a rematch', () => {
  test('reads only what windows may match, and finds what a scan finds', async () => {
    four();
    await tree.scan({ detail: 'deep' });
    const deep = await tree.rematch({ detail: 'deep' });
    expect([deep.read, deep.reported, codes(deep.tally)]).toEqual([['chance.jpg', 'copy.jpg'], HITS, []]);
    expect(deep.recorded).toEqual(['copy.jpg', 'listed.jpg']);
    expect(deep.tally.byVerdict).toMatchObject({ match: 2, no_match: 2, not_checked: 0 });
    expect(tree.inventory.state).toMatchObject({ matchedAt: '{"generation":2}', matchedDetail: 'deep' });
    const standard = await tree.rematch({ detail: 'standard' });
    expect([standard.read, standard.reported]).toEqual([['chance.jpg'], ['listed.jpg match']]);
    const plain = await tree.rematch();
    expect([plain.read, plain.reported]).toEqual([[], ['listed.jpg match']]);
    expect((await tree.rematch({ detail: 'deep' })).reported).toEqual(HITS);
  });

  test('says how many rows lack the windows that are asked for, and passes none of them as clean', async () => {
    four();
    await tree.scan();
    const { reported, read, tally } = await tree.rematch({ detail: 'deep' });
    // What the image alone matches is a match all the same.
    expect([read, reported]).toEqual([[], ['listed.jpg match']]);
    expect(tally.warnings.kept).toEqual([{ code: 'WINDOWS_LACKING', files: 3, detail: 'deep' }]);
    expect([tally.warnings.fails, tally.verdictsKept, tally.byVerdict.no_match]).toEqual([true, 3, 0]);
    expect(tree.inventory.state.matchedAt).toBeNull();
  });

  test.each([
    ['gone', () => rmSync(at('copy.jpg')), 'FILE_VANISHED'],
    ['another file', () => tree.write('copy.jpg', 'cccc'), 'FILE_CHANGED'],
    ['a folder', () => becomeFolder(at('copy.jpg')), 'FILE_CHANGED'],
  ] as const)('does not decide a file that is %s: not checked, and its row stays', async (_what, change, code) => {
    four();
    await tree.scan({ detail: 'deep' });
    change();
    const { reported, tally } = await tree.rematch({ detail: 'deep' });
    expect(reported).toEqual([`copy.jpg not_checked ${code}`, 'listed.jpg match']);
    expect(tally.byVerdict).toMatchObject({ match: 1, not_checked: 1, no_match: 2 });
    expect(tree.inventory.state.matchedAt).toBeNull();
    const rows: string[] = [];
    for await (const batch of tree.inventory.files('all'))
      for (const { name, facts } of batch) {
        const { verdict, detail, views } = unpackFacts(facts);
        rows.push(`${name} ${verdict} ${detail} ${views[0]!.storedWindows !== undefined}`);
      }
    expect(rows.sort()[1]).toBe('copy.jpg not_checked deep true');
  });

  test('reads entries of an archive in one pass, and does not decide them without it', async () => {
    const jpeg = (digit: string) => Buffer.from([0xff, 0xd8, 0xff, 0xe0, digit.charCodeAt(0)]);
    const entries = { 'copy.jpg': jpeg('d'), 'other.jpg': jpeg('d'), 'none.jpg': jpeg('c') };
    writeFileSync(
      at('box.zip'),
      zipOf(Object.entries(entries).map(([name, content]) => ({ name: Buffer.from(name), content }))),
    );
    const request = { archives: true };
    const first = await tree.scan({ detail: 'deep', request });
    const hits = ['box.zip!/copy.jpg match', 'box.zip!/other.jpg match'];
    expect(first.reported).toEqual(hits);
    expect((await tree.scan({ detail: 'deep', request })).reported).toEqual(hits);
    const again = await tree.rematch({ detail: 'deep' });
    expect([again.read, again.reported]).toEqual([['entry', 'entry'], hits]);
    rmSync(at('box.zip'));
    expect((await tree.rematch({ detail: 'deep' })).reported).toEqual([
      'box.zip!/copy.jpg not_checked FILE_VANISHED',
      'box.zip!/other.jpg not_checked FILE_VANISHED',
    ]);
  });

  test('of new entries alone needs an inventory that was matched at this detail', async () => {
    four();
    await tree.scan({ detail: 'deep' });
    await tree.rematch();
    const batch = { entriesSince: async () => ({}), match: async () => [NOTHING_FOUND] } as never;
    const newEntries = { batch, options: {} as never };
    await expect(tree.rematch({ detail: 'deep', newEntries })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      details: { field: 'new-entries' },
    });
  });
});

test('a file that is named, and not found in a walk, is read again where its windows may match', async () => {
  four();
  const request = { paths: [pathBytesOf(at('copy.jpg'))] };
  expect((await tree.scan({ detail: 'deep', request })).reported).toEqual(['copy.jpg match']);
  expect((await tree.scan({ detail: 'deep', request })).reported).toEqual(['copy.jpg match']);
});
