/** Joined scans of a bucket: killed and standing still at every call of what the processes share, lists that fail, and later runs. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PostgresScans } from '../../src/postgres/scans/scans.js';
import { rangeOf } from '../../src/scan/join/shard-of.js';
import { type JoinedScan, type JoinedScanStore, listingDuty } from '../../src/store/joined-scans-contract.js';
import { openPostgres } from '../store/backends.js';
import { FakeS3, type S3Operation } from '../support/fake-s3.js';
import { codesOf, Fate, joinedStores, type Lived, ledgerOf, live, resultOf, summaryOf } from '../support/joined.js';
import { hasPostgres } from '../support/postgres.js';
import { seeded } from '../support/random.js';
import { zipOf } from '../support/zip.js';

const TIMEOUT_MS = 240_000;
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
const PLACE = 's3://zeef-test/';
const PAGE_KEYS = 4;
const KEYS = 70;

const keyOf = (at: number) => `k${String(at).padStart(3, '0')}`;

describe.runIf(hasPostgres)('a joined scan of a bucket', () => {
  let fake: FakeS3;
  const { fresh, change, afterAll } = joinedStores();
  const put = (key: string, digit: string) => fake.plant(key, Buffer.concat([JPEG, Buffer.from(digit)]));
  const scan = (url: string, life: Parameters<typeof live>[2] = {}, place = PLACE) =>
    live(url, place, { env: fake.env, ...life });
  const again = { options: { again: true } };
  const rangesIn = (url: string) =>
    change(
      url,
      `SELECT number, shard, convert_from(path, 'UTF8') AS path, is_open FROM scan_range ORDER BY root, number`,
    );
  const count = (of: S3Operation) => fake.operations.filter((one) => one === of).length;

  beforeEach(async () => {
    fake = await FakeS3.start();
    fake.pageKeysMax = PAGE_KEYS;
    const random = seeded(3);
    for (let at = 0; at < KEYS; at++) put(keyOf(at), 'abcdx'[Math.floor(random() * 5)]!);
    fake.plant('text', Buffer.from('no image'));
  });
  afterEach(() => fake.stop());

  test(
    'is cut into ranges, which several processes examine, and which a later run finds again',
    async () => {
      const url = await fresh();
      const all = await Promise.all([scan(url), scan(url), scan(url)]);
      const [first] = all.map(resultOf);
      for (const lived of all) expect(resultOf(lived)).toEqual(first);
      expect(all.reduce((sum, { hashed }) => sum + hashed, 0)).toBe(KEYS);
      expect(summaryOf(all[0]!)).toMatchObject({ files: KEYS + 1, notPictures: 1, missing: 0, warnings: [] });
      const ranges = await rangesIn(url);
      expect(ranges).toHaveLength(9);
      expect(new Set(ranges.map((row) => (row as { shard: number }).shard)).size).toBe(9);
      const gets = count('GetObject');
      // Between two keys, at the end of a range, and behind all.
      for (const key of ['a', 'k007x', 'k0311', 'zz']) put(key, 'a');
      fake.objects.delete(keyOf(40));
      const second = await scan(url, again);
      expect(second.hashed).toBe(4);
      expect(count('GetObject') - gets).toBe(4);
      expect(summaryOf(second)).toMatchObject({ files: KEYS + 4, missing: 1 });
      expect(codesOf(second)).toEqual(['FILES_MISSING']);
      expect(await rangesIn(url)).toEqual(ranges);
      const third = await scan(url, { ...again, request: { prunes: true } });
      expect([third.hashed, codesOf(third)]).toEqual([0, []]);
      // More than a range may have, between two keys of the last one: it does not end before its last known key.
      for (let at = 0; at < 12; at++) put(`k069${at}`, 'a');
      const fourth = await scan(url, again);
      expect([fourth.hashed, summaryOf(fourth).missing, codesOf(fourth)]).toEqual([12, 0, []]);
      expect(await rangesIn(url)).toEqual(ranges);
      const fifth = await scan(url, again);
      expect([fifth.hashed, summaryOf(fifth).missing, codesOf(fifth)]).toEqual([0, 0, []]);
      expect(await ledgerOf(url)).toMatchObject({ ok: true });
    },
    TIMEOUT_MS,
  );

  test(
    'killed at any call, again and again, counts every object once',
    async () => {
      const undisturbed = await fresh();
      const expected = resultOf(await scan(undisturbed));
      const url = await fresh();
      const random = seeded(21);
      let deaths = 0;
      for (;;) {
        const fate = new Fate({ killAt: 5 + Math.floor(random() * 45), isDone: random() < 0.5 });
        const lived = await scan(url, { fate });
        if (lived.end !== null) {
          expect(resultOf(lived)).toEqual(expected);
          break;
        }
        expect(++deaths).toBeLessThan(300);
        await afterAll(url);
      }
      process.stderr.write(`${deaths} processes killed\n`);
      expect(deaths).toBeGreaterThan(10);
      expect(await ledgerOf(url)).toEqual(await ledgerOf(undisturbed));
      expect(await rangesIn(url)).toEqual(await rangesIn(undisturbed));
      const later = await scan(url, again);
      expect(later.hashed).toBe(0);
      expect(resultOf(later)).toEqual(expected);
    },
    TIMEOUT_MS,
  );

  test(
    'standing still past its leases, and awake again, changes nothing',
    async () => {
      const undisturbed = await fresh();
      const expected = resultOf(await scan(undisturbed));
      const url = await fresh();
      const stood: { wake: () => void; lived: Promise<Lived> }[] = [];
      for (let killAt = 2; killAt <= 16; killAt++) {
        let wake = () => {};
        const standStill = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const fate = new Fate({ killAt, standStill });
        const lived = scan(url, { fate });
        while (!fate.isStanding && (await Promise.race([lived.then(() => 'ended'), delay(20)])) !== 'ended');
        await afterAll(url);
        stood.push({ wake, lived });
      }
      expect(resultOf(await scan(url))).toEqual(expected);
      for (const { wake } of stood) wake();
      for (const { lived } of stood) expect(resultOf(await lived)).toEqual(expected);
      expect(await ledgerOf(url)).toEqual(await ledgerOf(undisturbed));
      expect(await rangesIn(url)).toEqual(await rangesIn(undisturbed));
    },
    TIMEOUT_MS,
  );

  /** A service that lists nothing from a key on. */
  const failFrom = (key: string) => {
    fake.changePage = (keys) => (keys.some((one) => one >= key) ? [...keys].reverse() : keys);
  };

  test.each([2, 3])(
    'whose list fails at page %i, again and again, examines what was listed, says that it was not all, and is whole in a later run',
    async (page) => {
      const url = await fresh();
      failFrom(keyOf((page - 1) * PAGE_KEYS));
      const failed = await scan(url);
      expect(summaryOf(failed).byReason.unreadable).toBe(1);
      expect(failed.hashed).toBe((page - 1) * PAGE_KEYS);
      fake.changePage = (keys) => keys;
      const later = await scan(url, again);
      expect(later.hashed + failed.hashed).toBe(KEYS);
      expect(summaryOf(later)).toMatchObject({ files: KEYS + 1, missing: 0 });
      expect(codesOf(later)).toEqual([]);
      // Those that are known are neither gone nor forgotten where their list fails.
      failFrom(keyOf(66));
      const pruned = await scan(url, { ...again, request: { prunes: true } });
      expect(summaryOf(pruned).byReason.unreadable).toBeGreaterThan(0);
      fake.changePage = (keys) => keys;
      expect((await scan(url, again)).hashed).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'whose list was given up is not whole, though it could be listed by then',
    async () => {
      const url = await fresh();
      // Once within a range, which ends there, and each of the tries behind it.
      let failures = 0;
      fake.changePage = (keys) =>
        keys.some((one) => one >= keyOf(PAGE_KEYS)) && failures++ < 7 ? [...keys].reverse() : keys;
      const cut = await scan(url);
      expect([cut.hashed, summaryOf(cut).byReason.unreadable]).toEqual([PAGE_KEYS, 1]);
      expect((await scan(url, again)).hashed).toBe(KEYS - PAGE_KEYS);
    },
    TIMEOUT_MS,
  );

  test(
    'whose list fails for a while is listed to its end',
    async () => {
      const url = await fresh();
      let pages = 0;
      fake.onRequest = (operation) => {
        if (operation === 'ListObjectsV2' && [2, 3, 9].includes(++pages))
          fake.script.push({ of: 'ListObjectsV2', does: 'error', status: 403, code: 'AccessDenied' });
      };
      const lived = await scan(url);
      expect([lived.hashed, codesOf(lived), summaryOf(lived).byReason]).toEqual([
        KEYS,
        [],
        expect.not.objectContaining({ unreadable: expect.anything() }),
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    'a process that loses the listing while a list fails does other work',
    async () => {
      const url = await fresh();
      fake.delayMs = 200;
      let pages = 0;
      fake.onRequest = (operation) => {
        if (operation !== 'ListObjectsV2') return;
        // The first one is for whether the bucket can be listed at all.
        if (++pages === 3) fake.script.push({ of: 'ListObjectsV2', does: 'error', status: 403, code: 'AccessDenied' });
        if (pages > 4) fake.delayMs = 0;
      };
      const running = scan(url);
      await expect.poll(() => pages).toBeGreaterThanOrEqual(3);
      await change(url, `UPDATE duty SET fence = fence + 1, until = '-infinity' WHERE name LIKE 'scan test list %'`);
      expect(summaryOf(await running)).toMatchObject({ files: KEYS + 1, warnings: [] });
    },
    TIMEOUT_MS,
  );

  test(
    'a process that cannot list the bucket is refused, or leaves, and others examine what it would have found unreadable',
    async () => {
      const url = await fresh();
      const denied = { of: 'ListObjectsV2', does: 'error', status: 403, code: 'AccessDenied' } as const;
      fake.always.push(denied);
      await expect(scan(url)).rejects.toMatchObject({ code: 'FILE_UNREADABLE', details: { path: PLACE } });
      expect(await change(url, 'SELECT 1 FROM joined_scan')).toEqual([]);
      fake.always.pop();
      let objects = 0;
      const onHash = () => {
        if (++objects === 10) fake.always.push(denied);
      };
      await expect(scan(url, { onHash })).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
      fake.always.pop();
      const lived = await scan(url);
      expect(summaryOf(lived)).toMatchObject({ files: KEYS + 1, warnings: [] });
      expect(summaryOf(lived).byReason.unreadable ?? 0).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'with archives is killed and counts each entry once',
    async () => {
      const zip = zipOf(
        ['a', 'c'].map((digit) => ({ name: Buffer.from(digit), content: Buffer.concat([JPEG, Buffer.from(digit)]) })),
      );
      for (const at of [5, 25, 45]) fake.plant(`${keyOf(at)}.zip`, zip);
      const request = { archives: true };
      const expected = resultOf(await scan(await fresh(), { request }));
      const url = await fresh();
      for (let deaths = 0; ; deaths++) {
        expect(deaths).toBeLessThan(60);
        const lived = await scan(url, {
          request,
          fate: new Fate({ killAt: 10 + ((deaths * 7) % 40), isDone: deaths % 2 === 0 }),
        });
        if (lived.end !== null) {
          expect(resultOf(lived)).toEqual(expected);
          break;
        }
        await afterAll(url);
      }
      fake.objects.delete(`${keyOf(25)}.zip`);
      const pruned = await scan(url, { ...again, request: { ...request, prunes: true } });
      expect([pruned.hashed, codesOf(pruned)]).toEqual([0, []]);
      expect([summaryOf(await scan(url, { ...again, request })).missing]).toEqual([0]);
    },
    TIMEOUT_MS,
  );

  test(
    'with keys of any characters, each the end of a range, examines all of them',
    async () => {
      fake.objects.clear();
      const odd = [
        '\u0001x',
        ' ',
        '%2F',
        '+',
        '//',
        'a/',
        'é',
        'e\u0301',
        '\u{1f600}',
        '\uffff',
        '\u{10ffff}',
        '\n',
        '?start-after=k',
        '..',
        '\u0000',
      ];
      for (const key of [...odd, 'z'.repeat(1_024), `${'z'.repeat(1_023)}!`]) put(key, 'c');
      fake.pageKeysMax = 1;
      const url = await fresh();
      const life = { rangeKeys: 1 };
      expect((await scan(url, life)).hashed).toBe(odd.length + 2);
      const later = await scan(url, { ...life, ...again });
      expect([later.hashed, summaryOf(later).files, codesOf(later)]).toEqual([0, odd.length + 2, []]);
    },
    TIMEOUT_MS,
  );

  test(
    'a bucket in which nothing is any more, though it held objects, is no clean result',
    async () => {
      const url = await fresh();
      await scan(url);
      fake.objects.clear();
      const emptied = await scan(url, again);
      expect(codesOf(emptied)).toContain('ROOT_EMPTY');
      expect(summaryOf(emptied)).toMatchObject({ files: 0, missing: KEYS + 1 });
      const warning = summaryOf(emptied).warnings.find(({ code }) => code === 'ROOT_EMPTY');
      expect(warning).toMatchObject({ root: PLACE });
      // One that never held any is a scan of nothing; and a page without a key may be followed by others.
      expect(codesOf(await scan(await fresh()))).not.toContain('ROOT_EMPTY');
      for (let at = 0; at < PAGE_KEYS; at++) put(`a${at}`, 'c');
      put('b', 'c');
      fake.changePage = (keys) => keys.filter((key) => !key.startsWith('a'));
      expect(codesOf(await scan(url, again))).not.toContain('ROOT_EMPTY');
    },
    TIMEOUT_MS,
  );

  test(
    'prefixes are listed each by itself, and one within another once',
    async () => {
      const url = await fresh();
      const paths = [`${PLACE}k00`, `${PLACE}k01`, `${PLACE}k001`];
      const lived = await scan(url, { request: { paths } });
      expect(summaryOf(lived).files).toBe(20);
      const roots = await change(url, 'SELECT root, max(number)::int AS last FROM scan_range GROUP BY root');
      expect(roots.map((row) => (row as { last: number }).last)).toEqual([1, 1]);
      // Another prefix beside: the ranges of the first ones stay.
      const more = await scan(url, { ...again, request: { paths: [...paths, `${PLACE}k02`] } });
      expect([more.hashed, summaryOf(more).files]).toEqual([10, 30]);
    },
    TIMEOUT_MS,
  );

  test(
    'stopped between two objects is completed by another process',
    async () => {
      const expected = resultOf(await scan(await fresh()));
      const url = await fresh();
      let objects = 0;
      const stopped = await scan(url, { onHash: () => void objects++, shouldStop: () => objects >= 5 });
      expect(stopped.end?.summary).toBeNull();
      expect(resultOf(await scan(url))).toEqual(expected);
    },
    TIMEOUT_MS,
  );

  test(
    'stopped while a request is to be sent again finishes its unit',
    async () => {
      const url = await fresh();
      let isStopping = false;
      fake.onRequest = (operation, key) => {
        if (operation !== 'GetObject' || key !== keyOf(5) || isStopping) return;
        isStopping = true;
        fake.script.push({ of: 'GetObject', key, does: 'error', status: 503 });
      };
      // The bucket is listed to its end, and one shard has work: the first range.
      for (let at = 8; at < KEYS; at++) fake.objects.delete(keyOf(at));
      fake.objects.delete('text');
      const stopped = await scan(url, { shouldStop: () => isStopping });
      expect([stopped.end?.summary, stopped.hashed]).toEqual([null, 8]);
      expect(await change(url, 'SELECT sum(units)::int AS units FROM scan_shard')).toEqual([{ units: 1 }]);
      expect((await scan(url)).hashed).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'an object that ends every process that reads it is given up with its range alone',
    async () => {
      const url = await fresh();
      put(keyOf(33), 'e');
      let deaths = 0;
      for (;;) {
        const fate = new Fate();
        const before = fake.asked.length;
        const onHash = () => {
          if (fake.asked.slice(before).includes(`GetObject ${keyOf(33)}`)) fate.die();
        };
        const lived = await scan(url, { fate, onHash });
        if (lived.end !== null) {
          const crashed = lived.report.filter((line) => line.includes('decoder_crash'));
          expect(crashed.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual([
            `${PLACE}?start-after=${keyOf(31)}`,
          ]);
          expect(summaryOf(lived).files).toBe(KEYS + 1 - 8 + 1);
          break;
        }
        expect(++deaths).toBeLessThan(20);
        await afterAll(url);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'other prefixes, another service, and files beside a bucket are refused',
    async () => {
      const url = await fresh();
      await scan(url);
      const other = await FakeS3.start();
      await expect(live(url, PLACE, { env: other.env })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await other.stop();
      await expect(scan(url, {}, `${PLACE}k`)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await expect(scan(url, { request: { paths: [PLACE, '/tmp'] } })).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
      await expect(live(url, PLACE, { env: {} })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    },
    TIMEOUT_MS,
  );

  describe('in the store', () => {
    const ROOT = 's3://zeef-test/=';
    const begin = (store: JoinedScanStore, how: { again: boolean }): Promise<JoinedScan> =>
      store.join(
        { name: 'one', parameters: '{}' },
        { folders: [], buckets: [{ root: ROOT, first: rangeOf(ROOT, '', 0) }] },
        how,
      );
    /** Let every shard close. */
    const finish = async (url: string) => {
      await change(url, 'DELETE FROM scan_folder');
      await change(url, 'UPDATE scan_shard SET is_closed = true');
    };

    test(
      'no shard closes while a bucket is listed, and a range is ended by the newest holder of this run, once',
      async () => {
        const url = await fresh();
        const { scans, duties, close } = await openPostgres(url);
        const store = scans!;
        const first = await begin(store, { again: false });
        const [open] = await store.openRanges(first);
        expect(open).toEqual({ range: rangeOf(ROOT, '', 0), number: 0 });
        expect(await store.free(first)).toEqual({ shards: [], isClosing: false });
        await store.closeUntouched(first, 'local');
        expect((await store.shards(first)).filter(({ isClosed }) => isClosed)).toEqual([]);
        const duty = listingDuty('one', 'x');
        const stale = (await duties.take(duty, 1))!;
        await delay(20);
        const lease = (await duties.take(duty, 60_000))!;
        // The longest key, of bytes that no text has.
        const next = rangeOf(ROOT, 'b'.padEnd(1_024, '\xff'), 1);
        const end = { upTo: 'b', next };
        await expect(store.endRange(first, open!, stale, end)).rejects.toMatchObject({ code: 'LEASE_LOST' });
        const other = (await duties.take(listingDuty('other', 'x'), 60_000))!;
        await expect(store.endRange(first, open!, other, end)).rejects.toMatchObject({ code: 'LEASE_LOST' });
        await store.endRange(first, open!, lease, end);
        await store.endRange(first, open!, lease, { upTo: 'c', next: rangeOf(ROOT, 'c', 2) });
        expect(await store.openRanges(first)).toEqual([{ range: next, number: 1 }]);
        const { shard } = rangeOf(ROOT, '', 0);
        expect(await store.waiting(first, shard, 10)).toEqual([{ ...rangeOf(ROOT, '', 0), upTo: 'b', tries: 0 }]);
        expect(await store.free(first)).toEqual({ shards: [shard], isClosing: false });
        await store.endRange(first, { range: next, number: 1 }, lease, { upTo: 'd', next: null });
        expect(await store.openRanges(first)).toEqual([]);
        expect((await store.shards(first)).reduce((sum, { found }) => sum + found, 0)).toBe(2);
        await finish(url);
        await store.end(first);

        // The last range is open again, with its end as the earliest one; a holder of the run before has no say.
        const second = await begin(store, { again: true });
        const [last] = await store.openRanges(second);
        expect(await store.openRanges(first)).toEqual([]);
        expect(last).toEqual({ range: { ...next, upTo: 'd' }, number: 1 });
        expect((await store.shards(second)).reduce((sum, { found }) => sum + found, 0)).toBe(1);
        await expect(store.endRange(first, last!, lease, { upTo: 'd', next: null })).rejects.toMatchObject({
          code: 'LEASE_LOST',
        });
        expect([await store.failRange(second, last!, lease), await store.failRange(second, last!, lease)]).toEqual([
          1, 2,
        ]);
        await expect(store.failRange(first, last!, lease)).rejects.toMatchObject({ code: 'LEASE_LOST' });
        // Where the list failed, the next run has the end of the run before.
        await store.endRange(second, last!, lease, { upTo: null, next: null });
        expect(await store.waiting(second, next.shard, 10)).toMatchObject([{ path: next.path, upTo: null }]);
        await finish(url);
        await store.end(second);
        const third = await begin(store, { again: true });
        expect(await store.failRange(third, last!, lease)).toBe(1);
        expect(await store.openRanges(third)).toEqual([{ range: { ...next, upTo: 'd' }, number: 1 }]);
        await duties.end(lease, 0);
        expect(await store.forget(third)).toBe(true);
        expect(await change(url, 'SELECT 1 FROM scan_range')).toEqual([]);
        expect(store).toBeInstanceOf(PostgresScans);
        await close();
      },
      TIMEOUT_MS,
    );
  });
});
