/** Windows that do not match, and are near enough for a person to look at: what answers, cases and figures say of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { sumDecisions } from '../../src/cases/feedback/sum-feedback.js';
import { RESAMPLED, type WindowKind } from '../../src/core/window.js';
import { importList } from '../../src/lists/import/import-list.js';
import { randomBytes, seeded } from '../support/random.js';
import { type Running, startService } from '../support/running.js';

const VALUE = Buffer.from(pdqLike(1, 1)).toString('hex');
const random = seeded(1);
const stranger = () => Buffer.from(randomBytes(random, 32)).toString('hex');
/** The first 128 bits are said to be certain. */
const CERTAIN = 'ff'.repeat(16) + '00'.repeat(16);

/** Bits from `from` on, those of three chunks of the index last: with few errors there a loose search finds the entry. */
const bitsFrom = (from: number): number[] => {
  const chunkOf = (bit: number) => ((((bit % 16) - 5 * Math.floor(bit / 16)) % 16) + 16) % 16;
  return Array.from({ length: 128 }, (_, at) => from + at).sort((a, b) => chunkOf(b) - chunkOf(a));
};

function flipped(certain: number, others: number): string {
  const bytes = Buffer.from(VALUE, 'hex');
  for (const bit of [...bitsFrom(0).slice(0, certain), ...bitsFrom(128).slice(0, others)])
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  return bytes.toString('hex');
}

const item = (id: string, value: string, kind: WindowKind = 'part') => ({
  id,
  hashes: [
    {
      algorithm: 'pdq',
      value,
      family: 'symmetric',
      window: { kind, rectangle: RESAMPLED.rectangle, degrees: 0, proportion: 1.5, certain: CERTAIN },
    },
  ],
});

interface Answer {
  readonly verdict: string;
  readonly matches: readonly unknown[];
  readonly matchCount: number;
  readonly possible?: readonly { readonly list: string; readonly distance: number; readonly radius: number }[];
}

