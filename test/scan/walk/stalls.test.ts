/** Files whose system calls never return: they are named and given up, and hold no other. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import { pathBytesOf } from '../../../src/core/path-bytes.js';
import { Anchors } from '../../../src/scan/walk/anchors.js';
import { rootOf } from '../../../src/scan/walk/roots.js';
import { Walker } from '../../../src/scan/walk/walker.js';
import { canHang, hangingEnv } from '../../support/hanging.js';

const STALL_MS = 400;
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);

let env: Record<string, string>;
let tree = '';
let walker: Walker | null = null;
const stalled: string[] = [];
beforeAll(() => {
  if (canHang) env = hangingEnv();
});
afterEach(() => {
  walker?.close();
  stalled.length = 0;
});

/** A folder with these files, and a walker with two threads. */
function start(...names: string[]) {
  tree = tempFolder('stalls');
  for (const name of names) writeFileSync(join(tree, name), JPEG);
  const onStall = (path: string) => void stalled.push(path.slice(tree.length + 1));
  walker = new Walker({ threads: 2, followsLinks: false, stallMs: STALL_MS, env, onStall });
  return { walker, place: new Anchors([], false).placeOf(pathBytesOf(tree)) };
}

describe.runIf(canHang)('a system call that never returns', () => {
  test.each(['stuck-open', 'stuck-read'])('%s: that name is stalled, the others are inspected', async (name) => {
    const { walker, place } = start('a', name, 'b');
    const looked = await walker.look(place, ['a', name, 'b', 'none'], [null, null, null, null]);
    expect(looked.map(({ look, fault }) => (look === 'unreadable' ? fault : look))).toEqual([
      'picture',
      'FILE_STALLED',
      'picture',
      'vanished',
    ]);
    expect(stalled).toEqual([name]);
  });

  test('four on one filesystem: all else on it is stalled without a wait, other filesystems are not', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `stuck-read-${at}`);
    const { walker, place } = start('a', ...names);
    const startedMs = performance.now();
    const looked = await walker.look(
      place,
      names,
      names.map(() => null),
      1n,
    );
    expect(looked.map(({ fault }) => fault)).toEqual(names.map(() => 'FILE_STALLED'));
    expect(stalled).toEqual(names.slice(0, 4));
    // Four waits, and each process that is left behind has two threads.
    expect(performance.now() - startedMs).toBeLessThan(4 * (STALL_MS + 2_000));
    expect((await walker.look(place, ['a'], [null], 1n))[0]).toMatchObject({ fault: 'FILE_STALLED' });
    expect((await walker.look(place, ['a'], [null], 2n))[0]).toMatchObject({ look: 'picture' });
  });

  test('a folder that cannot be listed is one stall, and a file that is read another', async () => {
    const { walker, place } = start('stuck-late');
    mkdirSync(join(tree, 'stuck-list'));
    const list = async () => {
      for await (const _ of walker.list({ ...place, folder: `${place.folder}/stuck-list` }, false));
    };
    await expect(list()).rejects.toMatchObject({ code: 'FILE_STALLED' });
    const [found] = await walker.look(place, ['stuck-late'], [null]);
    const { identity } = found!;
    expect((await walker.read({ place, name: 'stuck-late', identity }, 0, 100)).length).toBe(JPEG.length);
    expect(stalled).toEqual(['stuck-list']);
  });

  test('a file that has a size and no bytes is unreadable, and not "no image"', async () => {
    const { walker, place } = start('reads-nothing');
    expect((await walker.look(place, ['reads-nothing'], [null]))[0]).toMatchObject({
      look: 'unreadable',
      fault: 'FILE_UNREADABLE',
    });
  });

  test('a name that is met again is stalled without a wait', async () => {
    const { walker, place } = start('stuck-read');
    for (let round = 0; round < 2; round++)
      expect((await walker.look(place, ['stuck-read'], [null]))[0]).toMatchObject({ fault: 'FILE_STALLED' });
    expect(stalled).toEqual(['stuck-read']);
  });

  test('folders beside four that hang are not waited for, nor a filesystem with four such places', async () => {
    const { walker } = start();
    const names = Array.from({ length: 6 }, (_, at) => `stuck-list-${at}`);
    for (const name of names) mkdirSync(join(tree, name));
    const root = rootOf(pathBytesOf(tree), false);
    const anchors = new Anchors([root], false);
    for (const name of names) {
      const listing = walker.list(anchors.placeOf(pathBytesOf(join(tree, name))), false);
      await expect(listing.next()).rejects.toThrow(/FILE_STALLED/);
    }
    expect(stalled).toEqual(names.slice(0, 4));
    // They may be mounts of their own.
    expect(walker.isDead(root.device)).toBe(false);
    for (const name of ['x', 'y', 'z']) {
      mkdirSync(join(tree, name, 'stuck-list'), { recursive: true });
      const listing = walker.list(anchors.placeOf(pathBytesOf(join(tree, name, 'stuck-list'))), false);
      await expect(listing.next()).rejects.toThrow(/FILE_STALLED/);
    }
    expect([walker.isDead(root.device), walker.isDead(root.device + 1n)]).toEqual([true, false]);
  });

  test('when all threads hang, what waits is stalled as well', async () => {
    const names = Array.from({ length: 60 }, (_, at) => `stuck-read-${at}`);
    const { walker, place } = start(...names);
    const asked = names.map((name) => walker.look(place, [name], [null]));
    expect((await Promise.all(asked)).map(([one]) => one!.fault)).toEqual(names.map(() => 'FILE_STALLED'));
  });
});
