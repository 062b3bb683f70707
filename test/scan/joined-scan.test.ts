/** Joined scans whose processes are killed and stand still at every call of what they share: the result stays the same. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { DUTY_LEASE_MS } from '../../src/duties/with-duty.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { forgetScan, type JoinParts } from '../../src/scan/join/join-scan.js';
import { folderOf } from '../../src/scan/join/shard-of.js';
import type { DutyStore } from '../../src/store/duties-contract.js';
import { shardDuty } from '../../src/store/joined-scans-contract.js';
import { openPostgres } from '../store/backends.js';
import {
  codesOf,
  Fate,
  joinedStores,
  type Lived,
  ledgerOf,
  live,
  resultOf,
  summaryOf,
  writeImage,
  writeTree,
} from '../support/joined.js';
import { hasPostgres } from '../support/postgres.js';
import { seeded } from '../support/random.js';
import { POSSIBLE } from '../support/scan-parts.js';

const TIMEOUT_MS = 240_000;
const FOLDERS = 20;
/** Images that the one worker of `live` has in flight. */
const READ_AT_ONCE = 6;

describe.runIf(hasPostgres)('a joined scan', () => {
  const { fresh, change, afterAll } = joinedStores();

  test(
    'killed at any call, again and again, counts every file once',
    async () => {
      const random = seeded(11);
      const tree = tempFolder('tree');
      writeTree(tree, random, FOLDERS);
      const undisturbed = await fresh();
      const expected = resultOf(await live(undisturbed, tree));
      const url = await fresh();
      let deaths = 0;
      for (;;) {
        const fate = new Fate({ killAt: 8 + Math.floor(random() * 40), isDone: random() < 0.5 });
        const lived = await live(url, tree, { fate });
        if (lived.end !== null) {
          expect(resultOf(lived)).toEqual(expected);
          break;
        }
        deaths++;
        expect(deaths).toBeLessThan(300);
        await afterAll(url);
      }
      process.stderr.write(`${deaths} processes killed\n`);
      expect(deaths).toBeGreaterThan(10);
      expect(await ledgerOf(url)).toEqual(await ledgerOf(undisturbed));
      // The inventories have every file, also of units whose holders died before they published.
      const again = await live(url, tree, { options: { again: true } });
      expect(again.hashed).toBe(0);
      expect(resultOf(again)).toEqual(expected);
    },
    TIMEOUT_MS,
  );

  test(
    'standing still past its lease, and awake again, changes nothing',
    async () => {
      const tree = tempFolder('tree');
      writeTree(tree, seeded(5), 12);
      const undisturbed = await fresh();
      const expected = resultOf(await live(undisturbed, tree));
      const url = await fresh();
      const stood: { wake: () => void; lived: Promise<Lived> }[] = [];
      // At each call of the first unit, and at some later ones.
      for (let killAt = 3; killAt <= 15; killAt++) {
        let wake = () => {};
        const standStill = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const fate = new Fate({ killAt, standStill });
        const lived = live(url, tree, { fate });
        while (!fate.isStanding && (await Promise.race([lived.then(() => 'ended'), delay(20)])) !== 'ended');
        await afterAll(url);
        stood.push({ wake, lived });
      }
      expect(resultOf(await live(url, tree))).toEqual(expected);
      for (const { wake } of stood) wake();
      for (const { lived } of stood) expect(resultOf(await lived)).toEqual(expected);
      expect(await ledgerOf(url)).toEqual(await ledgerOf(undisturbed));
    },
    TIMEOUT_MS,
  );

  test(
    'records what is possible as a scan by one process does: a hit that waits, with its evidence',
    async () => {
      const tree = tempFolder('tree');
      for (const digit of 'fcab') writeImage(join(tree, digit), digit);
      const url = await fresh();
      // A prepared unit is recorded by another process.
      let deaths = 0;
      let lived = await live(url, tree, { fate: new Fate({ killAt: 8 }) });
      for (let killAt = 9; lived.end === null; killAt++) {
        deaths++;
        await afterAll(url);
        lived = await live(url, tree, { fate: new Fate({ killAt }) });
      }
      expect(deaths).toBeGreaterThan(0);
      expect(summaryOf(lived)).toMatchObject({ byVerdict: { match: 1, no_match: 2, suppressed: 1 }, possible: 1 });
      const ledger = openPostgresLedger(url);
      const [hit, ...others] = await ledger.hits({ tenant: null, limit: 10, status: 'possible' });
      expect(others).toEqual([]);
      expect(hit).toMatchObject({ reference: join(tree, 'f'), isPossible: true, timesSeen: 1 });
      const { matches, digests } = JSON.parse(hit!.evidence) as { matches: unknown; digests: object };
      expect(matches).toEqual(POSSIBLE.possible);
      expect(Object.keys(digests)).toEqual(['sha256']);
      const { totals } = (await ledgerOf(url)) as { totals: object };
      expect(totals).toMatchObject({ checked: 4, exact: 1, suppressed: 1 });
      await ledger.close();
    },
    TIMEOUT_MS,
  );

  test(
    'stopped between two files is completed by another process',
    async () => {
      const tree = tempFolder('tree');
      writeTree(tree, seeded(6), 12);
      const expected = resultOf(await live(await fresh(), tree));
      const url = await fresh();
      let files = 0;
      const stopped = await live(url, tree, { onHash: () => void files++, shouldStop: () => files >= 5 });
      expect(stopped.end?.summary).toBeNull();
      // No lease is left: the shard is free at once.
      expect(resultOf(await live(url, tree))).toEqual(expected);
    },
    TIMEOUT_MS,
  );

  test(
    'begun again reads what is new or changed, and notices what is gone',
    async () => {
      const tree = tempFolder('tree');
      const [, first, second] = writeTree(tree, seeded(7), 10) as [string, string, string];
      const url = await fresh();
      const before = await live(url, tree);
      // Complete: its result is printed again.
      const same = await live(url, tree);
      expect(same.hashed).toBe(0);
      expect(resultOf(same)).toEqual(resultOf(before));
      writeImage(join(first, 'new'), 'a');
      const again = await live(url, tree, { options: { again: true } });
      expect(again.hashed).toBe(1);
      expect(summaryOf(again).files).toBe(summaryOf(before).files + 1);
      expect(summaryOf(again).byVerdict.match).toBe(summaryOf(before).byVerdict.match + 1);
      expect(again.end!.scan.run).toBe(before.end!.scan.run + 1);
      rmSync(join(first, 'new'));
      rmSync(second, { recursive: true });
      const gone = await live(url, tree, { options: { again: true } });
      expect(summaryOf(gone).missing).toBeGreaterThan(1);
      expect(codesOf(gone)).toEqual(['FILES_MISSING']);
      const pruned = await live(url, tree, { options: { again: true }, request: { prunes: true } });
      expect(codesOf(pruned)).toEqual([]);
      const after = await live(url, tree, { options: { again: true } });
      expect(summaryOf(after).missing).toBe(0);
      expect(after.hashed).toBe(0);
      expect((await ledgerOf(url)) as { ok: boolean }).toMatchObject({ ok: true });
    },
    TIMEOUT_MS,
  );

  test(
    'forgotten leaves no row and no inventory, and is not forgotten while a process works on it',
    async () => {
      const tree = tempFolder('tree');
      writeTree(tree, seeded(12), 6);
      const url = await fresh();
      const rows = (table: string) => change(url, `SELECT 1 FROM ${table}`);
      expect((await live(url, tree, { fate: new Fate({ killAt: 20 }) })).end).toBeNull();
      const store = await openPostgres(url);
      const parts = { store: store.scans!, inventories: { blobs: store.blobs } as JoinParts['inventories'] };
      await expect(forgetScan(parts, 'test')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await afterAll(url);
      const { end } = await live(url, tree);
      expect(await rows('blob')).not.toEqual([]);
      await forgetScan(parts, 'test');
      for (const table of ['joined_scan', 'scan_shard', 'scan_line', 'answered', 'blob'])
        expect(await rows(table), table).toEqual([]);
      await expect(forgetScan(parts, 'test')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(summaryOf(await live(url, tree)).files).toBe(end!.summary!.files);
      // No shard is suspect for what was forgotten.
      expect(
        await change(
          url,
          'SELECT 1 FROM scan_shard JOIN duty ON name = $$scan test $$ || shard WHERE rested < fence - 1',
        ),
      ).toEqual([]);
      await store.close();
    },
    TIMEOUT_MS,
  );

  test(
    'a root that is empty though it held files is no clean result',
    async () => {
      const [full, other] = [tempFolder('full'), tempFolder('other')];
      writeTree(full, seeded(8), 4);
      mkdirSync(join(other, 'deep'));
      writeImage(join(other, 'deep', 'one'), 'c');
      const paths = [full, other];
      const url = await fresh();
      await live(url, full, { request: { paths } });
      rmSync(join(other, 'deep'), { recursive: true });
      const emptied = await live(url, full, { request: { paths }, options: { again: true } });
      expect(codesOf(emptied)).toContain('ROOT_EMPTY');
    },
    TIMEOUT_MS,
  );

  test(
    'a file that ends every process that opens it is given up with its folder alone',
    async () => {
      const tree = tempFolder('tree');
      const folders = writeTree(tree, seeded(9), 8);
      const evil = join(folders[3]!, 'evil');
      writeImage(evil, 'c');
      const url = await fresh();
      let deaths = 0;
      for (;;) {
        const fate = new Fate();
        const onHash = (path: string) => {
          if (path === evil) fate.die();
        };
        const lived = await live(url, tree, { fate, onHash });
        if (lived.end !== null) {
          const crashed = lived.report.filter((line) => line.includes('decoder_crash'));
          expect(crashed.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual([folders[3]]);
          expect(summaryOf(lived).byReason.decoder_crash).toBe(1);
          break;
        }
        expect(++deaths).toBeLessThan(20);
        await afterAll(url);
      }
      expect(deaths).toBeGreaterThan(3);
    },
    TIMEOUT_MS,
  );

  test(
    'whose ledger or folders are not what it counted is not complete',
    async () => {
      const tree = tempFolder('tree');
      writeTree(tree, seeded(10), 12);
      const url = await fresh();
      expect((await live(url, tree, { fate: new Fate({ killAt: 60 }) })).end).toBeNull();
      await afterAll(url);
      const [, lost] = [
        await change(
          url,
          `DELETE FROM answered WHERE ctid IN (SELECT ctid FROM answered WHERE key LIKE 'scan %' LIMIT 1)`,
        ),
        await change(
          url,
          `DELETE FROM scan_folder WHERE ctid IN (SELECT ctid FROM scan_folder WHERE unit IS NULL LIMIT 1) RETURNING id`,
        ),
      ];
      expect(lost).toHaveLength(1);
      const { warnings } = summaryOf(await live(url, tree));
      expect(warnings.filter(({ code }) => code === 'SUMS_DIFFER').map(({ of }) => of)).toEqual(['ledger', 'folders']);
    },
    TIMEOUT_MS,
  );

  test(
    'whose lease lapsed while it worked, and was got back, leaves no file out',
    async () => {
      const tree = tempFolder('tree');
      for (let at = 0; at < 12; at++) writeImage(join(tree, `image ${at}`), 'abc'[at % 3]!);
      let isAway = false;
      const duties = (of: DutyStore): DutyStore => ({
        take: (...args) => of.take(...args),
        holds: (...args) => of.holds(...args),
        end: (...args) => of.end(...args),
        state: (...args) => of.state(...args),
        extend: async (...args) => {
          if (isAway) throw new Error('the database is away');
          return of.extend(...args);
        },
      });
      let files = 0;
      // Of those that are read at once the first ends after the lapse, when the next ones are to begin, and the last after the
      // lease was extended again.
      const onHash = async () => {
        const file = ++files;
        if (file > READ_AT_ONCE) return;
        isAway = true;
        await delay(DUTY_LEASE_MS + 500);
        if (file < READ_AT_ONCE) return;
        isAway = false;
        await delay(DUTY_LEASE_MS / 2);
      };
      const lived = await live(await fresh(), tree, { duties, onHash });
      expect(summaryOf(lived).files).toBe(12);
      // Some of them again: the unit was given up.
      expect(lived.hashed).toBeGreaterThan(12);
      expect(codesOf(lived)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'with a root below another one, behind a link or a pattern, examines both once',
    async () => {
      const [tree, other] = [tempFolder('tree'), tempFolder('other')];
      mkdirSync(join(tree, 'sub', 'deep'), { recursive: true });
      for (const path of [
        join(tree, 'one'),
        join(tree, 'sub', 'two'),
        join(tree, 'sub', 'deep', 'three'),
        join(other, 'four'),
      ])
        writeImage(path, 'a');
      symlinkSync(other, join(tree, 'link'));
      const paths = [tree, join(tree, 'sub'), join(tree, 'link'), tree];
      const plain = await live(await fresh(), tree, { request: { paths } });
      expect(summaryOf(plain).byVerdict.match).toBe(4);
      expect(codesOf(plain)).toEqual([]);
      const exclude = [{ glob: 'sub', anyCase: false }];
      const excluded = await live(await fresh(), tree, { request: { paths, exclude } });
      expect(summaryOf(excluded).byVerdict.match).toBe(4);
    },
    TIMEOUT_MS,
  );

  test(
    'prunes nothing below a folder that could not be read: it is in other shards',
    async () => {
      const tree = tempFolder('tree');
      const below = Array.from({ length: 4 }, (_, at) => join(tree, 'a', `b${at}`));
      for (const folder of below) {
        mkdirSync(folder, { recursive: true });
        writeImage(join(folder, 'one'), 'c');
      }
      const url = await fresh();
      expect(summaryOf(await live(url, tree)).files).toBe(4);
      const evil = join(tree, 'a', 'evil');
      writeImage(evil, 'c');
      const how = { options: { again: true }, request: { prunes: true } };
      for (let deaths = 0; ; deaths++) {
        expect(deaths).toBeLessThan(20);
        const fate = new Fate();
        const onHash = (path: string) => {
          if (path === evil) fate.die();
        };
        const lived = await live(url, tree, { fate, onHash, ...how });
        if (lived.end !== null) {
          expect(summaryOf(lived).missing).toBe(4);
          expect(codesOf(lived)).toContain('FILES_MISSING');
          break;
        }
        await afterAll(url);
      }
      rmSync(evil);
      // Their rows are kept: none of them is read again.
      const after = await live(url, tree, how);
      expect([after.hashed, summaryOf(after).files]).toEqual([0, 4]);
    },
    TIMEOUT_MS,
  );

  test(
    'whose inventories are gone reads the files again, and says so',
    async () => {
      const tree = tempFolder('tree');
      writeTree(tree, seeded(14), 6);
      const url = await fresh();
      const first = await live(url, tree);
      await change(url, `DELETE FROM blob WHERE name LIKE 'scans/%'`);
      const again = await live(url, tree, { options: { again: true } });
      expect(again.hashed).toBe(first.hashed);
      expect(new Set(codesOf(again))).toEqual(new Set(['INVENTORY_LOST']));
      expect(summaryOf(again).byVerdict).toEqual(summaryOf(first).byVerdict);
    },
    TIMEOUT_MS,
  );

  test(
    'two files of one shard that end every process are both given up',
    async () => {
      const tree = tempFolder('tree');
      const names: string[] = [];
      for (let at = 0; names.length < 4; at++)
        if (folderOf(pathBytesOf(join(tree, `f${at}`))).shard === 7) names.push(`f${at}`);
      for (const name of names) {
        mkdirSync(join(tree, name));
        writeImage(join(tree, name, 'one'), 'c');
      }
      const evil = new Set(names.slice(0, 2).map((name) => join(tree, name, 'one')));
      const url = await fresh();
      for (let deaths = 0; ; deaths++) {
        expect(deaths).toBeLessThan(40);
        const fate = new Fate();
        const onHash = (path: string) => {
          if (evil.has(path)) fate.die();
        };
        const lived = await live(url, tree, { fate, onHash });
        if (lived.end !== null) {
          expect(summaryOf(lived).byReason.decoder_crash).toBe(2);
          expect(summaryOf(lived).byVerdict.no_match).toBe(2);
          break;
        }
        await afterAll(url);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'closed twice, and read after it began again, counts and reports nothing wrong',
    async () => {
      const tree = tempFolder('tree');
      const folders = writeTree(tree, seeded(13), 8);
      const url = await fresh();
      await live(url, tree);
      rmSync(folders[1]!, { recursive: true });
      const first = await live(url, tree, { options: { again: true } });
      const { scans, duties, close } = await openPostgres(url);
      const store = scans!;
      const { scan } = first.end!;
      const before = await store.shards(scan);
      const lease = (await duties.take(shardDuty(scan.name, 0), 60_000))!;
      await store.close(scan, 0, lease, { sums: '{}', inventory: null });
      expect(await store.shards(scan)).toEqual(before);
      expect(summaryOf(await live(url, tree)).missing).toBe(summaryOf(first).missing);
      await duties.end(lease, 0);
      await live(url, tree, { options: { again: true } });
      const read = async () => {
        for await (const _ of store.lines(scan));
      };
      await expect(read()).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await expect(store.shards(scan)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      // A holder for the run before, though no other one has the shard.
      const late = (await duties.take(shardDuty(scan.name, 0), 60_000))!;
      await expect(store.shard(scan, 0, late)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      await close();
    },
    TIMEOUT_MS,
  );

  test(
    'other parameters, another root, a file and a bad name are refused',
    async () => {
      const tree = tempFolder('tree');
      writeImage(join(tree, 'one'), 'c');
      const url = await fresh();
      await live(url, tree);
      const refused = async (life: Parameters<typeof live>[2], root = tree) =>
        expect(live(url, root, life)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await refused({ request: { archives: true } });
      await refused({ options: { asked: { radius: 3 } } });
      await refused({ tenant: 'other' });
      await refused({}, tempFolder('other'));
      await refused({}, join(tree, 'one'));
      // Another disk in its place, or none.
      writeFileSync(join(tree, '.zeef-root'), 'disk 7\n');
      await refused({});
      const marked = { options: { again: true } };
      expect(summaryOf(await live(url, tree, marked)).files).toBe(2);
      writeFileSync(join(tree, '.zeef-root'), 'disk 8\n');
      await refused({});
      for (const mark of ['', 'x'.repeat(200)]) {
        writeFileSync(join(tree, '.zeef-root'), mark);
        await refused({});
      }
    },
    TIMEOUT_MS,
  );
});