async function ask(running: Running, items: readonly unknown[], more: object = {}): Promise<readonly Answer[]> {
  const body = JSON.stringify({ lists: ['wide'], detail: 'deep', ...more, items });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${running.url}/v1/check/hashes`, { method: 'POST', headers, body });
  return ((await answer.json()) as { results: readonly Answer[] }).results;
}

async function start(flags: Record<string, string>): Promise<Running> {
  const running = await startService(flags);
  const folder = tempFolder('possible');
  const path = join(folder, 'list.csv');
  writeFileSync(path, `algorithm,value\npdq,${VALUE}\n`);
  for (const [list, kind, radiusBits] of [
    ['wide', 'match', 31],
    ['narrow', 'match', 30],
    ['good', 'suppression', 0],
    ['far', 'match', 45],
  ] as const)
    await importList(running.service.store, { paths: [path], format: 'csv', list, kind, radiusBits, approved: true });
  await running.service.reload();
  return running;
}

describe('where answers say it', () => {
  let running: Running;
  beforeAll(async () => {
    running = await start({ possible: 'answers' });
  });
  afterAll(() => running.stop());

  test.each([
    [6, 25, 'match', null],
    [7, 24, 'no_match', 31],
    [0, 32, 'no_match', 32],
    [14, 33, 'no_match', 47],
    [15, 30, 'no_match', null],
    [14, 34, 'no_match', null],
    [0, 48, 'no_match', null],
  ])('%i certain and %i other bits wrong: %s, possible at %s bits', async (certain, others, verdict, distance) => {
    const [answer] = await ask(running, [item('edge', flipped(certain, others))]);
    expect(answer).toMatchObject({ verdict, matchCount: verdict === 'match' ? 1 : 0 });
    const possible = { list: 'wide', distance, radius: 47, window: { kind: 'part', certainBitsWrong: certain } };
    if (distance === null) expect(answer!.possible).toEqual([]);
    else expect(answer).toMatchObject({ matches: [], possible: [possible] });
  });

  test('only on lists as wide as windows reach, of the kinds that are asked for, within the radius of the request', async () => {
    const near = flipped(4, 36);
    const listsOf = async (more: object, kind: WindowKind = 'part') =>
      (await ask(running, [item('gates', near, kind)], more))[0]!.possible!.map(({ list }) => list);
    expect(await listsOf({ lists: ['wide', 'narrow'] })).toEqual(['wide']);
    expect(await listsOf({ detail: 'standard' })).toEqual(['wide']);
    expect(await listsOf({ detail: 'standard' }, 'crop')).toEqual([]);
    expect(await listsOf({ detail: 'plain' })).toEqual([]);
    expect(await listsOf({ radius: 40 })).toEqual(['wide']);
    expect(await listsOf({ radius: 39 })).toEqual([]);
  });

  test('not of a value that is known to be good', async () => {
    const near = item('good', flipped(4, 36));
    expect((await ask(running, [near], { lists: ['wide', 'good'] }))[0]).toMatchObject({
      verdict: 'no_match',
      possible: [],
    });
  });

  test('not where something matches', async () => {
    const { hashes } = item('', flipped(4, 36));
    const both = { id: 'both', hashes: [...hashes, ...item('', flipped(0, 5)).hashes] };
    expect((await ask(running, [both]))[0]).toMatchObject({ verdict: 'match', matchCount: 1, possible: [] });
  });

  test('a whole image is searched exactly beside windows, on a list that matches farther than they do', async () => {
    const bytes = Buffer.from(VALUE, 'hex');
    // Two whole rows: each chunk of the index has two errors, where the loose search finds nothing.
    for (let bit = 0; bit < 32; bit++) bytes[bit >> 3]! ^= 1 << (bit & 7);
    const { hashes } = item('', stranger());
    const [answer] = await ask(running, [{ hashes, pdq: bytes.toString('hex') }], { lists: ['far'] });
    expect(answer).toMatchObject({ verdict: 'match', matchCount: 1 });
  });

  test('in a batch of many, some of them with a whole image', async () => {
    const many = Array.from({ length: 400 }, (_, at) =>
      at % 2 === 0 ? item(`w${at}`, at % 10 === 0 ? flipped(5, 37) : stranger()) : { pdq: VALUE },
    );
    const answers = await ask(running, many);
    expect(answers.filter(({ possible }) => possible!.length > 0)).toHaveLength(40);
    expect(answers.filter(({ verdict }) => verdict === 'match')).toHaveLength(200);
  });
});

describe('where cases say it', () => {
  let running: Running;
  beforeAll(async () => {
    running = await start({});
  });
  afterAll(() => running.stop());
  const casesOf = async (reference: string) => (await running.service.ledger.hits({ reference, limit: 9 })).hits;

  test('an answer has no such field, and a case is there that no clock runs for', async () => {
    const [answer] = await ask(running, [item('seen', flipped(9, 30))]);
    expect(answer).toMatchObject({ verdict: 'no_match', matches: [], matchCount: 0 });
    expect(answer).not.toHaveProperty('possible');
    expect(await casesOf('seen')).toMatchObject([
      {
        status: 'possible',
        possible: true,
        list: 'wide',
        distance: 39,
        clock: { deadlines: [], seconds: 0 },
        matches: [{ window: { certainBitsWrong: 9 } }],
      },
    ]);
    const stats = await running.service.ledger.stats({ fromMs: 0, toMs: Date.now() + 1, tenant: undefined });
    expect(stats).toMatchObject({ matched: 0, near: 0 });
    expect(stats.checked).toBeGreaterThan(0);
  });

  test('a decision makes it a case with a clock, or none at all, and says nothing about the entry', async () => {
    await ask(running, [item('a', flipped(9, 30)), item('b', flipped(10, 30))]);
    const [[a], [b]] = [await casesOf('a'), await casesOf('b')];
    const decision = { note: null, by: 'k' };
    const changed = await running.service.ledger.changeHit(undefined, a!.id, { status: 'confirmed', ...decision });
    expect(changed).toMatchObject({ status: 'confirmed', possible: true, clock: { stoppedAt: null } });
    expect(changed.clock.deadlines.length).toBeGreaterThan(0);
    expect(changed.clock.foundAt).toBe(changed.history[0]!.at);
    await running.service.ledger.changeHit(undefined, b!.id, { status: 'false_positive', ...decision });
    await expect(
      running.service.ledger.changeHit(undefined, a!.id, { status: 'possible', ...decision }),
    ).rejects.toMatchObject({ code: 'HIT_STATE' });
    const cases = await running.service.ledger.cases({ fromMs: 0, toMs: Date.now() + 1, tenant: undefined });
    expect(cases).toMatchObject([{ byStatus: { confirmed: 1, false_positive: 0, possible: 0 } }]);
    expect(await sumDecisions({ ledger: running.service.ledger, lists: running.service.store.lists }, 'wide')).toEqual(
      [],
    );
  });

  test('a notice waits for a decision, and says then that nothing matched', async () => {
    await ask(running, [item('n', flipped(8, 30))]);
    const [hit] = await casesOf('n');
    const notice = () => fetch(`${running.url}/v1/hits/${hit!.id}/notice`);
    expect(await (await notice()).json()).toMatchObject({ code: 'HIT_STATE' });
    await running.service.ledger.changeHit(undefined, hit!.id, { status: 'notified', note: null, by: 'k' });
    const text = await (await notice()).text();
    expect(text).toContain('may be an edited copy of an entry of the hash list "wide"');
    expect(text).toContain('does not match it');
    expect(text).not.toContain('no person has viewed');
  });

  test('a later match of the same file opens it', async () => {
    await ask(running, [{ ...item('m', flipped(8, 30)), md5: '0'.repeat(32) }]);
    expect(await casesOf('m')).toMatchObject([{ status: 'possible' }]);
    await ask(running, [{ ...item('m', flipped(2, 8)), md5: '0'.repeat(32) }]);
    expect(await casesOf('m')).toMatchObject([
      { status: 'open', possible: false, distance: 10, clock: { stoppedAt: null }, history: [{ by: 'zeef' }] },
    ]);
  });
});

test('with it off nothing is recorded', async () => {
  const running = await start({ possible: 'off' });
  try {
    const [answer] = await ask(running, [item('off', flipped(9, 30))]);
    expect(answer).toMatchObject({ verdict: 'no_match' });
    expect(answer).not.toHaveProperty('possible');
    expect((await running.service.ledger.hits({ limit: 9 })).hits).toEqual([]);
  } finally {
    await running.stop();
  }
});
