/** A rematch decides the rows of an inventory anew: it opens no file, and records, writes and reports what changed. */
import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { FileBatch } from '../../src/check/file-batch.js';
import { type Decision, NOTHING_FOUND } from '../../src/check/policy.js';
import { AppError } from '../../src/core/errors.js';
import { textOf } from '../../src/core/path-bytes.js';
import type { Verdict } from '../../src/core/vocabulary.js';
import { factsOfReply } from '../../src/scan/facts/file-facts.js';
import { packFacts, unpackFacts } from '../../src/scan/facts/packed-facts.js';
import { rematch } from '../../src/scan/rematch.js';
import { ScanTally } from '../../src/scan/tally.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { factsOf, failedReply, found, imageReply, matcherOf } from '../support/scan-parts.js';

const TEXT = factsOf({ kind: 'not_picture', reason: 'not_an_image', code: 'IMAGE_NOT_AN_IMAGE' });
const BEFORE = '{"store":"s","generation":1}';
const NOW = '{"store":"s","generation":2}';

let inventory: Inventory;
beforeEach(async () => {
  inventory = await openSqliteInventory(tempFolder('rematch'));
});
afterEach(() => inventory.close());

/** Name → digit of the digest, and the verdict of the scan. */
async function finishedScan(files: Readonly<Record<string, readonly [digit: string, verdict: Verdict]>>) {
  await inventory.beginScan('q', ['/tree']);
  const folder = (await inventory.nextFolder(new Set()))!;
  const base = await inventory.firstKey(folder.id);
  const names = Object.keys(files);
  const places = await inventory.find(base, names);
  await inventory.apply({
    files: names.map((name, at) => {
      const [digit, verdict] = files[name]!;
      const facts = digit === '' ? TEXT : factsOf(factsOfReply(digit === 'x' ? failedReply('c') : imageReply(digit)));
      return { fileKey: places[at]!.fileKey, name, facts: packFacts({ ...facts, verdict, generation: 1, scan: 1 }) };
    }),
    foldersDone: [{ id: folder.id, counts: { symlinks: 0, special: 0, excluded: 0 } }],
  });
  await inventory.finishScan({ files: names.length, matchedAt: BEFORE });
}

async function verdicts(): Promise<Record<string, Verdict>> {
  const rows: [string, Verdict][] = [];
  for await (const batch of inventory.files('all'))
    rows.push(...batch.map(({ name, facts }): [string, Verdict] => [name, unpackFacts(facts).verdict]));
  return Object.fromEntries(rows.sort());
}

interface About {
  readonly decisions?: Readonly<Record<string, Decision>>;
  readonly onRecord?: () => void;
  readonly shouldStop?: () => boolean;
  /** First digits of the entries that are new; null: the inventory was matched before the change log begins. */
  readonly news?: readonly string[] | null;
}

async function run({ decisions = { a: found('match') }, onRecord, shouldStop = () => false, news }: About = {}) {
  const matcher = { ...matcherOf(decisions, onRecord), generation: 2, matchedAt: NOW };
  const reported: string[] = [];
  const tally = new ScanTally();
  const among = {} as never;
  const batch = {
    entriesSince: async (since: string) => (news === null || since !== BEFORE ? null : among),
    match: async (queries, _options, where) => {
      expect(where).toBe(among);
      const digit = (file: number) => queries.queryOf(file).digests.sha256?.[0] ?? '';
      return Array.from({ length: queries.files }, (_, file) =>
        news?.includes(digit(file)) ? found('match') : NOTHING_FOUND,
      );
    },
  } as Partial<FileBatch> as FileBatch;
  const options = { lists: null, requestedRadiusBits: null, requestedDetail: null, tenant: 't' };
  const end = await rematch({
    inventory,
    matcher,
    tally,
    orientations: 'all',
    readAgain: async (files) => files.map(() => 'FILE_VANISHED' as const),
    shouldStop,
    onResult: ({ pathBytes, verdict, bytesRead }) =>
      void reported.push(`${basename(textOf(pathBytes)!)} ${verdict} ${bytesRead !== null}`),
    newEntries: news === undefined ? null : { batch, options },
  });
  const recorded = matcher.recorded.flatMap(({ answers }) => answers.map(({ reference }) => reference));
  const unmatched = matcher.recorded.reduce((sum, one) => sum + one.unmatched, 0);
  return { end, reported: reported.sort(), recorded: recorded.sort(), unmatched, tally, matcher };
}

