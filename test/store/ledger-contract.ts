/** The contract of every ledger store; each implementation runs this suite. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, INTERVALS } from '../../src/core/period.js';
import { NO_TOTALS, type Tally } from '../../src/core/tally.js';
import { DECISIONS, HIT_STATUSES, type HitStatus } from '../../src/core/vocabulary.js';
import { dueMsOf } from '../../src/store/hit-order.js';
import type {
  DigestMarks,
  HitChange,
  HitFilter,
  LedgerEntry,
  LedgerStore,
  Sighting,
} from '../../src/store/ledger-contract.js';
import { memoryLedger } from '../support/memory-ledger.js';

export const HOUR = Date.UTC(2026, 8, 30, 23);
const ALL_TIME = { fromMs: 0, toMs: Date.UTC(2100, 0) };

export const tally = (tenant: string, startMs: number, checked = 1, cells: Tally['cells'] = []): Tally => ({
  tenant,
  startMs,
  totals: { ...NO_TOTALS, checked },
  cells,
});

/** Of a file: its SHA-256 always, an MD5 of every second file, which the file after the next has too. */
const marksOf = (file: number): DigestMarks => {
  const mark = (n: number) => n.toString(16).padStart(32, 'f');
  return { sha256: mark(file), ...(file % 2 === 0 ? { md5: mark(Math.floor(file / 4)) } : {}) };
};

/** As earlier versions recorded it. */
export const unmarked = ({ marks: _, ...sighting }: Sighting) => sighting as Sighting;

/** Ids rise with `n`; the key follows from `file`. */
export const sighting = (n: number, file: number, over: Partial<Sighting> = {}): Sighting => ({
  tenant: 'a',
  key: file.toString(16).padStart(64, '0'),
  hitId: `H${String(n).padStart(6, '0')}`,
  atMs: HOUR + n,
  reference: file % 2 === 0 ? `file ${file}` : null,
  kind: 'image',
  quarantined: false,
  list: file % 3 === 0 ? 'x' : 'y',
  category: file % 5 === 0 ? null : 'A1',
  evidence: `evidence ${n}`,
  marks: marksOf(file),
  ...over,
});

export const entry = (over: Partial<LedgerEntry> = {}): LedgerEntry => ({
  tenant: 'a',
  idempotency: null,
  tallies: [],
  sightings: [],
  ...over,
});

const removalAt = (atMs: number): HitChange => ({
  atMs,
  status: 'removed',
  note: null,
  by: 'k',
  startedMs: HOUR,
  stoppedMs: atMs,
});

