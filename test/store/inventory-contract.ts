/** The contract of every inventory. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileRow, FileRowWithFolder, Inventory } from '../../src/store/inventory-contract.js';

export interface InventoryUnderTest {
  open(): Promise<Inventory>;
  /** As after the end of the process: what was applied is there, nothing else is. */
  reopen(): Promise<Inventory>;
  dispose(): Promise<void>;
}

const NONE = { symlinks: 0, special: 0, excluded: 0 };
const facts = (text: string) => new Uint8Array(Buffer.from(text));
const NOBODY: ReadonlySet<number> = new Set();

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const out: T[] = [];
  for await (const batch of batches) out.push(...batch);
  return out;
}
const namesOf = (rows: readonly FileRow[]) => rows.map(({ name }) => name).sort();
const pathsOf = (rows: readonly FileRowWithFolder[]) => rows.map(({ folder, name }) => `${folder}/${name}`).sort();

export function inventoryContract(make: () => InventoryUnderTest): void {
  let under: InventoryUnderTest;
  let inventory: Inventory;
  beforeEach(async () => {
    under = make();
    inventory = await under.open();
  });
  afterEach(() => under.dispose());

  /** Write rows for names in a folder; return the id of the folder. */
  async function put(folder: string, names: readonly string[], said = 'a'): Promise<number> {
    const { id } = await inventory.folderAt(folder);
    const places = await inventory.find(await inventory.firstKey(id), names);
    await inventory.apply({
      files: places.map(({ fileKey }, at) => ({ fileKey, name: names[at]!, facts: facts(said) })),
    });
    return id;
  }

  describe('folders', () => {
    test('are found one after the other between two paths, in the order of bytes', async () => {
      const paths = ['s3://a/=', 's3://a/=/+', 's3://a/=/+6f', 's3://a/=/+\xff\n', 's3://a/=6f', '/a'];
      await inventory.beginScan('q', paths);
      await inventory.folderAt('s3://a/=/+7');
      const found: string[] = [];
      for (let at: string | null = 's3://a/=/+'; at !== null; at = await inventory.folderBetween(at, 's3://a/=/,'))
        found.push(at);
      expect(found).toEqual(['s3://a/=/+', 's3://a/=/+6f', 's3://a/=/+7', 's3://a/=/+\xff\n']);
      expect(await inventory.folderBetween('/', '/b')).toBe('/a');
      expect(await inventory.folderBetween('/a', '/b')).toBeNull();
    });

    test('are returned until they are done, each once, also after a restart', async () => {
      await inventory.beginScan('q', ['/a', '/b']);
      const first = (await inventory.nextFolder(NOBODY))!;
      const second = (await inventory.nextFolder(new Set([first.id])))!;
      expect([first.path, second.path].sort()).toEqual(['/a', '/b']);
      expect(await inventory.nextFolder(new Set([first.id, second.id]))).toBeNull();
      await inventory.apply({
        foldersFound: [
          { path: '/a/c', isArchive: false },
          { path: '/a', isArchive: false },
        ],
      });
      await inventory.apply({ foldersDone: [{ id: first.id, counts: { symlinks: 1, special: 2, excluded: 3 } }] });
      inventory = await under.reopen();
      const left: string[] = [];
      const begun = new Set<number>();
      for (let next = await inventory.nextFolder(begun); next !== null; next = await inventory.nextFolder(begun)) {
        left.push(next.path);
        begun.add(next.id);
      }
      expect(left.sort()).toEqual([second.path, '/a/c'].sort());
      expect(await inventory.doneCounts()).toEqual({ folders: 1, symlinks: 1, special: 2, excluded: 3 });
    });

    test('that are done are not walked again in this scan, also where they are found again', async () => {
      await inventory.beginScan('q', ['/a', '/b']);
      const paths = ['/a', '/b'];
      for (const path of paths) {
        const { id } = await inventory.folderAt(path);
        await inventory.apply({ foldersDone: [{ id, counts: NONE }] });
      }
      await inventory.apply({ foldersFound: paths.map((path) => ({ path, isArchive: false })) });
      expect(await inventory.nextFolder(NOBODY)).toBeNull();
      inventory = await under.reopen();
      await inventory.apply({ foldersFound: paths.map((path) => ({ path, isArchive: false })) });
      expect(await inventory.nextFolder(NOBODY)).toBeNull();
      expect((await inventory.doneCounts()).folders).toBe(2);
    });

    test('that became archives, or archives that became folders, are walked as what they are now', async () => {
      await inventory.beginScan('q', ['/a']);
      for (const isArchive of [true, false, true]) {
        await inventory.apply({ foldersFound: [{ path: '/a/x', isArchive }] });
        const first = (await inventory.nextFolder(NOBODY))!;
        const second = (await inventory.nextFolder(new Set([first.id])))!;
        expect([first, second].find(({ path }) => path === '/a/x')!.isArchive).toBe(isArchive);
      }
    });

    test('a new scan walks all folders again, and keeps the rows of files', async () => {
      await inventory.beginScan('q', ['/a']);
      const folder = (await inventory.nextFolder(NOBODY))!;
      await put('/a', ['x']);
      await inventory.apply({ foldersDone: [{ id: folder.id, counts: NONE }] });
      await inventory.finishScan({ files: 1, matchedAt: 'here' });
      const matched = { matchedAt: 'here', matchedDetail: 'plain' };
      expect(inventory.state).toMatchObject({ scan: 1, isFinished: true, filesBefore: 1, ...matched });
      await inventory.setMatchedAt('there', 'deep');
      inventory = await under.reopen();
      expect(inventory.state).toMatchObject({ matchedAt: 'there', matchedDetail: 'deep' });
      await inventory.beginScan('q', ['/a']);
      expect(inventory.state).toMatchObject({ scan: 2, isFinished: false, scanKey: 'q' });
      expect((await inventory.nextFolder(NOBODY))!.path).toBe('/a');
      expect(await inventory.doneCounts()).toMatchObject({ folders: 0 });
      expect(pathsOf(await all(inventory.files('done')))).toEqual([]);
      expect(pathsOf(await all(inventory.files('all')))).toEqual(['/a/x']);
    });
  });

  describe('files', () => {
    test('names of any bytes are found exactly', async () => {
      const names = ['plain', 'caf\xc3\xa9', 'caf\xe9', '\n', '\xff\xfe', "it's"];
      const id = await put('/f\xff', names);
      inventory = await under.reopen();
      const found = await inventory.find(await inventory.firstKey(id), [...names, 'cafe']);
      expect(found.map((row) => row.facts && Buffer.from(row.facts).toString())).toEqual([
        ...names.map(() => 'a'),
        null,
      ]);
      expect(namesOf(await all(inventory.filesOf(id)))).toEqual([...names].sort());
    });

    test('each of many names in a folder has a row of its own, in any order', async () => {
      // More names than fit without collisions.
      const names = Array.from({ length: 20_000 }, (_, at) => `n${at}`);
      const { id } = await inventory.folderAt('/many');
      const base = await inventory.firstKey(id);
      const ordered = inventory.inOrder(names);
      expect([...ordered].sort()).toEqual([...names].sort());
      // Two batches get their places before either is written.
      const halves = [ordered.filter((_, at) => at % 2 === 0), ordered.filter((_, at) => at % 2 === 1)];
      const places = await Promise.all(halves.map((half) => inventory.find(base, half)));
      for (const [half, rows] of places.entries()) {
        await inventory.apply({
          files: rows.map(({ fileKey }, at) => ({
            fileKey,
            name: halves[half]![at]!,
            facts: facts(halves[half]![at]!),
          })),
        });
      }
      expect(await inventory.fileCountOf(id)).toBe(names.length);
      const again = await inventory.find(base, names);
      expect(again.map((row) => Buffer.from(row.facts!).toString())).toEqual(names);
      // Every second name is removed; the others are still found.
      const gone = await inventory.find(base, halves[0]!);
      await inventory.apply({ removedFiles: gone.map(({ fileKey }) => fileKey) });
      expect(await inventory.fileCountOf(id)).toBe(halves[1]!.length);
      const kept = await inventory.find(base, halves[1]!);
      expect(kept.map((row) => row.facts && Buffer.from(row.facts).toString())).toEqual(halves[1]);
      expect(namesOf(await all(inventory.filesOf(id)))).toEqual([...halves[1]!].sort());
    });

    test('a row that is written again replaces the old one', async () => {
      const id = await put('/a', ['x'], 'old');
      await put('/a', ['x'], 'new');
      expect((await all(inventory.filesOf(id))).map((row) => Buffer.from(row.facts).toString())).toEqual(['new']);
    });

    test('only files of folders that this scan has done are returned', async () => {
      await inventory.beginScan('q', ['/a', '/b']);
      const a = await put('/a', ['x', 'y']);
      await put('/b', ['z']);
      await inventory.apply({ foldersDone: [{ id: a, counts: NONE }] });
      expect(pathsOf(await all(inventory.files('done')))).toEqual(['/a/x', '/a/y']);
    });
  });

  describe('files that a scan does not see', () => {
    const done = (id: number) => inventory.apply({ foldersDone: [{ id, counts: NONE }] });
    beforeEach(async () => {
      await inventory.beginScan('q', ['/a']);
      for (const folder of ['/a', '/a/deep', '/a0', '/a/box.zip']) await done(await put(folder, ['x', 'y']));
      await put('/named', ['x']);
      await inventory.finishScan({ files: 9, matchedAt: null });
    });

    test('are those of folders that an earlier scan has finished, and this one has not', async () => {
      expect(await inventory.unseenUnder('/')).toBe(0);
      await inventory.beginScan('q', ['/a']);
      const root = (await inventory.nextFolder(NOBODY))!;
      await done(root.id);
      // Below a path, not of a folder whose name begins like it.
      const counts = ['/', '/a', '/a/deep', '/a/box.zip', '/a0', '/b', '/named'].map((path) =>
        inventory.unseenUnder(path),
      );
      expect(await Promise.all(counts)).toEqual([6, 4, 2, 2, 2, 0, 0]);
      const rows = await all(inventory.files('all'));
      expect(pathsOf(rows.filter(({ isUnseen }) => !isUnseen))).toEqual(['/a/x', '/a/y']);
      inventory = await under.reopen();
      expect(await inventory.unseenUnder('/')).toBe(6);
    });

    test('are removed with their folders where that is asked for, and nothing else is', async () => {
      await inventory.beginScan('q', ['/a']);
      await done((await inventory.nextFolder(NOBODY))!.id);
      await inventory.pruneUnder('/a');
      expect(pathsOf(await all(inventory.files('all')))).toEqual(['/a/x', '/a/y', '/a0/x', '/a0/y', '/named/x']);
      expect([await inventory.unseenUnder('/a'), await inventory.unseenUnder('/')]).toEqual([0, 2]);
      await put('/a/deep', ['z']);
      expect(pathsOf(await all(inventory.files('all')))).toContain('/a/deep/z');
    });

    test('a folder has files under it, also where only a folder below it has', async () => {
      const found = ['/', '/a', '/a/deep', '/a/box.zip', '/a/d', '/b'].map((path) => inventory.hasFilesUnder(path));
      expect(await Promise.all(found)).toEqual([true, true, true, true, false, false]);
    });

    test('a scan is whole where each row is of a folder that it has finished', async () => {
      expect(await inventory.isWhole()).toBe(false);
      await inventory.beginScan('q', ['/named']);
      for (const folder of ['/a', '/a/deep', '/a0', '/a/box.zip', '/named']) await done(await put(folder, []));
      expect(await inventory.isWhole()).toBe(true);
    });
  });

  test('rows are found by the key of their inode until they are removed or written without it', async () => {
    const { id } = await inventory.folderAt('/a');
    const names = ['x', 'y', 'z'];
    const places = await inventory.find(await inventory.firstKey(id), names);
    const row = (at: number, inodeKey: number | null) => ({
      fileKey: places[at]!.fileKey,
      name: names[at]!,
      facts: facts(names[at]!),
      inodeKey,
    });
    await inventory.apply({ files: [row(0, 5), row(1, 5), row(2, 2 ** 53 - 1)] });
    inventory = await under.reopen();
    const found = async () =>
      (await inventory.factsOfInodes([5, 6, 2 ** 53 - 1])).map((rows) =>
        rows.map((one) => Buffer.from(one).toString()).sort(),
      );
    expect(await found()).toEqual([['x', 'y'], [], ['z']]);
    await inventory.apply({ files: [row(0, null)], removedFiles: [places[1]!.fileKey] });
    expect(await found()).toEqual([[], [], ['z']]);
  });

  test('files in flight are known after a restart, until they have ended', async () => {
    const { id } = await inventory.folderAt('/a');
    const hand = (fileKey: number, aloneTries: number) => ({
      fileKey,
      folderId: id,
      name: `n\xff${fileKey}`,
      aloneTries,
    });
    await inventory.apply({ begun: [hand(1, 0), hand(2, 1)] });
    inventory = await under.reopen();
    expect(await inventory.inFlight()).toEqual([hand(1, 0), hand(2, 1)]);
    await inventory.apply({ begun: [hand(1, 1)], ended: [2] });
    expect(await inventory.inFlight()).toEqual([hand(1, 1)]);
    expect(await inventory.folderById(id)).toMatchObject({ path: '/a' });
  });

  test('a second process is refused while the inventory is open', async () => {
    await inventory.beginScan('q', []);
    await expect(under.open()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
}