test('all files are decided by the current lists; changed verdicts are written, hits are recorded and reported', async () => {
  await finishedScan({
    'hit.jpg': ['a', 'no_match'],
    'same.jpg': ['a', 'match'],
    'gone.jpg': ['c', 'match'],
    'none.jpg': ['c', 'no_match'],
    'broken.jpg': ['x', 'not_checked'],
    'text.txt': ['', 'not_checked'],
  });
  const { end, reported, recorded, unmatched, tally } = await run();
  expect(end.interrupted).toBe(false);
  expect(reported).toEqual(['broken.jpg not_checked false', 'hit.jpg match false', 'same.jpg match false']);
  expect([recorded, unmatched]).toEqual([['/tree/broken.jpg', '/tree/hit.jpg', '/tree/same.jpg'], 2]);
  expect(await verdicts()).toEqual({
    'broken.jpg': 'not_checked',
    'gone.jpg': 'no_match',
    'hit.jpg': 'match',
    'none.jpg': 'no_match',
    'same.jpg': 'match',
    'text.txt': 'not_checked',
  });
  expect([tally.files, tally.fromInventory, tally.notPictures]).toEqual([6, 6, 1]);
  expect(inventory.state.matchedAt).toBe(NOW);
});

describe('new entries only', () => {
  beforeEach(() =>
    finishedScan({
      'new.jpg': ['a', 'no_match'],
      'good.jpg': ['b', 'no_match'],
      'old.jpg': ['c', 'match'],
      'broken.jpg': ['x', 'not_checked'],
      'text.txt': ['', 'not_checked'],
    }),
  );

  test('a file near a new entry is decided against all lists; another keeps its verdict, and is not reported', async () => {
    const decisions = { a: found('match'), b: found('suppressed') };
    const { reported, recorded, matcher, tally } = await run({ news: ['a', 'b'], decisions });
    // What could not be examined was compared with no entry.
    expect(reported).toEqual(['broken.jpg not_checked false', 'good.jpg suppressed false', 'new.jpg match false']);
    expect(recorded).toEqual(['/tree/broken.jpg', '/tree/good.jpg', '/tree/new.jpg']);
    expect(matcher.batches).toEqual([2]);
    expect(await verdicts()).toMatchObject({ 'good.jpg': 'suppressed', 'new.jpg': 'match', 'old.jpg': 'match' });
    expect(tally.sums()).toMatchObject({
      files: 5,
      fromInventory: 5,
      notPictures: 1,
      verdictsKept: 1,
      byVerdict: { match: 1, suppressed: 1, no_match: 0, not_checked: 1 },
    });
  });

  test('a verdict that rested on a draw, a time, a quarantine, a suppression or no list is decided again', async () => {
    await finishedScan({
      'drawn.jpg': ['a', 'suppressed'],
      'still.jpg': ['b', 'suppressed'],
      'lifted.jpg': ['c', 'suppressed'],
      'unlisted.jpg': ['a', 'not_checked'],
      'same.jpg': ['a', 'match'],
      'broken.jpg': ['x', 'not_checked'],
    });
    const decisions = { a: found('match'), b: found('suppressed') };
    const { reported, recorded, unmatched, matcher, tally } = await run({ news: [], decisions });
    expect(matcher.batches).toEqual([4]);
    expect(reported).toEqual([
      'broken.jpg not_checked false',
      'drawn.jpg match false',
      'still.jpg suppressed false',
      'unlisted.jpg match false',
    ]);
    expect(recorded).toEqual(['/tree/broken.jpg', '/tree/drawn.jpg', '/tree/still.jpg', '/tree/unlisted.jpg']);
    expect(unmatched).toBe(1);
    expect(await verdicts()).toMatchObject({
      'drawn.jpg': 'match',
      'lifted.jpg': 'no_match',
      'still.jpg': 'suppressed',
      'unlisted.jpg': 'match',
    });
    expect(tally.sums()).toMatchObject({ byVerdict: { match: 2, suppressed: 1, no_match: 1, not_checked: 1 } });
  });

  test('are refused where the change log does not reach back to the last match', async () => {
    await expect(run({ news: null })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      details: { field: 'new-entries' },
    });
  });
});

test('an inventory without a finished scan is refused', async () => {
  await expect(run()).rejects.toMatchObject({ code: 'REQUEST_INVALID', details: { field: 'rematch' } });
  await inventory.beginScan('q', ['/tree']);
  await expect(run()).rejects.toMatchObject({ code: 'REQUEST_INVALID', details: { field: 'rematch' } });
});

test('where the ledger fails, no verdict is written, nothing is reported, and the next rematch begins from the same', async () => {
  await finishedScan({ 'hit.jpg': ['a', 'no_match'] });
  const onRecord = () => {
    throw new AppError('LEDGER_FAILED');
  };
  await expect(run({ onRecord })).rejects.toMatchObject({ code: 'LEDGER_FAILED' });
  expect(await verdicts()).toEqual({ 'hit.jpg': 'no_match' });
  expect(inventory.state.matchedAt).toBe(BEFORE);
  expect((await run()).reported).toEqual(['hit.jpg match false']);
});

test('a rematch that is stopped does not claim that every row is matched', async () => {
  await finishedScan({ 'hit.jpg': ['a', 'no_match'] });
  const { end, reported } = await run({ shouldStop: () => true });
  expect([end.interrupted, reported]).toEqual([true, []]);
  expect(inventory.state.matchedAt).toBe(BEFORE);
});