export function ledgerContract(name: string, { open }: { open: () => LedgerStore }): void {
  describe(`${name}: ledger contract`, () => {
    let store: LedgerStore;
    beforeEach(() => {
      store = open();
    });
    afterEach(() => store.close());
    const append = (...entries: LedgerEntry[]) => store.append({ atMs: HOUR, entries });
    const whole = (over = {}) =>
      store.counts({ tenant: null, ...ALL_TIME, interval: null, seriesCells: false, ...over });

    test('an empty store has no counts, hits or cases, and verifies', async () => {
      expect(await whole({ interval: 'hour' })).toEqual({ fromMs: 0, toMs: 0, tenants: [], series: [] });
      expect(await store.hits({ tenant: null, limit: 10 })).toEqual([]);
      expect(await store.hit(null, 'none')).toBe(null);
      expect(await store.cases({ tenant: null, ...ALL_TIME, runningSinceMs: [0] })).toEqual([]);
      expect(await store.verify()).toMatchObject({ ok: true, problems: [], hits: 0, totals: NO_TOTALS });
    });

    test('counts of all groups are summed by tenant, hour and cell', async () => {
      await append(
        entry({ tallies: [tally('a', HOUR, 2, [['["list","x","A1"]', [1, 0, 0]]])] }),
        entry({ tenant: 'b', tallies: [tally('b', HOUR, 5)] }),
      );
      await append(entry({ tallies: [tally('a', HOUR + HOUR_MS, 3, [['["list","x","A1"]', [2, 1, 0]]])] }));
      const { tenants, series, ...range } = await whole({ interval: 'quarter' });
      expect(range).toEqual({ fromMs: HOUR, toMs: HOUR + 2 * HOUR_MS });
      expect(tenants.map(({ tenant, totals, cells }) => [tenant, totals.checked, cells])).toEqual([
        ['a', 5, [['["list","x","A1"]', [3, 1, 0]]]],
        ['b', 5, []],
      ]);
      expect(series.map(({ startMs, totals }) => [startMs, totals.checked])).toEqual([
        [Date.UTC(2026, 6), 7],
        [Date.UTC(2026, 9), 3],
      ]);
      const own = await whole({ tenant: 'b', interval: 'hour', fromMs: HOUR + 1, toMs: HOUR + 2 });
      expect(own).toMatchObject({ fromMs: HOUR, toMs: HOUR + HOUR_MS, tenants: [{ tenant: 'b' }] });
      expect((await whole({ tenant: 'c' })).tenants).toEqual([]);
    });

    test('counts are exact up to the largest safe integer', async () => {
      const checked = 9_007_199_254_740_000;
      await append(entry({ tallies: [tally('a', HOUR, checked)] }));
      await append(entry({ tallies: [tally('a', HOUR, 991)] }));
      expect((await whole()).tenants[0]!.totals.checked).toBe(Number.MAX_SAFE_INTEGER);
    });

    test('a hit seen again is the same hit; each tenant and file has its own', async () => {
      const first = await append(entry({ sightings: [sighting(1, 1), sighting(2, 2)] }));
      expect(first).toEqual([
        {
          outcome: 'recorded',
          hits: [
            { id: 'H000001', isNew: true },
            { id: 'H000002', isNew: true },
          ],
        },
      ]);
      const again = await append(
        entry({ sightings: [sighting(3, 1), sighting(4, 1)] }),
        entry({ tenant: 'b', sightings: [sighting(5, 1, { tenant: 'b' })] }),
      );
      expect(again).toEqual([
        {
          outcome: 'recorded',
          hits: [
            { id: 'H000001', isNew: false },
            { id: 'H000001', isNew: false },
          ],
        },
        { outcome: 'recorded', hits: [{ id: 'H000005', isNew: true }] },
      ]);
      expect(await store.hit('a', 'H000001')).toMatchObject({
        timesSeen: 3,
        firstSeenMs: HOUR + 1,
        lastSeenMs: HOUR + 4,
        status: 'open',
        evidence: 'evidence 1',
        history: [],
      });
      expect(await store.hit('b', 'H000001'), 'of another tenant').toBe(null);
      expect((await store.hits({ tenant: null, limit: 2 })).map(({ id }) => id)).toEqual(['H000005', 'H000002']);
      const next = await store.hits({ tenant: null, limit: 2, beforeId: 'H000002' });
      expect(next.map(({ id }) => id)).toEqual(['H000001']);
      const oldest = (beforeId?: string) => store.hits({ tenant: null, limit: 2, beforeId, oldestFirst: true });
      expect((await oldest()).map(({ id }) => id)).toEqual(['H000001', 'H000002']);
      expect((await oldest('H000002')).map(({ id }) => id)).toEqual(['H000005']);
    });

    test('hits are found by the marks of their digests, also those that got them later', async () => {
      const idsOf = async (filter: Partial<HitFilter>) =>
        (await store.hits({ tenant: null, limit: 10, ...filter })).map(({ id }) => id);
      const [two, five] = [marksOf(2), marksOf(5)];
      await append(
        entry({ sightings: [sighting(1, 2), sighting(2, 2, { key: 'a'.repeat(64) }), unmarked(sighting(3, 5))] }),
        entry({ tenant: 'b', sightings: [sighting(4, 2, { tenant: 'b' })] }),
      );
      const bySha256 = { mark: { algorithm: 'sha256', mark: two.sha256! } } as const;
      expect(await idsOf(bySha256)).toEqual(['H000004', 'H000002', 'H000001']);
      expect(await idsOf({ ...bySha256, tenant: 'a', limit: 1 })).toEqual(['H000002']);
      expect(await idsOf({ ...bySha256, tenant: 'a', limit: 1, beforeId: 'H000002' })).toEqual(['H000001']);
      expect(await idsOf({ mark: { algorithm: 'md5', mark: two.md5! } })).toHaveLength(3);
      expect(await idsOf({ mark: { algorithm: 'sha1', mark: two.sha256! } }), 'of another algorithm').toEqual([]);

      const bySha256OfFive = { mark: { algorithm: 'sha256', mark: five.sha256! } } as const;
      expect(await idsOf({ isUnmarked: true })).toEqual(['H000003']);
      expect(await idsOf(bySha256OfFive)).toEqual([]);
      const before = await store.hit('a', 'H000003');
      const marks = ['H000001', 'H000003', 'none'].map((id) => ({ id, marks: five }));
      await store.markHits(marks, HOUR + 100);
      await store.markHits(marks, HOUR + 200);
      expect(await idsOf({ isUnmarked: true })).toEqual([]);
      expect(await idsOf(bySha256OfFive), 'only those that had none').toEqual(['H000003']);
      expect(await store.hit('a', 'H000003'), 'nothing else is changed').toEqual(before);
      expect(await store.verify()).toMatchObject({ ok: true, problems: [], hits: 4, events: 5 });
    });

    test('who has a case and whether it is disputed change alone, are found, and a decision ends the dispute', async () => {
      await append(entry({ sightings: [sighting(1, 1), sighting(2, 2)] }));
      const person = { note: null, by: 'k', key: { id: 'key', name: 'desk' } };
      const handle = (id: string, handling: object, tenant: string | null = 'a') =>
        store.handleHit(tenant, id, { atMs: HOUR + 50, ...person, ...handling });
      const idsOf = async (filter: Partial<HitFilter>) =>
        (await store.hits({ tenant: null, limit: 10, ...filter })).map(({ id }) => id);
      const before = await store.hit('a', 'H000001');
      expect(before).toMatchObject({ assignee: null, disputed: false, handling: [] });
      expect(await handle('H000001', { assignee: 'ann' }, 'b'), 'of another tenant').toBe(false);
      expect(await handle('H000009', { assignee: 'ann' }), 'unknown').toBe(false);
      expect(await handle('H000001', { assignee: 'ann' })).toBe(true);
      expect(await handle('H000001', { disputed: true, note: 'not ours' }, null)).toBe(true);
      const handling = [
        { atMs: HOUR + 50, assignee: 'ann', ...person },
        { atMs: HOUR + 50, disputed: true, ...person, note: 'not ours' },
      ];
      expect(await store.hit('a', 'H000001')).toEqual({ ...before, assignee: 'ann', disputed: true, handling });
      expect(await idsOf({ assignee: 'ann' })).toEqual(['H000001']);
      expect(await idsOf({ assignee: 'An' })).toEqual([]);
      expect(await idsOf({ isDisputed: true })).toEqual(['H000001']);
      expect(await idsOf({ isDisputed: true, tenant: 'b' })).toEqual([]);

      await store.changeHit('a', 'H000001', 'open', removalAt(HOUR + 60));
      expect(await store.hit('a', 'H000001')).toMatchObject({ assignee: 'ann', disputed: false, handling });
      await handle('H000001', { disputed: true });
      await append(entry({ sightings: [sighting(3, 1, { atMs: HOUR + 70 })] }));
      expect(await store.hit('a', 'H000001'), 'reopened').toMatchObject({
        status: 'open',
        assignee: 'ann',
        disputed: false,
      });
      await handle('H000001', { assignee: null });
      expect(await idsOf({ assignee: 'ann' })).toEqual([]);
      expect(await store.verify()).toMatchObject({ ok: true, problems: [] });
    });

    test('a new file twice in one group is one hit', async () => {
      const [appended] = await append(entry({ sightings: [sighting(1, 1), sighting(2, 1)] }));
      expect(appended).toEqual({
        outcome: 'recorded',
        hits: [
          { id: 'H000001', isNew: true },
          { id: 'H000001', isNew: false },
        ],
      });
      expect(await store.hit('a', 'H000001')).toMatchObject({ timesSeen: 2 });
      expect((await store.verify()).problems).toEqual([]);
    });

    test('a change applies only from the expected status, and by its tenant', async () => {
      await append(entry({ sightings: [sighting(1, 1)] }));
      const change = {
        atMs: HOUR + 9,
        status: 'removed',
        note: 'gone',
        by: 'k',
        key: { id: 'K1', name: 'Anna' },
        startedMs: HOUR,
        stoppedMs: HOUR + 9,
      } as const;
      expect(await store.changeHit('b', 'H000001', 'open', change)).toBe(false);
      expect(await store.changeHit('a', 'H000001', 'notified', change)).toBe(false);
      expect(await store.changeHit('a', 'H000001', 'open', change)).toBe(true);
      expect(await store.changeHit('a', 'H000001', 'open', change)).toBe(false);
      await append(entry({ sightings: [sighting(3, 1, { quarantined: true })] }));
      expect(await store.hit(null, 'H000001')).toMatchObject({
        status: 'removed',
        seenAfterRemoval: 1,
        stoppedMs: HOUR + 9,
        history: [{ atMs: HOUR + 9, status: 'removed', note: 'gone', by: 'k', key: { id: 'K1', name: 'Anna' } }],
      });
    });

    test.each(DECISIONS)(
      'a case that is %s, seen again: only a removed one is reopened, with a new clock',
      async (status) => {
        await append(entry({ sightings: [sighting(1, 1)] }));
        const stoppedMs = status === 'removed' || status === 'false_positive' ? HOUR + 5 : null;
        const change = { atMs: HOUR + 5, status, note: null, by: 'k', startedMs: HOUR + 2, stoppedMs };
        await store.changeHit('a', 'H000001', 'open', change);
        const seen = await append(entry({ sightings: [sighting(9, 1), sighting(10, 1)] }));
        const isReopened = status === 'removed';
        expect(seen).toEqual([
          {
            outcome: 'recorded',
            hits: [
              { id: 'H000001', isNew: false, ...(isReopened ? { isReopened } : {}) },
              { id: 'H000001', isNew: false },
            ],
          },
        ]);
        const hit = await store.hit('a', 'H000001');
        expect(hit).toMatchObject({ timesSeen: 3, status: isReopened ? 'open' : status });
        expect([hit!.startedMs > HOUR + 5, hit!.stoppedMs]).toEqual([isReopened, isReopened ? null : stoppedMs]);
        expect(hit!.history.map((event) => event.status)).toEqual(isReopened ? ['removed', 'open'] : [status]);
        expect((await store.verify()).problems).toEqual([]);
      },
    );

    test('running cases come by their next deadline, page by page; past the last one, by that', async () => {
      // Clocks started so many minutes before now.
      const ages = [50, 700, 1_500, 30, 1_439, 4_000, 719, 60, 61];
      const nowMs = HOUR + 5_000 * 60_000;
      await append(
        entry({
          sightings: ages.map((minutes, n) => sighting(n + 1, n + 1, { atMs: nowMs - minutes * 60_000 })),
        }),
        entry({ tenant: 'b', sightings: [sighting(20, 1, { tenant: 'b', atMs: nowMs - 55 * 60_000 })] }),
        entry({ sightings: [sighting(21, 21, { atMs: nowMs - 58 * 60_000, quarantined: true })] }),
        entry({ sightings: [sighting(22, 22, { atMs: nowMs - 59 * 60_000 })] }),
      );
      await store.changeHit('a', 'H000022', 'open', { ...removalAt(nowMs), startedMs: nowMs - 59 * 60_000 });
      const deadlinesMs = [1, 12, 24].map((hours) => hours * HOUR_MS);
      const late = ['H000006', 'H000003'];
      // Due now, in a minute by three deadlines, in 2, 5, 10, 20, 30 minutes, and in eleven hours.
      const own = ['H000008', 'H000005', 'H000007', 'H000021', 'H000001', 'H000002', 'H000004', 'H000009'];
      const found: string[] = [];
      let after: { dueMs: number; id: string } | undefined;
      do {
        const page = await store.hits({ tenant: 'a', due: { nowMs, deadlinesMs, after }, limit: 3 });
        found.push(...page.map(({ id }) => id));
        const last = page.length === 3 ? page[2]! : undefined;
        after = last && { dueMs: dueMsOf(last.startedMs, { nowMs, deadlinesMs }), id: last.id };
      } while (after);
      expect(found).toEqual([...late, ...own]);
      const all = await store.hits({ tenant: null, due: { nowMs, deadlinesMs }, limit: 99 });
      expect(all.map(({ id }) => id)).toEqual([...late, ...own.slice(0, 4), 'H000020', ...own.slice(4)]);
    });

    test('hits are found by the beginning of their reference, as written, and by their kind', async () => {
      const references = [
        'a/1.jpg',
        'a/10.jpg',
        'A/1.jpg',
        'a',
        'a%',
        'b',
        'a\u{10ffff}z',
        'a/1\ud7ffx',
        'a/1\ue000',
        null,
      ];
      await append(
        entry({
          sightings: references.map((reference, n) =>
            sighting(n + 1, n + 1, { reference, kind: n % 2 === 0 ? 'image' : 'hash' }),
          ),
        }),
      );
      const found = async (over: Partial<HitFilter>) =>
        (await store.hits({ tenant: 'a', oldestFirst: true, limit: 99, ...over })).map(({ reference }) => reference);
      for (const referencePrefix of ['a', 'a/1', 'a%', 'a/1\ud7ff', 'a\u{10ffff}', '\u{10ffff}', 'A', 'c']) {
        expect(await found({ referencePrefix }), referencePrefix).toEqual(
          references.filter((reference) => reference?.startsWith(referencePrefix)),
        );
      }
      expect(await found({ kind: 'hash' })).toEqual(references.filter((_, n) => n % 2 === 1));
      expect(await found({ kind: 'image', referencePrefix: 'a/1' })).toEqual(['a/1.jpg', 'a/1\ue000']);
    });

    test('times until removal run from the clock, and from the finding; after a reopening from the clock', async () => {
      await append(entry({ sightings: [sighting(1, 1), sighting(2, 2)] }));
      const removed = { ...removalAt(HOUR + 500), startedMs: HOUR + 100 };
      await store.changeHit('a', 'H000001', 'open', removed);
      await store.changeHit('a', 'H000002', 'open', removed);
      await append(entry({ sightings: [sighting(600, 2)] }));
      await store.changeHit('a', 'H000002', 'open', { ...removalAt(HOUR + 700), startedMs: HOUR + 650 });
      expect(await store.cases({ tenant: 'a', ...ALL_TIME, runningSinceMs: [] })).toMatchObject([
        {
          removedAfterMs: [
            [50, 1],
            [400, 1],
          ],
          removedAfterFoundMs: [
            [50, 1],
            [499, 1],
          ],
        },
      ]);
    });

    test('a quarantined hit is kept without a case until it matches outside quarantine', async () => {
      await append(entry({ sightings: [sighting(1, 1, { quarantined: true, list: 'q' })] }));
      expect(await store.hits({ tenant: 'a', limit: 9 })).toMatchObject([{ quarantined: true, list: 'q' }]);
      expect(await store.cases({ tenant: 'a', ...ALL_TIME, runningSinceMs: [] })).toEqual([]);
      await append(entry({ sightings: [sighting(2, 1, { list: 'x' })] }));
      expect(await store.hit('a', 'H000001')).toMatchObject({
        quarantined: false,
        list: 'x',
        evidence: 'evidence 2',
        startedMs: HOUR + 2,
        timesSeen: 2,
      });
      expect(await store.cases({ tenant: 'a', ...ALL_TIME, runningSinceMs: [] })).toHaveLength(1);
      expect((await store.verify()).problems).toEqual([]);
    });

    test('a possible hit has no clock, and is no case, no figure and no news', async () => {
      await append(entry({ sightings: [sighting(1, 1, { isPossible: true })] }));
      expect(await store.hit('a', 'H000001')).toMatchObject({
        status: 'possible',
        isPossible: true,
        quarantined: false,
        startedMs: HOUR + 1,
        stoppedMs: HOUR + 1,
      });
      expect(await store.hits({ tenant: 'a', status: 'possible', limit: 9 })).toHaveLength(1);
      expect(await store.hits({ tenant: 'a', runningSinceMs: HOUR + 9, limit: 9 })).toEqual([]);
      expect(await store.cases({ tenant: 'a', ...ALL_TIME, runningSinceMs: [HOUR + 9] })).toEqual([]);
      expect((await store.news(9)).news).toEqual([]);
      expect(await append(entry({ sightings: [sighting(2, 1, { isPossible: true })] }))).toMatchObject([
        { hits: [{ id: 'H000001', isNew: false }] },
      ]);
      expect(await store.hit('a', 'H000001')).toMatchObject({ status: 'possible', timesSeen: 2 });
      expect((await store.verify()).problems).toEqual([]);
    });

    test.each([
      ['notified', 1],
      ['confirmed', 1],
      ['removed', 1],
      ['open', 1],
      ['false_positive', 0],
    ] as const)(
      'a possible hit that a person calls %s is counted %i times among the cases',
      async (status, counted) => {
        await append(entry({ sightings: [sighting(1, 1, { isPossible: true })] }));
        const change = { atMs: HOUR + 5, status, note: null, by: 'k', startedMs: HOUR + 5, stoppedMs: null };
        expect(await store.changeHit('a', 'H000001', 'possible', change)).toBe(true);
        const cases = await store.cases({ tenant: 'a', ...ALL_TIME, runningSinceMs: [] });
        expect(cases.map(({ byStatus }) => byStatus[status])).toEqual(counted === 0 ? [] : [counted]);
        expect(await store.hit('a', 'H000001')).toMatchObject({ status, isPossible: true });
        expect((await store.verify()).problems).toEqual([]);
      },
    );

    test('a possible hit that matches later is a case from then on, and news once', async () => {
      await append(entry({ sightings: [sighting(1, 1, { isPossible: true })] }));
      expect(await append(entry({ sightings: [sighting(7, 1, { list: 'x' })] }))).toEqual([
        { outcome: 'recorded', hits: [{ id: 'H000001', isNew: false, isReopened: true }] },
      ]);
      expect(await store.hit('a', 'H000001')).toMatchObject({
        status: 'open',
        isPossible: false,
        list: 'x',
        evidence: 'evidence 7',
        startedMs: HOUR + 7,
        stoppedMs: null,
        history: [{ status: 'open', by: 'zeef' }],
      });
      expect((await store.news(9)).news).toMatchObject([{ kind: 'new', hitId: 'H000001', atMs: HOUR + 7 }]);
      expect((await store.verify()).problems).toEqual([]);
    });

    test('a removed file that a person had called more than possible is open again when it is there again', async () => {
      const possible = { isPossible: true };
      await append(entry({ sightings: [sighting(1, 1, possible), sighting(2, 2, possible)] }));
      await store.changeHit('a', 'H000001', 'possible', removalAt(HOUR + 5));
      await store.changeHit('a', 'H000002', 'possible', { ...removalAt(HOUR + 5), status: 'false_positive' });
      await append(entry({ sightings: [sighting(8, 1, possible), sighting(9, 2, possible)] }));
      expect(await store.hit('a', 'H000001')).toMatchObject({ status: 'open', startedMs: HOUR + 8, stoppedMs: null });
      expect(await store.hit('a', 'H000002')).toMatchObject({ status: 'false_positive', timesSeen: 2 });
      expect((await store.verify()).problems).toEqual([]);
    });

    test('an Idempotency-Key counts once in its tenant for a day, and with one request only', async () => {
      const keyed = (tenant: string, fingerprint: string) =>
        entry({ tenant, idempotency: { key: 'k', fingerprint }, tallies: [tally(tenant, HOUR)] });
      const outcomes = async (atMs: number, ...entries: LedgerEntry[]) =>
        (await store.append({ atMs, entries })).map(({ outcome }) => outcome);
      expect(await outcomes(HOUR, keyed('a', 'f'), keyed('a', 'f'), keyed('b', 'g'))).toEqual([
        'recorded',
        'repeated',
        'recorded',
      ]);
      expect(await outcomes(HOUR + 1, keyed('a', 'g'), entry({ tallies: [tally('a', HOUR)] }))).toEqual([
        'reused',
        'recorded',
      ]);
      expect(await outcomes(HOUR + DAY_MS - 1, keyed('a', 'f'))).toEqual(['repeated']);
      expect(await outcomes(HOUR + DAY_MS, keyed('a', 'f'))).toEqual(['recorded']);
      expect((await whole()).tenants.map(({ totals }) => totals.checked)).toEqual([3, 1]);
    });

    test('a repeated request that matches only now records its hit, and is not counted again', async () => {
      const keyed = (...sightings: Sighting[]) =>
        entry({ idempotency: { key: 'k', fingerprint: 'f' }, tallies: [tally('a', HOUR)], sightings });
      const quarantined = sighting(1, 1, { quarantined: true });
      await append(keyed(quarantined));
      const repeat = keyed(sighting(2, 1), sighting(3, 2));
      const again = {
        outcome: 'repeated',
        hits: [
          { id: 'H000001', isNew: false },
          { id: 'H000003', isNew: true },
        ],
      };
      expect(await append(repeat)).toEqual([again]);
      expect(await append(repeat), 'once').toMatchObject([{ hits: [{ isNew: false }, { isNew: false }] }]);
      expect(await store.hits({ tenant: 'a', oldestFirst: true, limit: 9 })).toMatchObject([
        { id: 'H000001', timesSeen: 1, quarantined: false, startedMs: HOUR + 2, evidence: 'evidence 2' },
        { id: 'H000003', timesSeen: 1, lastSeenMs: HOUR + 3 },
      ]);
      expect((await whole()).tenants[0]!.totals.checked).toBe(1);
      expect((await store.verify()).problems).toEqual([]);
    });

    test('after hours are dropped, later counts in them belong to their day, open or folded', async () => {
      const day = Date.UTC(2026, 8, 29);
      await append(entry({ tallies: [tally('a', day + HOUR_MS, 1), tally('a', day + 23 * HOUR_MS, 2)] }));
      await store.retain({ hitsStoppedBeforeMs: null, hoursBeforeMs: day + DAY_MS, atMs: HOUR });
      await append(entry({ tallies: [tally('a', day + 10 * HOUR_MS, 4)] }));
      const asked = async (from: number, to: number) => {
        const { fromMs, toMs, tenants } = await whole({ fromMs: day + from * HOUR_MS, toMs: day + to * HOUR_MS });
        return [(fromMs - day) / HOUR_MS, (toMs - day) / HOUR_MS, tenants[0]?.totals.checked];
      };
      const theDay = [0, 24, 7];
      const ranges = [
        [2, 4],
        [10, 11],
        [12, 20],
        [0, 24],
      ] as const;
      for (const [from, to] of ranges) expect(await asked(from, to), `open, ${from} to ${to}`).toEqual(theDay);
      // Folds the open groups: there is nothing to drop before that day.
      await store.retain({ hitsStoppedBeforeMs: null, hoursBeforeMs: day, atMs: HOUR });
      for (const [from, to] of ranges) expect(await asked(from, to), `folded, ${from} to ${to}`).toEqual(theDay);
      await store.retain({ hitsStoppedBeforeMs: null, hoursBeforeMs: day + DAY_MS, atMs: HOUR });
      for (const [from, to] of ranges) expect(await asked(from, to), `dropped, ${from} to ${to}`).toEqual(theDay);
      expect((await store.verify()).problems).toEqual([]);
    });

    const newsOf = async (from = store) => (await from.news(100)).news;
    const told = async (from = store) => (await newsOf(from)).map(({ kind, tenant, hitId }) => [kind, tenant, hitId]);
    const removal = {
      atMs: HOUR + 5,
      status: 'removed',
      note: null,
      by: 'k',
      startedMs: HOUR,
      stoppedMs: HOUR + 5,
    } as const;

    test('a new and a reopened case are news once, in order of their commits, until they are forgotten', async () => {
      await append(entry({ sightings: [sighting(1, 1), sighting(2, 2), sighting(3, 1)] }));
      // Its commit comes ten minutes after its time.
      await append(entry({ tenant: 'b', sightings: [sighting(4, 1, { tenant: 'b', atMs: HOUR - 600_000 })] }));
      await append(entry({ sightings: [sighting(5, 2)] }));
      await store.changeHit('a', 'H000001', 'open', removal);
      await append(entry({ sightings: [sighting(6, 1)] }));
      expect(await newsOf()).toMatchObject([
        { kind: 'new', tenant: 'a', hitId: 'H000001', atMs: HOUR + 1 },
        { kind: 'new', tenant: 'a', hitId: 'H000002' },
        { kind: 'new', tenant: 'b', hitId: 'H000004', atMs: HOUR - 600_000 },
        { kind: 'reopened', tenant: 'a', hitId: 'H000001', atMs: HOUR + 6 },
      ]);
      const { news: page, lost } = await store.news(2);
      expect([page.length, lost]).toEqual([2, 0]);
      await store.forgetNews([page[1]!.id], 0);
      await store.forgetNews([page[1]!.id], 0);
      expect((await told()).map(([, , hit]) => hit)).toEqual(['H000001', 'H000004', 'H000001']);
      expect((await store.verify()).problems).toEqual([]);
      await store.forgetNews(
        (await newsOf()).map(({ id }) => id),
        0,
      );
      expect(await told()).toEqual([]);
      await append(entry({ sightings: [sighting(7, 1), sighting(8, 2)] }));
      expect(await told(), 'seen again').toEqual([]);
      expect((await store.verify()).problems).toEqual([]);
    });

    test('a quarantined hit is news once it becomes a case, also by a repeated request', async () => {
      const keyed = (...sightings: Sighting[]) => entry({ idempotency: { key: 'k', fingerprint: 'f' }, sightings });
      const quarantined = { quarantined: true };
      await append(keyed(sighting(1, 1, quarantined)), entry({ sightings: [sighting(2, 2, quarantined)] }));
      expect(await told()).toEqual([]);
      await append(keyed(sighting(3, 1)), entry({ sightings: [sighting(4, 2, quarantined), sighting(5, 2)] }));
      expect(await told()).toEqual([
        ['new', 'a', 'H000001'],
        ['new', 'a', 'H000002'],
      ]);
      expect((await store.verify()).problems).toEqual([]);
    });

    test('a hit that is erased leaves no news', async () => {
      await append(entry({ sightings: [sighting(1, 1), sighting(2, 2)] }));
      await store.changeHit('a', 'H000001', 'open', removal);
      await store.retain({ hitsStoppedBeforeMs: HOUR + 6, hoursBeforeMs: null, atMs: HOUR + 9 });
      expect(await told()).toEqual([['new', 'a', 'H000002']]);
      expect((await store.verify()).problems).toEqual([]);
    });

    test('a mark separates news by their commits, whatever their times', async () => {
      const first = await store.newsMark();
      await append(entry({ sightings: [sighting(1, 1, { atMs: HOUR + DAY_MS })] }));
      const second = await store.newsMark();
      await append(entry({ sightings: [sighting(2, 2, { atMs: HOUR - DAY_MS })] }));
      const ids = (await newsOf()).map(({ id }) => id);
      expect(await store.newsAfter(first, ids)).toEqual(ids);
      expect(await store.newsAfter(second, ids)).toEqual([ids[1]]);
      expect(await store.newsAfter(await store.newsMark(), ids)).toEqual([]);
      // Another process may have forgotten them meanwhile.
      await store.forgetNews(ids, 0);
      expect(await store.newsAfter(second, ids)).toEqual([ids[1]]);
    });

    test('news of two handles are seen and forgotten by both, while they write', async () => {
      const other = open();
      try {
        const seen: string[] = [];
        const forgetSome = async (from: LedgerStore) => {
          const { news: page } = await from.news(3);
          seen.push(...page.map(({ hitId }) => hitId));
          await from.forgetNews(
            page.map(({ id }) => id),
            0,
          );
        };
        for (let n = 0; n < 24; n += 2) {
          const add = (to: LedgerStore, at: number) =>
            to.append({ atMs: HOUR - at * HOUR_MS, entries: [entry({ sightings: [sighting(at, at)] })] });
          await Promise.all([add(store, n), add(other, n + 1), forgetSome(other), forgetSome(store)]);
        }
        for (let n = 0; n < 24; n++) await forgetSome(n % 2 ? other : store);
        expect(new Set(seen).size, 'each was seen').toBe(24);
        expect([await told(), await told(other)]).toEqual([[], []]);
        expect((await other.verify()).problems).toEqual([]);
      } finally {
        if (other !== store) await other.close();
      }
    });

    test('concurrent appends are all counted, each once', async () => {
      const other = open();
      try {
        await Promise.all(
          Array.from({ length: 40 }, (_, n) =>
            (n % 2 === 0 ? store : other).append({
              atMs: HOUR,
              entries: [entry({ tallies: [tally('a', HOUR)], sightings: [sighting(n, n % 7)] })],
            }),
          ),
        );
      } finally {
        if (other !== store) await other.close();
      }
      expect((await whole()).tenants[0]!.totals.checked).toBe(40);
      const hits = await store.hits({ tenant: 'a', limit: 100 });
      expect(hits.reduce((sum, { timesSeen }) => sum + timesSeen, 0)).toBe(40);
      expect(hits).toHaveLength(7);
      expect((await store.verify()).problems).toEqual([]);
    });
  });
}

