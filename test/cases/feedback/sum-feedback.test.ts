/** The states of hits and entries, and what they say about an entry. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decisionOf } from '../../../src/cases/feedback/decision.js';
import { feedbackText } from '../../../src/cases/feedback/feedback-text.js';
import { sumDecisions } from '../../../src/cases/feedback/sum-feedback.js';
import type { Match } from '../../../src/core/match-types.js';
import type { HitStatus, ListInfo } from '../../../src/core/vocabulary.js';
import type { Hit, Ledger } from '../../../src/ledger/ledger.js';
import { ncmecServer } from '../../lists/import/sources/ncmec-server.js';
import { type SyncedList, type Syncing, startSyncing } from '../../lists/import/sources/publisher.js';
import { type Decided, decided } from './decided.js';

const at = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString();
/** Cases are opened again by Zeef, and by `k` where the state is `undone`. */
const history = (...states: (HitStatus | 'undone')[]) =>
  states.map((state, n) => ({
    status: state === 'undone' ? ('open' as const) : state,
    at: at(n),
    by: state === 'open' ? 'zeef' : 'k',
  }));

describe('the decision on a hit', () => {
  test.each<[(HitStatus | 'undone')[], string | null]>([
    [[], null],
    [['notified'], null],
    [['removed'], null],
    [['notified', 'removed'], null],
    [['confirmed'], 'confirmed'],
    [['notified', 'confirmed', 'removed'], 'confirmed'],
    // Taken down, and there again: the case is open, the file is what it was.
    [['confirmed', 'removed', 'open'], 'confirmed'],
    [['confirmed', 'undone'], null],
    [['false_positive', 'undone'], null],
    [['false_positive', 'undone', 'confirmed'], 'confirmed'],
    [['confirmed', 'notified'], 'confirmed'],
    [['false_positive'], 'false_positive'],
    [['confirmed', 'false_positive'], 'false_positive'],
    [['false_positive', 'confirmed'], 'confirmed'],
    [['false_positive', 'notified'], null],
    [['false_positive', 'notified', 'removed'], null],
    [['confirmed', 'false_positive', 'notified', 'false_positive'], 'false_positive'],
  ])('%j: %s', (states, verdict) => {
    expect(decisionOf(history(...states))?.verdict ?? null).toBe(verdict);
  });

  test('its time is that of the decision that holds', () => {
    expect(decisionOf(history('confirmed', 'notified', 'removed'))).toEqual({ verdict: 'confirmed', at: at(0) });
    expect(decisionOf(history('confirmed', 'false_positive'))).toEqual({ verdict: 'false_positive', at: at(1) });
  });
});

