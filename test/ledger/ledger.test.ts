/** Counts and hits from outcomes, in a ledger whose store and clock the test controls. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Match } from '../../src/core/match-types.js';
import { DAY_MS, HOUR_MS, INTERVALS } from '../../src/core/period.js';
import type { HitStatus } from '../../src/core/vocabulary.js';
import { createLedger, type Hit, type HitListener } from '../../src/ledger/ledger.js';
import type { LedgerRequest } from '../../src/ledger/ledger-entry.js';
import type { Outcome } from '../../src/ledger/outcome.js';
import { buildReport } from '../../src/ledger/report.js';
import type { Sighting } from '../../src/store/ledger-contract.js';
import { memoryLedger } from '../support/memory-ledger.js';

const START = Date.UTC(2026, 8, 14, 12, 34);

function ledgerAt() {
  const at = { ms: START };
  const store = memoryLedger();
  const reversed = (bytes: Uint8Array) => Uint8Array.from(bytes).reverse();
  const ledger = createLedger({
    store,
    nowMs: () => at.ms,
    seal: { seal: reversed, open: reversed, mark: (bytes) => bytes.slice(0, 16) },
    deadlineHours: [1, 24],
    keepHitsDays: 10,
    keepHoursDays: 0,
  });
  return { at, store, ledger };
}

const match = (over: Partial<Match> = {}): Match => ({
  list: 'x',
  entryId: 'e',
  algorithm: 'pdq',
  matchType: 'near',
  distance: 3,
  radius: 31,
  orientation: null,
  family: null,
  window: null,
  derived: null,
  frame: null,
  background: null,
  part: null,
  category: 'A1',
  severity: null,
  source: null,
  suppressed: false,
  quarantined: false,
  ...over,
});
const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  kind: 'image',
  verdict: 'match',
  reason: null,
  matches: [match()],
  reference: null,
  fileId: 'f',
  digests: { md5: '00112233445566778899aabbccddeeff' },
  generation: 1,
  checkId: null,
  ...over,
});
const recordable = (...outcomes: Outcome[]): LedgerRequest => ({
  tenant: 'a',
  outcomes,
  unmatched: 0,
  idempotency: null,
});

test('an image counts once in all, once per list and category, by its nearest match', async () => {
  const { ledger } = ledgerAt();
  await ledger.record(
    recordable(
      outcome({
        matches: [
          match({ list: 'y', matchType: 'exact', distance: 0, category: null }),
          match({ list: 'x' }),
          match({ list: 'x', category: 'B2' }),
          match({ list: 'z', suppressed: true }),
        ],
      }),
    ),
  );
  expect(await ledger.stats({})).toMatchObject({
    checked: 1,
    matched: 1,
    exact: 1,
    near: 0,
    byList: { x: 1, y: 1 },
    byCategory: { A1: 1, B2: 1, uncategorised: 1 },
  });
  expect(await ledger.stats({ list: 'x' })).toMatchObject({ checked: 1, exact: 0, near: 1, byCategory: { A1: 1 } });
  expect(await ledger.stats({ list: 'x', category: 'B2' })).toMatchObject({ matched: 0 });
  expect(await ledger.stats({ category: 'B2' })).toMatchObject({ matched: 1, near: 1 });
  expect(await ledger.stats({ list: 'z' })).toMatchObject({ checked: 1, matched: 0, byList: {} });
  const { hits } = await ledger.hits({ limit: 9 });
  expect(hits).toMatchObject([{ list: 'y', matchType: 'exact', digests: { md5: '00112233445566778899aabbccddeeff' } }]);
});

test('digests are sealed in the store', async () => {
  const { ledger, store } = ledgerAt();
  await ledger.record(recordable(outcome()));
  const [held] = await store.hits({ tenant: null, limit: 1 });
  const sealed = Buffer.from('00112233445566778899aabbccddeeff', 'hex').reverse().toString('base64');
  expect(JSON.parse(held!.evidence).digests).toEqual({ md5: sealed });
});

test('hits are found by each digest of their file, in upper and lower case, and nothing else is a digest', async () => {
  const { ledger, store } = ledgerAt();
  const [md5, sha1, sha256] = ['0a'.repeat(16), '1b'.repeat(20), '2c'.repeat(32)];
  await ledger.record(
    recordable(outcome({ digests: { md5, sha1, sha256 } }), outcome({ fileId: 'g', digests: { sha256 } })),
  );
  await ledger.record(recordable(outcome({ fileId: 'h', digests: {} })));
  const idsOf = async (digest: string) => (await ledger.hits({ digest, limit: 9 })).hits.length;
  expect(await idsOf(md5)).toBe(1);
  expect(await idsOf(sha1.toUpperCase())).toBe(1);
  expect(await idsOf(sha256)).toBe(2);
  expect(await idsOf('3d'.repeat(32))).toBe(0);
  const [held] = await store.hits({ tenant: null, limit: 1 });
  expect(JSON.stringify(held)).not.toContain(sha256);
  for (const wrong of ['', '0a', md5.slice(1), `${md5}0`, 'x'.repeat(32), `${'0'.repeat(31)}g`, '0a'.repeat(24)])
    await expect(idsOf(wrong), wrong).rejects.toMatchObject({ code: 'REQUEST_INVALID', details: { field: 'digest' } });
});

test('hits of earlier versions are prepared in steps; a search that would miss some is refused', async () => {
  const { ledger, store, at } = ledgerAt();
  const md5 = '00112233445566778899aabbccddeeff';
  const evidence = JSON.stringify({
    digests: { md5: Buffer.from(md5, 'hex').reverse().toString('base64') },
    matches: [match()],
    generation: 1,
    checkId: null,
  });
  const sightings = Array.from({ length: 1_100 }, (_, n) => {
    const key = n.toString(16).padStart(64, '0');
    const old = { tenant: 'a', key, hitId: `H${String(n).padStart(4, '0')}`, atMs: at.ms, reference: null, evidence };
    return { ...old, kind: 'image', quarantined: false, list: 'x', category: null } as unknown as Sighting;
  });
  await store.append({ atMs: at.ms, entries: [{ tenant: 'a', idempotency: null, tallies: [], sightings }] });
  const search = () => ledger.hits({ digest: md5, limit: 2_000 });
  // Each attempt prepares five hundred.
  await expect(search()).rejects.toMatchObject({ code: 'HITS_UNMARKED' });
  await expect(search()).rejects.toMatchObject({ code: 'HITS_UNMARKED' });
  expect((await search()).hits).toHaveLength(1_100);
  expect(await ledger.markHits()).toBe(true);
});

test('one file at two references is two hits, and two files at one reference are too', async () => {
  const { ledger } = ledgerAt();
  for (const reference of ['p', 'q', 'p', null]) await ledger.record(recordable(outcome({ reference })));
  await ledger.record(recordable(outcome({ reference: 'p', fileId: 'g' })));
  const { hits } = await ledger.hits({ limit: 9 });
  expect(hits.map(({ reference, timesSeen }) => [reference, timesSeen])).toEqual([
    ['p', 1],
    [null, 1],
    ['q', 1],
    ['p', 2],
  ]);
});

test('a match suppressed by quarantine is a marked hit; one suppressed otherwise is not', async () => {
  const { ledger } = ledgerAt();
  const suppressed = { verdict: 'suppressed', fileId: 'g' } as const;
  await ledger.record(recordable(outcome({ ...suppressed, matches: [match({ suppressed: true })] })));
  expect((await ledger.hits({ limit: 9 })).hits).toEqual([]);
  await ledger.record(
    recordable(outcome({ ...suppressed, matches: [match({ suppressed: true, quarantined: true })] })),
  );
  expect((await ledger.hits({ limit: 9 })).hits).toMatchObject([{ quarantined: true }]);
  expect(await ledger.stats({})).toMatchObject({ checked: 2, matched: 0, suppressed: 2, byList: {} });
});

test('listeners are called after a hit is written, and not after they are removed', async () => {
  const { ledger, store } = ledgerAt();
  const heard: unknown[] = [];
  const listener: HitListener = ({ hit, isNew }) => heard.push([hit.timesSeen, isNew]);
  const stop = ledger.onHit(listener);
  await ledger.record(recordable(outcome()));
  await ledger.record(recordable(outcome()));
  expect((await store.hits({ tenant: null, limit: 1 }))[0]!.timesSeen).toBe(2);
  while (heard.length < 2) await new Promise(setImmediate);
  stop();
  await ledger.record(recordable(outcome()));
  await new Promise(setImmediate);
  expect(heard.at(-1)).toEqual([2, false]);
  expect(heard).toHaveLength(2);
});

test('a case is overdue past its last deadline, and erased some days after it was closed', async () => {
  const { at, ledger } = ledgerAt();
  await ledger.record(recordable(outcome(), outcome({ fileId: 'g' })));
  const [one, other] = (await ledger.hits({ limit: 9 })).hits;
  at.ms = START + 24 * HOUR_MS;
  const overdue = async () => (await ledger.hits({ limit: 9, overdue: true })).hits.map(({ id }) => id);
  expect(await overdue()).toEqual([]);
  at.ms++;
  expect((await overdue()).sort()).toEqual([one!.id, other!.id].sort());
  await ledger.changeHit('a', one!.id, { status: 'removed', note: null, by: 'k' });
  expect(await overdue()).toEqual([other!.id]);
  at.ms += 10 * DAY_MS;
  expect(await ledger.retain()).toMatchObject({ hits: 0 });
  at.ms++;
  expect(await ledger.retain()).toMatchObject({ hits: 1 });
  expect((await ledger.hits({ limit: 9 })).hits.map(({ id }) => id)).toEqual([other!.id]);
});

test('a second notice does not postpone a deadline, unless the case was closed in between', async () => {
  const { at, ledger } = ledgerAt();
  await ledger.record(recordable(outcome()));
  const [{ id }] = (await ledger.hits({ limit: 1 })).hits as [Hit];
  const startsAfter = async (status: HitStatus) => {
    at.ms += HOUR_MS;
    const { clock } = await ledger.changeHit('a', id, { status, note: null, by: 'k' });
    return (Date.parse(clock.startedAt) - START) / HOUR_MS;
  };
  expect([await startsAfter('notified'), await startsAfter('confirmed'), await startsAfter('notified')]).toEqual([
    1, 1, 1,
  ]);
  expect([await startsAfter('removed'), await startsAfter('notified')], 'it came back').toEqual([1, 5]);
});

test('a report covers whole hours, for counts and cases alike; whole days, where hours were dropped', async () => {
  const { at, store, ledger } = ledgerAt();
  await ledger.record(recordable(outcome()));
  at.ms = START + 50 * HOUR_MS;
  await ledger.record(recordable(outcome({ fileId: 'g' })));
  const reportOf = async (fromMs: number, toMs: number) => {
    const { period, from, to, checked, takedown } = await buildReport(ledger, {
      period: { fromMs, toMs, label: null },
      nowMs: at.ms,
    });
    expect(period).toBe(`${from}/${to}`);
    return [from.slice(0, 16), to.slice(0, 16), checked, takedown.cases];
  };
  // Both were checked at 34 minutes past the hour.
  const [from, to] = [START + 50 * HOUR_MS + 60_000, START + 50 * HOUR_MS + 120_000];
  expect(await reportOf(from, to)).toEqual(['2026-09-16T14:00', '2026-09-16T15:00', 1, 1]);
  expect(await reportOf(START, to)).toEqual(['2026-09-14T12:00', '2026-09-16T15:00', 2, 2]);
  const nothing = [START - 9 * HOUR_MS, START - 8 * HOUR_MS] as const;
  expect(await reportOf(...nothing)).toEqual(['2026-09-14T03:00', '2026-09-14T05:00', 0, 0]);
  await store.retain({ hitsStoppedBeforeMs: null, hoursBeforeMs: START + 24 * HOUR_MS, atMs: at.ms });
  expect(await reportOf(START + HOUR_MS, START + 2 * HOUR_MS)).toEqual(['2026-09-14T00:00', '2026-09-15T00:00', 1, 1]);
});

test('counts add up over time, tenants and reasons, for any outcomes', async () => {
  const outcomeArb = fc.record({
    verdict: fc.constantFrom('match', 'no_match', 'suppressed', 'not_checked'),
    lists: fc.uniqueArray(fc.constantFrom('x', 'y', '__proto__'), { minLength: 1 }),
    reason: fc.constantFrom('corrupt', 'timeout'),
    matchType: fc.constantFrom('exact', 'near'),
  });
  const eventArb = fc.record({
    tenant: fc.constantFrom('a', 'b'),
    afterMs: fc.integer({ min: 0, max: 40 * DAY_MS }),
    unmatched: fc.nat(5),
    outcomes: fc.array(outcomeArb, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(eventArb, { maxLength: 12 }), async (events) => {
      const { at, ledger } = ledgerAt();
      const seen = { checked: 0, match: 0, no_match: 0, suppressed: 0, not_checked: 0 };
      for (const { tenant, afterMs, unmatched, outcomes } of events) {
        at.ms += afterMs;
        seen.checked += unmatched + outcomes.length;
        for (const { verdict } of outcomes) seen[verdict as 'match']++;
        await ledger.record({
          tenant,
          unmatched,
          idempotency: null,
          outcomes: outcomes.map(({ verdict, lists, reason, matchType }) =>
            outcome({
              verdict: verdict as 'match',
              reason: verdict === 'not_checked' ? (reason as 'corrupt') : null,
              matches: ['match', 'suppressed'].includes(verdict)
                ? lists.map((list) =>
                    match({ list, matchType: matchType as 'near', suppressed: verdict === 'suppressed' }),
                  )
                : [],
            }),
          ),
        });
      }
      const whole = await ledger.stats({ interval: 'year' });
      expect(whole).toMatchObject({
        checked: seen.checked,
        matched: seen.match,
        suppressed: seen.suppressed,
        notChecked: seen.not_checked,
      });
      expect(whole.exact + whole.near).toBe(whole.matched);
      const sum = (counts: Iterable<number>) => [...counts].reduce((a, b) => a + b, 0);
      expect(sum(Object.values(whole.byReason))).toBe(whole.notChecked);
      expect(sum(Object.values(whole.byTenant))).toBe(whole.checked);
      for (const interval of INTERVALS) {
        const { series } = await ledger.stats({ interval });
        expect(sum(series.map(({ checked }) => checked))).toBe(whole.checked);
        expect(sum(series.map(({ matched }) => matched))).toBe(whole.matched);
      }
      const middle = START + 90 * DAY_MS - (START % HOUR_MS);
      const [before, after] = [await ledger.stats({ toMs: middle }), await ledger.stats({ fromMs: middle })];
      expect(before.checked + after.checked).toBe(whole.checked);
      for (const list of ['x', '__proto__']) {
        const tenants = [await ledger.stats({ list, tenant: 'a' }), await ledger.stats({ list, tenant: 'b' })];
        const own = await ledger.stats({ list });
        expect(sum(tenants.map(({ matched }) => matched))).toBe(own.matched);
        expect(own.matched).toBe(new Map(Object.entries(whole.byList)).get(list) ?? 0);
      }
    }),
    { numRuns: 60 },
  );
});