// ── States by operations, against the oracle ─────────────────────────────────────────────────────────────────────────

const hourArb = fc.integer({ min: 0, max: 80 }).map((hours) => HOUR + hours * 7 * HOUR_MS);
const tenantArb = fc.constantFrom('a', 'b');
const cellArb = fc.constantFrom('["list","x","A1"]', '["list","y",null]', '["reason","corrupt"]');
const tallyArb = (tenant: string) =>
  fc.record({
    tenant: fc.constant(tenant),
    startMs: hourArb,
    totals: fc.record({
      checked: fc.nat(1_000),
      exact: fc.nat(9),
      near: fc.nat(9),
      suppressed: fc.nat(9),
      notChecked: fc.nat(9),
    }),
    cells: fc.uniqueArray(fc.tuple(cellArb, fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9))), {
      selector: ([key]) => key,
      maxLength: 2,
    }),
  });
const entryArb = tenantArb.chain((tenant) =>
  fc.record({
    tenant: fc.constant(tenant),
    idempotency: fc.option(fc.record({ key: fc.constantFrom('k', 'l'), fingerprint: fc.constantFrom('f', 'g') }), {
      freq: 3,
    }),
    tallies: fc.array(tallyArb(tenant), { maxLength: 2 }),
    files: fc.array(
      fc.record({
        file: fc.nat(5),
        standing: fc.constantFrom('counted', 'quarantined', 'possible'),
        isOld: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
  }),
);
const operationArb = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      entries: fc.array(entryArb, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      which: fc.nat(12),
      tenant: fc.option(tenantArb),
      from: fc.constantFrom(...HIT_STATUSES),
      to: fc.constantFrom(...HIT_STATUSES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('retain' as const),
      hits: fc.option(fc.nat(60)),
      hours: fc.option(hourArb),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mark' as const), which: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('handle' as const),
      which: fc.nat(4),
      tenant: fc.option(tenantArb),
      handling: fc.record(
        { assignee: fc.constantFrom('ann', 'bob', null), disputed: fc.boolean(), note: fc.constantFrom('n', null) },
        { requiredKeys: ['note'] },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('forget' as const), which: fc.nat(4) }) },
);
const questionArb = fc.record({
  tenant: fc.option(tenantArb),
  from: hourArb,
  hours: fc.integer({ min: 1, max: 600 }),
  interval: fc.option(fc.constantFrom(...INTERVALS)),
  seriesCells: fc.boolean(),
  list: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
  status: fc.option(fc.constantFrom(...HIT_STATUSES), { nil: undefined }),
  kind: fc.option(fc.constantFrom('image' as const, 'hash' as const), { nil: undefined, freq: 3 }),
  referencePrefix: fc.option(fc.constantFrom('file', 'file 2', 'x'), { nil: undefined }),
  mark: fc.option(
    fc
      .record({ algorithm: fc.constantFrom('md5' as const, 'sha256' as const), file: fc.nat(4) })
      .map(({ algorithm, file }) => ({
        algorithm,
        mark: marksOf(file)[algorithm] ?? 'e'.repeat(32),
      })),
    { nil: undefined, freq: 2 },
  ),
  assignee: fc.option(fc.constantFrom('ann', 'bob'), { nil: undefined, freq: 1 }),
  isDisputed: fc.option(fc.constant(true as const), { nil: undefined, freq: 1 }),
  isUnmarked: fc.option(fc.constant(true as const), { nil: undefined, freq: 1 }),
  due: fc.option(
    fc.record({
      nowMs: fc.nat(60).map((n) => HOUR + n),
      deadlinesMs: fc.constantFrom([3], [1, 5, 20]),
      after: fc.option(fc.record({ dueMs: fc.nat(70).map((n) => HOUR + n), id: fc.constant('H000004') }), {
        nil: undefined,
      }),
    }),
    { nil: undefined, freq: 1 },
  ),
  runningSinceMs: fc.option(
    fc.nat(60).map((n) => HOUR + n),
    { nil: undefined },
  ),
});

/** Any operations in any state: the store equals the oracle, and verify finds no problem. */
export function ledgerModel(
  name: string,
  { fresh, open }: { readonly fresh: () => void | Promise<void>; readonly open: () => LedgerStore },
  numRuns: number,
): void {
  test(`${name}: any operations in any state give the results of the oracle`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operationArb, { minLength: 1, maxLength: 14 }),
        questionArb,
        async (operations, question) => {
          await fresh();
          let store = open();
          const oracle = memoryLedger();
          let now = 0;
          try {
            for (const operation of operations) {
              now++;
              if (operation.do === 'forget') {
                for (const each of [store, oracle]) {
                  const { news } = await each.news(100);
                  await each.forgetNews(
                    news.slice(operation.which, operation.which + 2).map(({ id }) => id),
                    0,
                  );
                }
              } else if (operation.do === 'mark') {
                const known = await oracle.hits({ tenant: null, limit: 100 });
                const marks = known
                  .slice(operation.which, operation.which + 3)
                  .map(({ id }) => ({ id, marks: marksOf(operation.which) }));
                for (const each of [store, oracle])
                  await each.markHits([...marks, { id: 'none', marks: {} }], HOUR + now);
              } else if (operation.do === 'handle') {
                const known = await oracle.hits({ tenant: null, limit: 100 });
                const id = known[operation.which]?.id ?? 'none';
                const args = [operation.tenant, id, { ...operation.handling, atMs: HOUR + now, by: 'k' }] as const;
                expect(await store.handleHit(...args)).toBe(await oracle.handleHit(...args));
              } else if (operation.do === 'reopen') {
                await store.close();
                store = open();
              } else if (operation.do === 'append') {
                const entries = operation.entries.map(({ tenant, idempotency, tallies, files }): LedgerEntry => {
                  const sightings = files.map(({ file, standing, isOld }) => {
                    now++;
                    const made = sighting(now, file, {
                      tenant,
                      quarantined: standing === 'quarantined',
                      isPossible: standing === 'possible',
                      evidence: `${now}`,
                    });
                    return isOld ? unmarked(made) : made;
                  });
                  return { tenant, idempotency, tallies, sightings: oneOfEach(sightings) };
                });
                const group = { atMs: HOUR + now, entries };
                expect(await store.append(group)).toEqual(await oracle.append(group));
              } else if (operation.do === 'change') {
                const known = await oracle.hits({ tenant: null, limit: 100 });
                const id = known[operation.which % Math.max(known.length, 1)]?.id ?? 'none';
                const stoppedMs = ['removed', 'false_positive'].includes(operation.to) ? HOUR + now : null;
                const change = {
                  atMs: HOUR + now,
                  status: operation.to,
                  note: null,
                  by: 'k',
                  startedMs: HOUR + now - 1,
                  stoppedMs,
                };
                const args = [operation.tenant, id, operation.from satisfies HitStatus, change] as const;
                expect(await store.changeHit(...args)).toBe(await oracle.changeHit(...args));
              } else {
                const { hits, hours } = operation;
                const retention = {
                  hitsStoppedBeforeMs: hits === null ? null : HOUR + hits,
                  hoursBeforeMs: hours,
                  atMs: HOUR + now,
                };
                expect((await store.retain(retention)).hits).toBe((await oracle.retain(retention)).hits);
              }
            }
            const { tenant, from: fromMs, hours, interval, seriesCells, ...filter } = question;
            const counts = { tenant, fromMs, toMs: fromMs + hours * HOUR_MS, interval, seriesCells };
            expect(await store.counts(counts)).toEqual(await oracle.counts(counts));
            expect(await store.counts({ ...counts, ...ALL_TIME })).toEqual(
              await oracle.counts({ ...counts, ...ALL_TIME }),
            );
            expect(await store.hits({ tenant, ...filter, limit: 4 })).toEqual(
              await oracle.hits({ tenant, ...filter, limit: 4 }),
            );
            const cases = { tenant, ...ALL_TIME, runningSinceMs: [HOUR + 5, HOUR + 20] };
            expect(await store.cases(cases)).toEqual(await oracle.cases(cases));
            const newsIn = async (from: LedgerStore) => (await from.news(100)).news.map(({ id: _, ...news }) => news);
            expect(await newsIn(store)).toEqual(await newsIn(oracle));
            const { ok, problems, hits, totals } = await store.verify();
            const expected = await oracle.verify();
            expect({ ok, problems, hits, totals }).toEqual({
              ok: true,
              problems: [],
              hits: expected.hits,
              totals: expected.totals,
            });
          } finally {
            await store.close();
          }
        },
      ),
      { numRuns },
    );
  }, 300_000);
}

/** Keep one sighting per file: the store returns those of a group together, the oracle one by one, in another order. */
function oneOfEach(sightings: readonly Sighting[]): Sighting[] {
  return sightings.filter(({ key }, at) => sightings.findIndex((other) => other.key === key) === at);
}
