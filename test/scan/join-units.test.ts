/** Units of a joined scan: which folders and names belong to which shard, and what comes of a very large folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { PLAIN_REQUEST } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { FOLDER_NAMES_MAX, folderOf, namesOf, rangeOf, slicesOf } from '../../src/scan/join/shard-of.js';
import { digestAfter, isAsRecorded, type ShardSums, withUnit } from '../../src/scan/join/shard-sums.js';
import { examine, openText, sealText, type UnitOutcome } from '../../src/scan/join/unit.js';
import type { ScanParts } from '../../src/scan/scan-request.js';
import { ScanTally } from '../../src/scan/tally.js';
import { Walker } from '../../src/scan/walk/walker.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import { type JoinedFolder, SCAN_SHARDS } from '../../src/store/joined-scans-contract.js';
import { matcherOf } from '../support/scan-parts.js';
import { vaultOf } from '../support/vault.js';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((name) => Buffer.from(name).toString('latin1'));

describe('shards', () => {
  test('every name of a folder is in one slice, and each slice in a shard of its own', () => {
    fc.assert(
      fc.property(bytes, fc.array(bytes, { maxLength: 20 }), (folder, names) => {
        const path = `/${folder}`;
        const slices = slicesOf(path);
        const shards = new Set([folderOf(path), ...slices].map(({ shard }) => shard));
        expect(shards.size).toBe(SCAN_SHARDS);
        expect(Math.max(...shards)).toBe(SCAN_SHARDS - 1);
        for (const name of names) expect(slices.filter((slice) => namesOf(slice)!(name))).toHaveLength(1);
        expect(namesOf(folderOf(path))).toBeNull();
      }),
      { numRuns: 30 },
    );
  });

  test('folders are spread over all shards', () => {
    const used = new Set(Array.from({ length: 5_000 }, (_, at) => folderOf(`/data/folder ${at}`).shard));
    expect(used.size).toBe(SCAN_SHARDS);
  });

  test('the first ranges of a bucket are in a shard each, later ones in longer and longer runs, evenly', () => {
    const shards = Array.from({ length: 120_000 }, (_, at) => rangeOf('s3://bucket/=', `${at}`, at).shard);
    expect(new Set(shards.slice(0, SCAN_SHARDS)).size).toBe(SCAN_SHARDS);
    const runs: number[] = [];
    for (const [at, shard] of shards.entries()) {
      if (at === 0 || shard !== shards[at - 1]) runs.push(0);
      runs[runs.length - 1]!++;
    }
    // Each length once around the shards, the last one for ever.
    expect(runs.slice(0, 4 * SCAN_SHARDS)).toEqual([1, 4, 16, 64].flatMap((run) => Array(SCAN_SHARDS).fill(run)));
    expect(new Set(runs.slice(4 * SCAN_SHARDS, -1))).toEqual(new Set([64]));
    const sizes = new Array<number>(SCAN_SHARDS).fill(0);
    for (const shard of shards) sizes[shard]!++;
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(64);
    expect(rangeOf('s3://other/=', '', 0).shard).not.toBe(shards[0]);
  });
});

describe('a folder with more names than one unit takes', () => {
  const walkers: Walker[] = [];
  afterAll(() => {
    for (const walker of walkers) walker.close();
  });

  async function unitOf(root: string, folder: JoinedFolder): Promise<UnitOutcome> {
    const walker = new Walker({ threads: 1, followsLinks: false, stallMs: 60_000, env: {}, onStall() {} });
    walkers.push(walker);
    const inventory = await openSqliteInventory(tempFolder('shard'));
    await inventory.beginScan('test', []);
    const parts: ScanParts = {
      decoder: {
        hashReply: () => Promise.reject(new Error('no image')),
        workers: 1,
        queueImagesPerWorker: 1,
        imageBytesMax: 1_000,
      },
      inventory,
      keepsFiles: true,
      matcher: matcherOf({}),
      throttle: { filesAtOnce: Number.POSITIVE_INFINITY, take: async () => {} } as never,
      tally: new ScanTally(),
      env: {},
      shouldStop: () => false,
      onResult: () => {},
    };
    const found = await walker.root(pathBytesOf(root));
    const { path, device, inode } = found!;
    const place = {
      request: { ...PLAIN_REQUEST, cwd: '/', paths: [path] },
      roots: [{ path, device, inode }],
      tree: walker,
    };
    const outcome = await examine({ parts, place }, { folders: [folder], isCondemned: false, isWhole: false });
    await inventory.close();
    return outcome!;
  }

  test('is walked in slices, which have all of its files once', async () => {
    const root = tempFolder('large');
    const names = Array.from({ length: FOLDER_NAMES_MAX }, (_, at) => `file ${at}`);
    for (const name of names) writeFileSync(join(root, name), '');
    const path = pathBytesOf(root);
    const whole = await unitOf(root, folderOf(path));
    expect(whole.found).toEqual([]);
    expect(whole.sums.files).toBe(FOLDER_NAMES_MAX);
    mkdirSync(join(root, 'inner'));
    const large = await unitOf(root, folderOf(path));
    expect(large.sums.files).toBe(0);
    expect(large.done).toEqual([folderOf(path)]);
    expect(large.found).toEqual(slicesOf(path));
    const inner = large.found.find((slice) => namesOf(slice)!('inner'))!;
    for (const slice of [inner, ...large.found.slice(0, 2)]) {
      const { sums, found, done } = await unitOf(root, slice);
      const isInner = namesOf(slice)!('inner');
      expect([found, done]).toEqual([isInner ? [folderOf(join(path, 'inner'))] : [], [slice]]);
      expect(sums.files).toBe(names.filter(namesOf(slice)!).length);
    }
  }, 60_000);
});

describe('sums', () => {
  const outcome = (over: Partial<UnitOutcome> = {}): UnitOutcome => ({
    done: [],
    found: [],
    answers: [],
    unmatched: 1,
    lines: [],
    sums: new ScanTally().sums(),
    includesUnmatched: [],
    emptyRoots: [],
    unreadFolders: 0,
    generation: 1,
    matchedAt: null,
    ...over,
  });

  test('know which units the ledger must have', () => {
    const units = [outcome(), outcome({ unmatched: 0 }), outcome()];
    const sums = units.reduce<ShardSums | null>(
      (before, one, at) => withUnit(before, one, { unit: at + 1, fingerprint: `f${at + 1}` }),
      null,
    )!;
    expect(sums.recorded).toBe(2);
    expect(sums.recordedDigest).toBe(digestAfter(digestAfter('', 1, 'f1'), 3, 'f3'));
    const inLedger = (...entries: [number, string][]) => isAsRecorded(sums, new Map(entries));
    expect(inLedger([3, 'f3'], [1, 'f1'])).toBe(true);
    expect(inLedger([1, 'f1'])).toBe(false);
    expect(inLedger([1, 'f1'], [3, 'f4'])).toBe(false);
    expect(inLedger([1, 'f1'], [2, 'f2'], [3, 'f3'])).toBe(false);
  });

  test('keep the oldest lists that a unit was matched with, and patterns that no unit has matched', () => {
    const first = withUnit(null, outcome({ generation: 5, matchedAt: 'five', includesUnmatched: ['a', 'b'] }), {
      unit: 1,
      fingerprint: '',
    });
    const second = withUnit(first, outcome({ generation: 3, matchedAt: 'three', includesUnmatched: ['b', 'c'] }), {
      unit: 2,
      fingerprint: '',
    });
    const third = withUnit(second, outcome({ generation: 9, matchedAt: 'nine', includesUnmatched: ['b'] }), {
      unit: 3,
      fingerprint: '',
    });
    expect(third).toMatchObject({ generation: 3, matchedAt: 'three', includesUnmatched: ['b'] });
  });

  test('absorbed are those of all parts', () => {
    const result = (verdict: 'match' | 'not_checked', list: string) =>
      ({
        verdict,
        reason: verdict === 'match' ? null : 'corrupt',
        kind: 'image',
        bytes: 2,
        bytesRead: 2,
        matches: verdict === 'match' ? [{ list, suppressed: false, matchType: 'exact' }] : [],
      }) as never;
    const parts = [new ScanTally(), new ScanTally()];
    const whole = new ScanTally();
    for (const [at, tally] of parts.entries())
      for (const into of [tally, whole]) {
        into.take(result('match', `list-${at}`));
        into.take(result('match', 'both'));
        into.take(result('not_checked', ''));
        into.takeOther('video', 3);
        into.takeUnmatched(7, null, { isNearLeftOut: true, degraded: true, isPossible: true });
        into.passedOver({ symlinks: at + 1, excluded: 2 });
        into.warn('ROOT_EMPTY', { root: `r${at}` });
      }
    const sum = new ScanTally();
    for (const part of parts) sum.absorb(JSON.parse(JSON.stringify(part.sums())) as ReturnType<ScanTally['sums']>);
    expect(sum.sums()).toEqual(whole.sums());
    expect(sum.pictures).toBe(whole.pictures);
  });

  test('sealed text is opened as it was', async () => {
    const vault = vaultOf();
    const text = JSON.stringify({ path: '\u00ff\n', text: 'x'.repeat(100_000) });
    const sealed = await sealText(vault, text);
    expect(sealed.length).toBeLessThan(5_000);
    expect(await openText(vault, sealed)).toBe(text);
    sealed[40]! ^= 1;
    await expect(openText(vault, sealed)).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
  });
});
