/** The last step of a file in a scan: matched, recorded, written, then reported; in this order, and each once. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Answer } from '../../src/check/recorder.js';
import { AppError } from '../../src/core/errors.js';
import { textOf } from '../../src/core/path-bytes.js';
import { Committer } from '../../src/scan/committer.js';
import { type FileFacts, factsOfReply } from '../../src/scan/facts/file-facts.js';
import { unpackFacts } from '../../src/scan/facts/packed-facts.js';
import { pathOf, type Settled, Settler, TOGETHER_MAX } from '../../src/scan/settle.js';
import { ScanTally } from '../../src/scan/tally.js';
import type { FileRow, Inventory } from '../../src/store/inventory-contract.js';
import { factsOf, failedReply, found, imageReply, matcherOf, POSSIBLE, sha256Of } from '../support/scan-parts.js';

afterEach(() => void vi.useRealTimers());

const DECISIONS = { a: found('match'), b: found('suppressed'), f: POSSIBLE };

function createSettler(
  keepsFiles = true,
  onRecord: () => void = () => {},
  { gatherMs = 0, isBusy = () => false }: { gatherMs?: number; isBusy?: () => boolean } = {},
) {
  const events: string[] = [];
  const rows: FileRow[] = [];
  const tally = new ScanTally();
  const recording = () => {
    events.push('record');
    onRecord();
  };
  const matcher = { ...matcherOf(DECISIONS, recording), gatherMs };
  const inventory = {
    apply: async (change: { files: FileRow[] }) => {
      events.push('write');
      rows.push(...change.files);
    },
  };
  const settler = new Settler({
    matcher,
    committer: new Committer(inventory as unknown as Inventory),
    tally,
    scan: 7,
    orientations: 'all',
    readAgain: async (files) => files.map(() => 'FILE_VANISHED' as const),
    keepsFiles,
    isBusy,
    onResult: (result) => void events.push(`${textOf(result.pathBytes)} ${result.verdict} ${result.reason}`),
    onOther: (path, kind) => void events.push(`${textOf(path)} ${kind}`),
  });
  const recordedDigests = () =>
    matcher.recorded.flatMap(({ answers }) => answers.map(({ fileId }: Answer) => fileId![0]));
  const unmatched = () => matcher.recorded.reduce((sum, batch) => sum + batch.unmatched, 0);
  return { settler, matcher, events, rows, tally, recordedDigests, unmatched };
}

const imageFacts = (digit: string, facts: Partial<FileFacts> = {}) =>
  factsOf({ ...factsOfReply(imageReply(digit)), ...facts });

function file(fileKey: number, facts: FileFacts, about: Partial<Settled> = {}): Settled {
  return {
    folder: '/f',
    isArchive: false,
    fileKey,
    name: `${fileKey}.jpg`,
    facts,
    bytesRead: 4,
    isRecorded: false,
    ...about,
  };
}

test('a hit is recorded in the ledger, then written to the inventory, then reported', async () => {
  const { settler, events, rows } = createSettler();
  await settler.settle([file(3, imageFacts('a'))]);
  expect(events).toEqual(['record', 'write', '/f/3.jpg match null']);
  expect(rows.map(({ fileKey, name }) => [fileKey, name])).toEqual([[3, '3.jpg']]);
  expect(unpackFacts(rows[0]!.facts)).toMatchObject({ verdict: 'match', generation: 1, scan: 7 });
});

test('where the ledger fails, nothing is written and nothing is reported', async () => {
  const { settler, events, tally } = createSettler(true, () => {
    throw new AppError('LEDGER_FAILED');
  });
  const both = [settler.settle([file(1, imageFacts('a'))]), settler.settle([file(2, imageFacts('c'))])];
  for (const one of await Promise.allSettled(both))
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'LEDGER_FAILED' } });
  expect(events).toEqual(['record']);
  expect(tally.files).toBe(0);
});

test('each verdict is recorded, counted and reported as what it is', async () => {
  const { settler, events, tally, recordedDigests, unmatched } = createSettler();
  const notAnImage = factsOf({ kind: 'not_picture', reason: 'not_an_image', code: 'IMAGE_NOT_AN_IMAGE' });
  await settler.settle([
    file(1, imageFacts('a')),
    file(2, imageFacts('b')),
    file(3, imageFacts('c')),
    file(4, factsOf(factsOfReply(failedReply('a')))),
    file(5, factsOf(factsOfReply(failedReply('b')))),
    file(6, factsOf(factsOfReply(failedReply('c')))),
    file(7, notAnImage),
    file(8, { ...notAnImage, digests: { sha256: sha256Of('a') } }),
  ]);
  expect(events.slice(2)).toEqual([
    '/f/1.jpg match null',
    '/f/2.jpg suppressed null',
    '/f/4.jpg match corrupt',
    '/f/5.jpg suppressed corrupt',
    '/f/6.jpg not_checked corrupt',
    '/f/7.jpg not_picture',
    '/f/8.jpg match not_an_image',
  ]);
  expect(recordedDigests()).toEqual(['a', 'b', 'a', 'b', 'c', 'a']);
  expect(unmatched()).toBe(1);
  expect(tally.byVerdict).toEqual({ match: 3, suppressed: 2, no_match: 1, not_checked: 1 });
  expect([tally.files, tally.notPictures]).toEqual([8, 1]);
});

test('what is possible is recorded and counted, also of an image that is badly damaged', async () => {
  const { settler, matcher, tally, unmatched } = createSettler();
  const damaged = { reason: 'corrupt', code: 'IMAGE_CORRUPT', degraded: true } as const;
  await settler.settle([file(1, imageFacts('f')), file(2, imageFacts('f', damaged)), file(3, imageFacts('c'))]);
  const answers = matcher.recorded.flatMap((batch) => batch.answers);
  expect(answers.map(({ verdict, possible }) => [verdict, possible])).toEqual([
    ['no_match', POSSIBLE.possible],
    ['not_checked', POSSIBLE.possible],
  ]);
  expect([tally.possible, unmatched()]).toEqual([2, 1]);
});

test('a file that this scan has recorded already is reported, and not recorded again', async () => {
  const { settler, recordedDigests, unmatched, events, tally } = createSettler();
  const known = { bytesRead: null, isRecorded: true };
  await settler.settle([
    file(1, imageFacts('a', { verdict: 'match' }), known),
    file(2, imageFacts('c', { verdict: 'no_match' }), known),
  ]);
  expect([recordedDigests(), unmatched()]).toEqual([[], 0]);
  expect(events).toEqual(['record', '/f/1.jpg match null']);
  expect([tally.files, tally.fromInventory]).toEqual([2, 2]);
});

test('a known file is written again only where its verdict has changed', async () => {
  const { settler, rows } = createSettler();
  const known = { bytesRead: null };
  await settler.settle([
    file(1, imageFacts('a', { verdict: 'match' }), known),
    file(2, imageFacts('a', { verdict: 'no_match' }), known),
    file(3, imageFacts('c', { verdict: 'match' }), known),
  ]);
  expect(rows.map(({ fileKey, facts }) => [fileKey, unpackFacts(facts).verdict])).toEqual([
    [2, 'match'],
    [3, 'no_match'],
  ]);
});

test('a temporary inventory gets no rows', async () => {
  const { settler, rows, events } = createSettler(false);
  await settler.settle([file(1, imageFacts('a'))]);
  expect([rows, events]).toEqual([[], ['record', '/f/1.jpg match null']]);
});

test('files of several callers share one batch; a full batch does not wait for the timer', async () => {
  const { settler, matcher } = createSettler(false);
  await Promise.all([settler.settle([file(1, imageFacts('a'))]), settler.settle([file(2, imageFacts('c'))])]);
  await settler.settle([]);
  vi.useFakeTimers();
  // No timer ends it.
  await settler.settle(Array.from({ length: TOGETHER_MAX }, (_, fileKey) => file(fileKey, imageFacts('c'))));
  expect(matcher.batches).toEqual([2, TOGETHER_MAX]);
});

describe('files wait for others', () => {
  /** Milliseconds after which a file is settled. */
  async function waitOf(gatherMs: number, busyMs: number): Promise<number> {
    vi.useFakeTimers();
    const beganMs = performance.now();
    const { settler } = createSettler(false, () => {}, {
      gatherMs,
      isBusy: () => performance.now() - beganMs < busyMs,
    });
    let endedMs = Number.NaN;
    void settler.settle([file(1, imageFacts('c'))]).then(() => {
      endedMs = performance.now();
    });
    await vi.advanceTimersByTimeAsync(10_000);
    return endedMs - beganMs;
  }

  test.each([
    ['for moments where the decoder has nothing to do', 500, 0, 15],
    ['for moments where the lists are short', 0, 10_000, 15],
    ['while the decoder is busy, and no longer than the lists are worth', 500, 10_000, 510],
    ['until the decoder has nothing to do', 500, 200, 210],
  ])('%s', async (_says, gatherMs, busyMs, expected) => {
    expect(await waitOf(gatherMs, busyMs)).toBe(expected);
  });
});

test('paths: a file, an entry of an archive, and a folder that could not be listed', () => {
  const folder = '/a';
  expect(pathOf({ folder, name: 'b', isArchive: false })).toBe('/a/b');
  expect(pathOf({ folder: '/', name: 'b', isArchive: false })).toBe('/b');
  expect(pathOf({ folder: '/a.zip', name: 'b/c', isArchive: true })).toBe('/a.zip!/b/c');
  expect(pathOf({ folder, name: '.', isArchive: false })).toBe('/a');
});