describe('sums', () => {
  const match = (entryId: string, more: Partial<Match> = {}): Match => ({
    list: 'l',
    entryId,
    algorithm: 'pdq',
    matchType: 'near',
    distance: 20,
    radius: 31,
    orientation: null,
    family: null,
    window: null,
    derived: null,
    frame: null,
    background: null,
    part: null,
    category: null,
    severity: null,
    source: null,
    suppressed: false,
    quarantined: false,
    ...more,
  });
  const hitOf = (states: HitStatus[], matches: Match[], id = 'h') =>
    ({ id, tenant: 'acme', reference: 'secret.jpg', matches, history: history(...states) }) as unknown as Hit;
  /** A ledger with these hits on pages of two. */
  const ledgerOf = (hits: Hit[]): Pick<Ledger, 'hits'> => ({
    async hits({ cursor = '0' }) {
      const begin = Number(cursor);
      const end = begin + 2;
      return { hits: hits.slice(begin, end), cursor: end < hits.length ? String(end) : null };
    },
  });
  const present = { lists: async () => [{ list: 'l', formerNames: [] } as unknown as ListInfo] };
  const sums = (...hits: Hit[]) => sumDecisions({ ledger: ledgerOf(hits), lists: present }, 'l');

  test('undecided hits are in no row; all pages are read', async () => {
    const [confirmed, undecided] = [hitOf(['confirmed'], [match('a')]), hitOf(['notified'], [match('a'), match('b')])];
    expect(await sums(undecided, confirmed, undecided, undecided, confirmed)).toEqual([
      {
        entryId: 'a',
        algorithm: 'pdq',
        kind: 'hash',
        confirmed: 2,
        falsePositive: 0,
        exact: 0,
        decidedAt: at(0),
        verdict: 'confirmed',
      },
    ]);
  });

  test('a hit counts once for an entry, whatever its frames and orientations', async () => {
    const exact = match('a', { matchType: 'exact', distance: 0 });
    expect(await sums(hitOf(['confirmed'], [match('a'), exact, match('a', { frame: 3 })]))).toMatchObject([
      { confirmed: 1, exact: 1 },
    ]);
  });

  test('each entry and algorithm of the list that the file matched, and none of another list', async () => {
    const digest = match('a', { algorithm: 'md5', matchType: 'exact', distance: 0 });
    const rows = await sums(hitOf(['false_positive'], [match('b'), match('a'), digest, match('c', { list: 'other' })]));
    expect(rows.map(({ entryId, algorithm, kind, exact }) => [entryId, algorithm, kind, exact])).toEqual([
      ['a', 'md5', 'digest', 1],
      ['a', 'pdq', 'hash', 0],
      ['b', 'pdq', 'hash', 0],
    ]);
  });

  test('what a suppression took out is not counted; what is in quarantine is', async () => {
    const suppressed = match('a', { suppressed: true });
    const held = match('b', { suppressed: true, quarantined: true });
    expect(await sums(hitOf(['confirmed'], [suppressed, held]))).toMatchObject([{ entryId: 'b' }]);
  });

  test('both verdicts are contested, with the time of the newest', async () => {
    const [yes, no] = [hitOf(['confirmed'], [match('a')]), hitOf(['notified', 'false_positive'], [match('a')])];
    const contested = { verdict: 'contested', confirmed: 1, falsePositive: 1, decidedAt: at(1) };
    expect(await sums(yes, no)).toMatchObject([contested]);
    expect(await sums(no, yes)).toMatchObject([contested]);
    expect(await sums(no, no)).toMatchObject([{ verdict: 'false_positive', confirmed: 0, falsePositive: 2 }]);
  });

  test('since a time: entries with a newer decision, with all of their decisions', async () => {
    const old = hitOf(['confirmed'], [match('a'), match('b')]);
    const late = hitOf(['notified', 'false_positive'], [match('a')]);
    const since = (ms: number) => sumDecisions({ ledger: ledgerOf([old, late]), lists: present }, 'l', ms);
    expect(await since(Date.parse(at(1)))).toMatchObject([{ entryId: 'a', verdict: 'contested' }]);
    expect(await since(Date.parse(at(0)))).toHaveLength(2);
    expect(await since(Date.parse(at(2)))).toEqual([]);
  });

  test('the file has the columns of its rows alone, in any order of the hits', async () => {
    const hits = [hitOf(['confirmed'], [match('=b')]), hitOf(['false_positive'], [match('a')])];
    const files = [hits, hits.toReversed()].map(async (each) => {
      const rows = (await sums(...each)).map((sum) => ({
        list: 'l',
        ...sum,
        state: 'listed' as const,
        tenant: 'acme',
      }));
      return [feedbackText(rows, 'csv'), feedbackText(rows, 'jsonl')];
    });
    const [first, second] = await Promise.all(files);
    expect(first).toEqual(second);
    expect(first![0]).toBe(
      'list,entryId,algorithm,kind,state,confirmed,falsePositive,exact,decidedAt,verdict\r\n' +
        `l,'=b,pdq,hash,listed,1,0,0,${at(0)},confirmed\r\nl,a,pdq,hash,listed,0,1,0,${at(0)},false_positive\r\n`,
    );
    expect(
      first![1]!
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).entryId),
    ).toEqual(['=b', 'a']);
    expect(first!.join('')).not.toMatch(/acme|secret/);
  });
});

describe('of a list in the store', () => {
  let syncing: Syncing;
  let list: SyncedList;
  let people: Decided;
  const publisher = ncmecServer();
  beforeAll(async () => {
    syncing = await startSyncing();
  });
  afterAll(() => syncing.close());
  afterEach(() => people.end());
  beforeEach(async () => {
    for (const n of [1, 2, 3, 4]) publisher.publish(n, 1_000 + n);
    list = await syncing.startSynced(publisher);
    people = decided(list, publisher);
    await people.sync();
  });

  test('listed, disabled and removed entries', async () => {
    for (const n of [1, 2, 3]) await people.hit(n, 'confirmed');
    await people.hit(4);
    const { lists } = list.running.service.store;
    await lists.changeEntries(list.name, { entryId: '42/image2' }, 'disable');
    await lists.changeEntries(list.name, { entryId: '42/image3' }, 'remove');
    expect((await people.rows()).map(({ entryId, state }) => [entryId, state])).toEqual([
      ['42/image1', 'listed'],
      ['42/image2', 'disabled'],
      ['42/image3', 'removed'],
    ]);
  });

  test('a takedown, and the same file again, leave the decision', async () => {
    const id = await people.hit(1, 'confirmed', 'removed');
    expect(await people.sums()).toMatchObject([{ verdict: 'confirmed', confirmed: 1, exact: 1 }]);
    await people.change(id, 'false_positive');
    expect(await people.sums()).toMatchObject([{ verdict: 'false_positive', confirmed: 0, falsePositive: 1 }]);
  });
});
