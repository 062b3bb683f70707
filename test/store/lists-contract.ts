/** The contract of every store of lists. `open` opens the same store again after it was closed. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ParsedRow, Tombstone } from '../../src/core/parsed-row.js';
import type { Algorithm } from '../../src/core/vocabulary.js';
import { NO_ATTRIBUTES } from '../../src/core/vocabulary.js';
import { approveHeld, rejectHeld } from '../../src/lists/list-versions.js';
import type { Changes, Draft, FeedPosition, ListStore, Review, StoredValue } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

export function entryRow(line: number, algorithm: Algorithm, value: string, more: object = {}): ParsedRow {
  return {
    ok: true,
    line,
    entry: { entryId: `e${line}`, algorithm, value, status: 'active', ...NO_ATTRIBUTES, ...more },
  };
}

/** Rows that can be read again, as the store does where it holds them. */
export function stream(rows: readonly ParsedRow[], failAfter?: number): AsyncIterable<ParsedRow> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const [at, row] of rows.entries()) {
        if (at === failAfter) throw new Error('the source broke');
        yield row;
      }
    },
  };
}

const md5 = (n: number) => n.toString(16).padStart(32, '0');

export function storeContract(name: string, place: Place<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());

    async function values(): Promise<StoredValue[]> {
      const all: StoredValue[] = [];
      for await (const batch of (await store.lists.changes(null))!.added()) all.push(...batch);
      return all;
    }
    const entriesOf = async (stored: readonly StoredValue[]) => {
      const keys = stored.map(({ entryKey }) => entryKey);
      const entries = await store.lists.entriesByKeys(keys);
      return keys.map((key) => entries.get(key)!);
    };
    const make = (list = 'a') => store.lists.createList({ list, kind: 'match', radiusBits: 31 });

    test('a flood marks an entry, which a person may quarantine or release; it changes no decision of a person', async () => {
      await make();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1)), entryRow(2, 'md5', md5(2))]));
      const change = (to: 'flood' | 'quarantine' | 'release') => store.lists.changeEntries('a', { entryId: 'e1' }, to);
      const marks = async () => {
        const [first, second] = await entriesOf(await values());
        expect([second!.quarantined, second!.flooded]).toEqual([false, false]);
        const [listed] = await store.lists.quarantined();
        expect(listed === undefined ? [false, false] : [!listed.flooded, listed.flooded]).toEqual([
          first!.quarantined,
          first!.flooded,
        ]);
        return first!.quarantined ? 'quarantined' : first!.flooded ? 'flooded' : 'none';
      };
      for (const [to, changed, mark] of [
        ['release', 0, 'none'],
        ['flood', 1, 'flooded'],
        ['flood', 0, 'flooded'],
        ['quarantine', 1, 'quarantined'],
        ['flood', 0, 'quarantined'],
        ['release', 1, 'none'],
        ['flood', 1, 'flooded'],
        ['release', 1, 'none'],
      ] as const) {
        expect([to, await change(to), await marks()]).toEqual([to, changed, mark]);
      }
    });

    test.each(['quarantine', 'flood'] as const)(
      '%s stays where the entry is disabled and enabled again',
      async (mark) => {
        await make();
        await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1)), entryRow(2, 'md5', md5(2))]));
        for (const change of [mark, 'disable', 'enable'] as const)
          expect(await store.lists.changeEntries('a', { entryId: 'e1' }, change)).toBe(1);
        expect(await store.lists.quarantined()).toEqual([{ list: 'a', entryId: 'e1', flooded: mark === 'flood' }]);
        expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 2 });
      },
    );

    test('entries come in pages by the bytes of their ids, each once, with its algorithms and marks', async () => {
      await make();
      await make('other');
      // Beyond the BMP UTF-16 has another order than UTF-8.
      const ids = [' ', 'B', 'a', 'a', 'a"', 'aa', 'é', '\uffee', '😀', 'z'];
      const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
      const row = (entryId: string, at: number) =>
        entryRow(at, at % 2 === 0 ? 'md5' : 'sha1', md5(at).padStart(at % 2 === 0 ? 32 : 40, '0'), { entryId });
      await store.lists.replaceEntries('a', stream(ids.map(row)));
      await store.lists.replaceEntries('other', stream([entryRow(1, 'md5', md5(77), { entryId: 'mm' })]));
      const sorted = [...new Set(ids)].sort(bytes);
      for (const limit of [1, 2, 3, sorted.length, 100]) {
        const seen: string[] = [];
        for (let after: string | null = null; ; ) {
          const page = await store.lists.entryPage('a', { after, limit });
          expect(page.length).toBe(Math.min(limit, sorted.length - seen.length));
          seen.push(...page.map(({ entryId }) => entryId));
          if (page.length < limit) break;
          after = page.at(-1)!.entryId;
        }
        expect(seen).toEqual(sorted);
      }
      const lineOf = async (entryId: string) =>
        (await store.lists.entryPage('a', { after: null, limit: 100 })).find((one) => one.entryId === entryId);
      const unmarked = { disabled: false, quarantined: false, flooded: false };
      expect(await lineOf('a')).toEqual({ entryId: 'a', algorithms: ['md5', 'sha1'], ...unmarked });
      expect(await lineOf('B')).toEqual({ entryId: 'B', algorithms: ['sha1'], ...unmarked });
      for (const [to, mark] of [
        ['disable', 'disabled'],
        ['quarantine', 'quarantined'],
        ['flood', 'flooded'],
      ] as const) {
        await store.lists.changeEntries('a', { entryId: 'z' }, to);
        expect(await lineOf('z')).toEqual({ entryId: 'z', algorithms: ['sha1'], ...unmarked, [mark]: true });
        await store.lists.changeEntries('a', { entryId: 'z' }, to === 'disable' ? 'enable' : 'release');
      }
      await store.lists.changeEntries('a', { entryId: 'z' }, 'remove');
      expect(await lineOf('z')).toBeUndefined();
      // A page from an id that is gone, or never was, begins behind its place.
      expect((await store.lists.entryPage('a', { after: 'ab', limit: 1 })).map(({ entryId }) => entryId)).toEqual([
        'é',
      ]);
      expect(await store.lists.entryPage('a', { after: '\u{10ffff}', limit: 1 })).toEqual([]);
      await expect(store.lists.entryPage('none', { after: null, limit: 1 })).rejects.toMatchObject({
        code: 'LIST_NOT_FOUND',
      });
    });

    test('of an entry with very many values a page looks at the first ones alone', async () => {
      await make();
      const many = Array.from({ length: 300 }, (_, at) => entryRow(at + 1, 'md5', md5(at + 1), { entryId: 'crowd' }));
      await store.lists.replaceEntries('a', stream([...many, entryRow(999, 'md5', md5(999))]));
      const page = await store.lists.entryPage('a', { after: null, limit: 5 });
      expect(page.map(({ entryId }) => entryId)).toEqual(['crowd', 'e999']);
    });

    test('quarantine is set on an entry, kept through imports, and released', async () => {
      await make();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1)), entryRow(2, 'md5', md5(2))]));
      const before = await store.lists.generation();
      expect(await store.lists.changeEntries('a', { entryId: 'e1' }, 'quarantine')).toBe(1);
      expect(await store.lists.generation()).toBeGreaterThan(before);
      expect(await store.lists.changeEntries('a', { entryId: 'e1' }, 'quarantine')).toBe(0);
      expect(await store.lists.changeEntries('a', { entryId: 'nobody' }, 'quarantine')).toBe(0);
      const flags = async () => {
        const all = await entriesOf(await values());
        return all.map((entry) => [entry.entryId, entry.quarantined]);
      };
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1)), entryRow(3, 'md5', md5(3))]));
      expect(await flags()).toEqual([
        ['e1', true],
        ['e3', false],
      ]);
      expect(await store.lists.quarantined()).toEqual([{ list: 'a', entryId: 'e1', flooded: false }]);
      expect(await store.lists.changeEntries('a', { entryId: 'e1' }, 'release')).toBe(1);
      expect(await store.lists.quarantined()).toEqual([]);
      expect(await flags()).toEqual([
        ['e1', false],
        ['e3', false],
      ]);
    });

    describe('versions', () => {
      const rowsFor = (numbers: readonly number[], more: object = {}) =>
        stream(numbers.map((n) => entryRow(n, 'md5', md5(n), more)));
      const held = async () =>
        (await values())
          .map(({ value }) => Number.parseInt(Buffer.from(value).toString('hex'), 16))
          .sort((a, b) => a - b);
      const reasons = [{ rule: 'change', count: 9, limit: 1 }] as const;

      test('each import is a version, with its counts and its origin', async () => {
        await make();
        await store.lists.replaceEntries('a', rowsFor([1, 2, 3]), { origin: 'one.csv' });
        await store.lists.replaceEntries('a', rowsFor([2, 3, 4, 5]), { origin: 'two.csv' });
        await store.lists.addEntries('a', rowsFor([5, 6]));
        const told = (await store.lists.versions('a')).map(({ version, state, origin, added, removed, duplicates }) => {
          return { version, state, origin, added, removed, duplicates };
        });
        expect(told).toEqual([
          { version: 3, state: 'active', origin: null, added: 1, removed: 0, duplicates: 1 },
          { version: 2, state: 'past', origin: 'two.csv', added: 2, removed: 1, duplicates: 0 },
          { version: 1, state: 'past', origin: 'one.csv', added: 3, removed: 0, duplicates: 0 },
        ]);
        await expect(store.lists.versions('nowhere')).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
      });

      test('every kept version is read as it was, with attributes, whatever changed since', async () => {
        await make();
        const sets = [[1, 2, 3], [3, 4], [1, 4, 5], [], [5, 6], [1, 2, 3, 4, 5, 6]];
        for (const [at, numbers] of sets.entries()) {
          await store.lists.replaceEntries('a', rowsFor(numbers, { category: `c${at % 2}` }));
        }
        for (const [at, numbers] of sets.entries()) {
          const seen: string[] = [];
          for await (const row of await store.lists.versionRows('a', at + 1)) {
            if (row.ok) seen.push(`${Number.parseInt(row.entry.value, 16)} ${row.entry.category} ${row.entry.entryId}`);
          }
          expect(seen.sort(), `version ${at + 1}`).toEqual(numbers.map((n) => `${n} c${at % 2} e${n}`));
        }
        for (const version of [0, sets.length + 1]) {
          const read = async () => {
            for await (const row of await store.lists.versionRows('a', version)) expect(row).toBeNull();
          };
          await expect(read()).rejects.toMatchObject({ code: 'NOT_FOUND' });
        }
      });

      describe('how long versions are kept:', () => {
        const valuesOf = async (version: number) => {
          const seen: number[] = [];
          for await (const row of await store.lists.versionRows('a', version))
            if (row.ok) seen.push(Number.parseInt(row.entry.value, 16));
          return seen.sort((a, b) => a - b);
        };

        test('many small changes push no version out', async () => {
          await make();
          await store.lists.replaceEntries('a', rowsFor([1, 2, 3]));
          for (let n = 4; n <= 30; n++) await store.lists.addEntries('a', rowsFor([n]));
          await store.lists.replaceEntries('a', rowsFor([7]));
          for (let n = 31; n <= 50; n++) await store.lists.addEntries('a', rowsFor([n]));
          expect(await valuesOf(1)).toEqual([1, 2, 3]);
          expect(await valuesOf(10)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
          expect(await valuesOf(30)).toEqual([7, 31]);
        });

        test('of large changes the last ten are; an older one is not found', async () => {
          await make();
          const many = (from: number) => Array.from({ length: 11_000 }, (_, n) => from + n);
          for (let n = 0; n < 13; n++) await store.lists.replaceEntries('a', rowsFor(many(n * 11_000)));
          expect(await valuesOf(3)).toEqual(many(22_000));
          await expect(valuesOf(2)).rejects.toMatchObject({ code: 'NOT_FOUND', details: { oldestKept: 3 } });
          // The next small one needs the changes of eleven versions, which are too many.
          await store.lists.addEntries('a', rowsFor([1]));
          await expect(valuesOf(3)).rejects.toMatchObject({ details: { oldestKept: 4 } });
          expect(await valuesOf(4)).toEqual(many(33_000));
        }, 120_000);

        test('a thousand are listed', async () => {
          await make();
          for (let n = 1; n <= 1_003; n++) await store.lists.addEntries('a', rowsFor([n % 2]));
          const versions = await store.lists.versions('a');
          expect([versions.length, versions[0]!.version, versions.at(-1)!.version]).toEqual([1_000, 1_003, 4]);
          expect(versions[0]).not.toHaveProperty('keptBySize');
        }, 120_000);
      });

      test('a held version changes nothing, and can be read, replaced and dropped', async () => {
        await make();
        await store.lists.replaceEntries('a', rowsFor([1, 2]));
        const before = await store.lists.generation();
        const drafts: Draft[] = [];
        const review: Review = (draft) => {
          drafts.push(draft);
          return reasons;
        };
        const report = await store.lists.replaceEntries('a', rowsFor([2, 3, 4]), { origin: 'bad.csv', review });
        expect(report).toMatchObject({ version: 2, held: reasons, added: 2, removed: 1 });
        expect(drafts).toEqual([
          {
            mode: 'replace',
            entriesBefore: 2,
            entriesAfter: 3,
            added: 2,
            removed: 1,
            rows: 3,
            rejectedByReason: {},
            knownGood: 0,
            mostRowsOfOneValue: 1,
            isNew: expect.any(Function),
          },
        ]);
        expect([-1, 0, 1, 2, 3].map((position) => drafts[0]!.isNew(position))).toEqual([
          false,
          false,
          true,
          true,
          false,
        ]);
        expect(await held()).toEqual([1, 2]);
        expect(await store.lists.generation()).toBe(before);
        expect((await store.lists.versions('a'))[0]).toMatchObject({
          version: 2,
          state: 'held',
          held: reasons,
          origin: 'bad.csv',
        });
        await store.close();
        store = await place.open();
        await store.lists.addEntries('a', rowsFor([7, 7, 7]), { review });
        expect(drafts[1]).toMatchObject({ rows: 3, mostRowsOfOneValue: 3 });
        expect((await store.lists.versions('a')).filter(({ state }) => state === 'held')).toHaveLength(1);
        expect((await store.lists.versions('a'))[0]).toMatchObject({ version: 2, state: 'held', mode: 'add' });
        const approved = await store.lists.versionRows('a', 2);
        expect(await store.lists.addEntries('a', approved)).toMatchObject({ version: 2, held: [] });
        expect(await held()).toEqual([1, 2, 7]);
        expect((await store.lists.versions('a')).map(({ state }) => state)).toEqual(['active', 'past']);
        await expect(store.lists.dropHeld('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await store.lists.replaceEntries('a', rowsFor([9]), { review });
        await store.lists.dropHeld('a');
        expect((await store.lists.versions('a')).map(({ state }) => state)).toEqual(['active', 'past']);
        expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 3 });
      });

      test('an entry that an operator disabled stays disabled when its list drops and adds it again', async () => {
        await make();
        await store.lists.replaceEntries('a', rowsFor([1, 2]));
        await store.lists.changeEntries('a', { entryId: 'e1' }, 'disable');
        await store.lists.replaceEntries('a', rowsFor([2]));
        await store.lists.replaceEntries('a', rowsFor([1, 2], { entryId: 'another' }));
        expect(await held()).toEqual([2]);
        expect((await store.lists.list('a'))!.entryCount).toBe(1);
        expect(await store.lists.changeEntries('a', { entryId: 'another' }, 'enable')).toBe(1);
        await store.lists.replaceEntries('a', rowsFor([2]));
        await store.lists.replaceEntries('a', rowsFor([1, 2]));
        expect(await held(), 'enabled for good').toEqual([1, 2]);
      });

      test('a held version is decided on as it was seen: another takes its place under the same number', async () => {
        await make();
        await store.lists.replaceEntries('a', rowsFor([1, 2]));
        const review: Review = () => reasons;
        const hold = async (values: number[]) => {
          await store.lists.replaceEntries('a', rowsFor(values), { review });
          const [{ importedAt, version } = { importedAt: '', version: 0 }] = await store.lists.versions('a');
          await new Promise((done) => setTimeout(done, 5));
          return { importedAt, version };
        };
        const seen = await hold([2, 3]);
        const other = await hold([8, 9]);
        expect(other.version).toBe(seen.version);
        expect(other.importedAt).not.toBe(seen.importedAt);
        const refused = { code: 'NOT_FOUND' };
        await expect(store.lists.dropHeld('a', seen.importedAt)).rejects.toMatchObject(refused);
        await expect(approveHeld(store.lists, 'a', seen.importedAt)).rejects.toMatchObject(refused);
        // One that is held while its predecessor is approved: before its rows are read, and after the last one was.
        const during = (rowsOf: (rows: AsyncIterable<ParsedRow>) => Promise<AsyncIterable<ParsedRow>>) => {
          const late = Object.assign(Object.create(store.lists) as ListStore, {
            versionRows: async (list: string, version: number) => rowsOf(await store.lists.versionRows(list, version)),
          });
          for (const method of ['versions', 'replaceEntries', 'addEntries'] as const)
            Object.assign(late, { [method]: store.lists[method].bind(store.lists) });
          return late;
        };
        const before = during(async (rows) => {
          await hold([6, 7]);
          return rows;
        });
        await expect(approveHeld(before, 'a', other.importedAt)).rejects.toMatchObject(refused);
        // SQLite has one writer, so that no other import can end there before this one has.
        if (name !== 'SQLite') {
          const [{ importedAt } = { importedAt: '' }] = await store.lists.versions('a');
          const after = during(async (rows) =>
            (async function* () {
              yield* rows;
              await hold([4, 7]);
            })(),
          );
          await expect(approveHeld(after, 'a', importedAt)).rejects.toMatchObject(refused);
        }
        expect(await held()).toEqual([1, 2]);
        // One that is held while its predecessor is rejected, which was not named.
        const between = {
          async versions(list: string) {
            const versions = await store.lists.versions(list);
            await hold([5, 6]);
            return versions;
          },
          dropHeld: store.lists.dropHeld.bind(store.lists),
        };
        await expect(rejectHeld(between, 'a')).rejects.toMatchObject(refused);
        const [now] = await store.lists.versions('a');
        expect(now).toMatchObject({ state: 'held' });
        await rejectHeld(store.lists, 'a');
        expect((await store.lists.versions('a')).map(({ state }) => state)).toEqual(['active']);
        const last = await hold([4]);
        expect(await approveHeld(store.lists, 'a', last.importedAt)).toMatchObject({ version: 2 });
        expect(await held()).toEqual([4]);
      });

      test('a held version that is approved keeps which entries share a value', async () => {
        await make();
        const both = [entryRow(1, 'md5', md5(1)), entryRow(2, 'md5', md5(1))];
        await store.lists.replaceEntries('a', stream(both), { review: () => reasons });
        await store.lists.replaceEntries('a', await store.lists.versionRows('a', 1));
        const gone: ParsedRow = { ok: false, line: 1, reason: 'not_active', gone: { entryId: 'e1' } };
        await store.lists.addEntries('a', stream([gone]));
        expect(await held(), 'the second entry still has it').toEqual([1]);
        await store.lists.addEntries('a', stream([{ ...gone, gone: { entryId: 'e2' } }]));
        expect(await held()).toEqual([]);
      });

      test('the terms of a list are kept, changed one by one, and survive an import', async () => {
        await make();
        const nothing = { categoryMap: {}, severityMap: {}, expiresAt: null, entryDaysMax: null };
        expect(await store.lists.list('a')).toMatchObject(nothing);
        await store.lists.updateList('a', { categoryMap: { A1: 'x' }, entryDaysMax: 9 });
        await store.lists.updateList('a', { expiresAt: '2027-01-01T00:00:00.000Z' });
        await store.lists.replaceEntries('a', rowsFor([1]));
        const terms = {
          categoryMap: { A1: 'x' },
          severityMap: {},
          expiresAt: '2027-01-01T00:00:00.000Z',
          entryDaysMax: 9,
        };
        expect(await store.lists.list('a')).toMatchObject(terms);
        expect((await store.lists.changes(null))!.lists[0]!.info).toMatchObject(terms);
      });

      test('an entry that an operator disabled stays disabled when an older version is restored', async () => {
        await make();
        await store.lists.replaceEntries('a', rowsFor([1, 2]));
        await store.lists.changeEntries('a', { entryId: 'e1' }, 'disable');
        await store.lists.replaceEntries('a', rowsFor([1, 2, 3]));
        await store.lists.replaceEntries('a', await store.lists.versionRows('a', 1));
        expect(await held()).toEqual([2]);
        expect(await store.lists.list('a')).toMatchObject({ entryCount: 1 });
      });
    });

    test('an entry that was disabled or changed meanwhile is in every version that had it', async () => {
      await make();
      const rows = (category: string) => stream([1, 2].map((n) => entryRow(n, 'md5', md5(n), { category })));
      await store.lists.replaceEntries('a', rows('x'));
      await store.lists.changeEntries('a', { entryId: 'e1' }, 'disable');
      await store.lists.replaceEntries('a', rows('y'));
      const idsOf = async (version: number) => {
        const ids: string[] = [];
        for await (const row of await store.lists.versionRows('a', version)) if (row.ok) ids.push(row.entry.entryId);
        return ids.sort();
      };
      expect(await idsOf(1)).toEqual(['e1', 'e2']);
      await store.lists.replaceEntries('a', await store.lists.versionRows('a', 1));
      expect(await store.lists.changeEntries('a', { entryId: 'e1' }, 'enable'), 'still disabled').toBe(1);
      for (const version of [1, 2, 3]) expect(await idsOf(version), `version ${version}`).toEqual(['e1', 'e2']);
      expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 2 });
    });

    describe('tombstones', () => {
      const own = (line: number, entryId: string, value: string, updatedAt: string | null = null): ParsedRow => {
        return entryRow(line, 'md5', value, { entryId, updatedAt });
      };
      const gone = (line: number, tombstone: Tombstone): ParsedRow => {
        return { ok: false, line, reason: 'not_active', gone: tombstone };
      };
      const stored = async () => (await values()).map(({ value }) => Buffer.from(value).toString('hex')).sort();

      test.each(['replaceEntries', 'addEntries'] as const)('%s removes all values of an entry, or one', async (how) => {
        await make();
        await store.lists.replaceEntries('a', stream([own(1, 'x', md5(1)), own(2, 'x', md5(2)), own(3, 'y', md5(3))]));
        const rows = [own(1, 'z', md5(4)), own(2, 'v', md5(5)), own(3, 'y', md5(3))];
        const graves = [gone(4, { entryId: 'x' }), gone(5, { entryId: 'v' }), gone(6, { entryId: 'nobody' })];
        const byValue = gone(7, { algorithm: 'md5', value: md5(3) });
        const report = await store.lists[how]('a', stream([...rows, ...graves, byValue]));
        expect(report).toMatchObject({ rejected: 4, rejectedByReason: { not_active: 4 }, deleted: 4 });
        expect(await stored()).toEqual([md5(4)]);
        expect(await store.lists.list('a')).toMatchObject({ entryCount: 1 });
        expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 1 });
      });

      test('a value of two entries stays until both are gone, with the id of the remaining one', async () => {
        await make();
        const rows = [own(1, 'x', md5(1), '2026-01-01T00:00:00Z'), own(2, 'y', md5(1)), own(3, 'x', md5(2))];
        await store.lists.replaceEntries('a', stream(rows));
        await store.lists.addEntries('a', stream([gone(1, { entryId: 'x' })]));
        const [left] = await values();
        expect(await stored()).toEqual([md5(1)]);
        expect((await entriesOf([left!]))[0]).toMatchObject({ entryId: 'y', updatedAt: null });
        expect(await store.lists.verify('a')).toMatchObject({ ok: true });
        await store.lists.addEntries('a', stream([gone(1, { entryId: 'y' })]));
        expect(await stored()).toEqual([]);
        expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 0 });
      });

      test.each([
        ['before the entry', true],
        ['after the entry', false],
      ])('a tombstone with a time removes only older entries, in any order: %s', async (_says, isFirst) => {
        await make();
        const old = own(1, 'x', md5(1), '2026-05-01T00:00:00Z');
        const young = own(2, 'y', md5(2), '2026-07-01T00:00:00Z');
        const at = '2026-06-01T00:00:00Z';
        const graves = [gone(3, { entryId: 'x', at }), gone(4, { entryId: 'y', at })];
        const rows = isFirst ? [...graves, old, young] : [old, young, ...graves];
        await store.lists.replaceEntries('a', stream(rows));
        expect(await stored()).toEqual([md5(2)]);
        expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 1 });
      });

      test('are in the changes that readers follow', async () => {
        await make();
        await store.lists.replaceEntries('a', stream([own(1, 'x', md5(1)), own(2, 'y', md5(2))]));
        const all = (await store.lists.changes(null))!;
        const keys = new Map(
          (await values()).map(({ entryKey, value }) => [Buffer.from(value).toString('hex'), entryKey]),
        );
        await store.lists.addEntries('a', stream([gone(1, { entryId: 'x' })]));
        const changes = (await store.lists.changes(all.position))!;
        expect(changes.removed.map(({ entryKey }) => entryKey)).toEqual([keys.get(md5(1))]);
      });
    });

    test('an import reports accepted rows, duplicates, and rejected rows with line and reason', async () => {
      await make();
      const rows = [
        entryRow(1, 'md5', md5(1), { category: 'A1', tags: ['t'] }),
        entryRow(2, 'md5', md5(1), { entryId: 'e1' }),
        entryRow(3, 'sha1', '0'.repeat(40)),
        { ok: false, line: 4, reason: 'weight' } as const,
      ];
      expect(await store.lists.replaceEntries('a', stream(rows))).toEqual({
        list: 'a',
        version: 1,
        accepted: 2,
        duplicates: 1,
        rejected: 1,
        deleted: 0,
        added: 2,
        removed: 0,
        updated: 0,
        held: [],
        rejectedByReason: { weight: 1 },
        firstRejected: [{ line: 4, reason: 'weight' }],
      });
      expect(await store.lists.list('a')).toMatchObject({
        version: 1,
        entryCount: 2,
        rejectedCount: 1,
        duplicateCount: 1,
        entriesByAlgorithm: { md5: 1, sha1: 1 },
      });
      const [first] = await values();
      expect((await entriesOf([first!]))[0]).toEqual({
        list: 'a',
        quarantined: false,
        flooded: false,
        ...(rows[0] as { entry: object }).entry,
      });
      const some = await store.lists.entriesByKeys([999_999, first!.entryKey]);
      expect([...some.keys()]).toEqual([first!.entryKey]);
      expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 2 });
    });

    test('texts of any characters are kept and verified', async () => {
      await make();
      const odd = ['\0', 'a\0b', '\uFFFE', '🐘', '"\n\\', 'é'.repeat(5_000), ' '];
      const rows = odd.map((text, at) => entryRow(at, 'md5', md5(at), { entryId: text, source: text, tags: [text] }));
      await store.lists.replaceEntries(
        'a',
        stream([...rows, entryRow(99, 'md5', md5(99), { entryId: '\uD800', source: '\uDC00' })]),
      );
      const told = await entriesOf(await values());
      expect(told.slice(0, -1)).toEqual(
        rows.map((row) => (row.ok ? { list: 'a', quarantined: false, flooded: false, ...row.entry } : row)),
      );
      expect(told.at(-1)).toMatchObject({ entryId: '\uFFFD' });
      expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: odd.length + 1 });
    });

    test('a second import replaces the first; one that fails changes nothing', async () => {
      await make();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      const before = await store.lists.generation();
      await expect(
        store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(2)), entryRow(2, 'md5', md5(3))], 1)),
      ).rejects.toThrow();
      expect(await store.lists.generation()).toBe(before);
      expect((await values()).map((v) => Buffer.from(v.value).toString('hex'))).toEqual([md5(1)]);
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(4))]));
      expect((await values()).map((v) => Buffer.from(v.value).toString('hex'))).toEqual([md5(4)]);
      expect((await store.lists.list('a'))!.version).toBe(2);
    });

    test('a reader sees the old list until an import is complete', async () => {
      await make();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      let seen: StoredValue[] = [];
      await store.lists.replaceEntries(
        'a',
        (async function* () {
          yield entryRow(1, 'md5', md5(2));
          seen = await values();
          yield entryRow(2, 'md5', md5(3));
        })(),
      );
      expect(seen).toHaveLength(1);
      expect(await values()).toHaveLength(2);
    });

    test('the generation rises with every change that can change an answer', async () => {
      const generations = [await store.lists.generation()];
      const then = async () => generations.push(await store.lists.generation());
      await make();
      await then();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      await then();
      await store.lists.updateList('a', { enabled: false });
      await then();
      await store.lists.removeList('a');
      await then();
      expect(generations).toEqual([...new Set(generations)].sort((x, y) => x - y));
    });

    test('a disabled list keeps its entries, a removed one does not; its key is never used again', async () => {
      const keyOf = async (list: string) =>
        (await store.lists.changes(null))!.lists.find(({ info }) => info.list === list)?.listKey;
      await make();
      await make('b');
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      await store.lists.replaceEntries('b', stream([entryRow(1, 'md5', md5(1))]));
      const [a, b] = [await keyOf('a'), await keyOf('b')];
      await store.lists.updateList('a', { enabled: false });
      expect((await values()).map((v) => v.listKey)).toEqual([a, b]);
      await store.lists.updateList('a', { enabled: true, radiusBits: 12 });
      expect((await store.lists.list('a'))!.radiusBits).toBe(12);
      await store.lists.removeList('b');
      expect((await values()).map((v) => v.listKey)).toEqual([a]);
      await make('b');
      expect(await keyOf('b')).toBeGreaterThan(b!);
    });

    /** A reader that follows the changes from the beginning. */
    async function follow({ lists: from }: Pick<Store, 'lists'> = store) {
      const held = new Map<number, StoredValue>();
      let position: FeedPosition | null = null;
      return {
        held,
        async catchUp(): Promise<void> {
          const changes: Changes | null = await from.changes(position);
          expect(changes).not.toBeNull();
          for await (const batch of changes!.added()) for (const entry of batch) held.set(entry.entryKey, entry);
          for (const { entryKey } of changes!.removed) held.delete(entryKey);
          const lists = new Set(changes!.lists.map(({ listKey }) => listKey));
          for (const [key, { listKey }] of held) if (!lists.has(listKey)) held.delete(key);
          position = changes!.position;
        },
      };
    }

    test('a reader that follows the changes has what a reader from the beginning gets', async () => {
      const reader = await follow();
      const rows = (from: number, to: number, more: object = {}) =>
        stream(Array.from({ length: to - from }, (_, at) => entryRow(from + at, 'md5', md5(from + at), more)));
      const steps: (() => Promise<unknown>)[] = [
        () => make(),
        () => store.lists.replaceEntries('a', rows(0, 10, { source: 'police' })),
        () => store.lists.addEntries('a', rows(8, 14)),
        () => store.lists.changeEntries('a', { entryId: 'e3' }, 'disable'),
        () => store.lists.changeEntries('a', { source: 'police' }, 'disable'),
        () => store.lists.changeEntries('a', { source: 'police' }, 'enable'),
        () => store.lists.changeEntries('a', { entryId: 'e12' }, 'remove'),
        () => store.lists.replaceEntries('a', rows(5, 20)),
        () => make('b'),
        () => store.lists.replaceEntries('b', rows(0, 3)),
        () => store.lists.removeList('a'),
      ];
      const sizes: number[] = [];
      for (const step of steps) {
        await step();
        await reader.catchUp();
        expect([...reader.held.values()]).toEqual(await values());
        sizes.push(reader.held.size);
        for (const { list } of await store.lists.lists()) {
          expect(await store.lists.verify(list)).toMatchObject({ ok: true });
        }
      }
      // Entries that were added without the source are of the police no more.
      expect(sizes).toEqual([0, 10, 14, 13, 6, 14, 13, 15, 15, 18, 3]);
    });

    test('readers and writers of two processes: a reader of each has what a reader from the beginning gets', async () => {
      const other = await place.open();
      const both = [store, other];
      const readers = await Promise.all(both.map((one) => follow(one)));
      try {
        await make();
        await other.lists.createList({ list: 'b', kind: 'match', radiusBits: 31 });
        const id = fc.integer({ min: 0, max: 30 });
        const step = fc.record({
          by: fc.constantFrom(0, 1),
          list: fc.constantFrom('a', 'b'),
          ids: fc.array(id, { maxLength: 6 }),
          act: fc.constantFrom('replace', 'add', 'disable', 'enable', 'remove', 'together'),
          reads: fc.constantFrom([], [0], [1], [0, 1]),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
            for (const { by, list, ids, act, reads } of steps) {
              const { lists } = both[by]!;
              const rows = () => stream(ids.map((n) => entryRow(n, 'md5', md5(n))));
              if (act === 'replace') await lists.replaceEntries(list, rows());
              else if (act === 'add') await lists.addEntries(list, rows());
              else if (act === 'together')
                await Promise.all([
                  lists.addEntries(list, rows()),
                  both[1 - by]!.lists.addEntries('a', stream(ids.map((n) => entryRow(n + 3, 'md5', md5(n + 3))))),
                ]);
              else for (const n of ids) await lists.changeEntries(list, { entryId: `e${n}` }, act);
              for (const at of reads) await readers[at]!.catchUp();
            }
            const all = await values();
            for (const reader of readers) {
              await reader.catchUp();
              expect([...reader.held.values()].sort((a, b) => a.entryKey - b.entryKey)).toEqual(all);
            }
          }),
          { numRuns: 25 },
        );
      } finally {
        await other.close();
      }
    });

    test('a position of another store, or of a generation that is to come, is no position', async () => {
      await make();
      const { position } = (await store.lists.changes(null))!;
      expect(Object.keys(position).sort()).toEqual(['generation', 'storeId', 'token']);
      expect(await store.lists.changes(position)).toMatchObject({ position, removed: [] });
      for (const change of [{ storeId: 1 }, { generation: 1 }, { token: 1 }]) {
        const [name, by] = Object.entries(change)[0] as [keyof FeedPosition, number];
        expect(await store.lists.changes({ ...position, [name]: position[name] + by })).toBeNull();
      }
      expect(
        await store.lists.changes({ storeId: position.storeId, generation: position.generation } as never),
      ).toBeNull();
    });

    test('an import of the same rows keeps their keys, and a disabled entry stays disabled', async () => {
      await make();
      const rows = [1, 2, 3].map((n) => entryRow(n, 'md5', md5(n)));
      await store.lists.replaceEntries('a', stream(rows));
      const before = await values();
      expect(await store.lists.changeEntries('a', { entryId: 'e2' }, 'disable')).toBe(1);
      expect(await store.lists.changeEntries('a', { entryId: 'e2' }, 'disable')).toBe(0);
      await store.lists.replaceEntries('a', stream(rows));
      expect(await values()).toEqual([before[0], before[2]]);
      expect((await store.lists.list('a'))!.entryCount).toBe(2);
      await store.lists.changeEntries('a', { entryId: 'e2' }, 'enable');
      expect(await values()).toHaveLength(3);
    });

    test('added rows that the list has are duplicates; the rest of the list stays', async () => {
      await make();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      const report = await store.lists.addEntries(
        'a',
        stream([entryRow(1, 'md5', md5(1)), entryRow(2, 'md5', md5(2))]),
      );
      expect(report).toMatchObject({ accepted: 1, duplicates: 1, version: 2 });
      await expect(store.lists.addEntries('none', stream([]))).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
    });

    test.each(['', 'A', 'a b', '../x', '-x', 'x'.repeat(65)])('invalid list name: "%s"', async (list) => {
      await expect(make(list)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });

    test('a list name is used once, and an unknown one gets LIST_NOT_FOUND', async () => {
      await make();
      await expect(make()).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      for (const act of [
        () => store.lists.updateList('z', {}),
        () => store.lists.removeList('z'),
        () => store.lists.verify('z'),
        () => store.lists.replaceEntries('z', stream([])),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
      }
    });

    test('a list has the detail that it is made with or set to, plain by default, and a change is a change', async () => {
      const detail = async (list: string) => (await store.lists.list(list))!.detail;
      await make();
      const made = { kind: 'suppression', radiusBits: 0 } as const;
      await store.lists.createList({ list: 'b', ...made, detail: 'standard' });
      const create = { kind: 'match', radiusBits: 31, detail: 'deep' } as const;
      await store.lists.addEntries('c', stream([entryRow(1, 'md5', md5(1))]), { create });
      const other = { ...made, detail: 'deep' } as const;
      await store.lists.addEntries('b', stream([entryRow(1, 'md5', md5(1))]), { create: other });
      expect([await detail('a'), await detail('b'), await detail('c')]).toEqual(['plain', 'standard', 'deep']);
      const before = await store.lists.generation();
      expect(await store.lists.updateList('a', { detail: 'deep' })).toMatchObject({ detail: 'deep', radiusBits: 31 });
      expect(await store.lists.generation()).toBeGreaterThan(before);
      await store.lists.updateList('a', { radiusBits: 12 });
      await store.lists.updateList('c', { detail: 'plain', enabled: false });
      await store.close();
      store = await place.open();
      expect([await detail('a'), await detail('b'), await detail('c')]).toEqual(['deep', 'standard', 'plain']);
      const fed = (await store.lists.changes(null))!.lists.map(({ info }) => info.detail);
      expect(fed.sort()).toEqual(['deep', 'plain', 'standard']);
    });

    describe('an import that makes its list', () => {
      const create = { kind: 'suppression', radiusBits: 7 } as const;
      const rows = () => stream([entryRow(1, 'md5', md5(1))]);

      test('makes it with its entries, and leaves one that exists as it is', async () => {
        const before = await store.lists.generation();
        expect(await store.lists.addEntries('a', rows(), { create })).toMatchObject({ version: 1, added: 1 });
        expect(await store.lists.list('a')).toMatchObject({ ...create, enabled: true, entryCount: 1 });
        expect(await store.lists.generation()).toBeGreaterThan(before);
        await store.lists.updateList('a', { enabled: false });
        expect(await store.lists.addEntries('a', rows(), { create })).toMatchObject({ version: 2, added: 0 });
        expect(await store.lists.list('a')).toMatchObject({ enabled: false, entryCount: 1 });
      });

      test('leaves no list where it fails, and refuses its name as any other', async () => {
        const fails = { create, confirm: () => Promise.reject(new Error('not now')) };
        await expect(store.lists.replaceEntries('a', rows(), fails)).rejects.toMatchObject({ code: 'STORE_FAILED' });
        await expect(store.lists.replaceEntries('a b', rows(), { create })).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
        });
        expect(await store.lists.lists()).toEqual([]);
      });

      test('keeps it for a version that is held', async () => {
        const reasons = [{ rule: 'canary', count: 1, limit: 0 }] as const;
        const before = await store.lists.generation();
        await store.lists.addEntries('a', rows(), { create, review: () => reasons });
        expect(await store.lists.list('a')).toMatchObject({ ...create, version: 0, entryCount: 0 });
        expect(await store.lists.versions('a')).toMatchObject([{ version: 1, state: 'held', held: reasons }]);
        expect(await store.lists.generation()).toBeGreaterThan(before);
        expect(await store.lists.addEntries('a', await store.lists.versionRows('a', 1))).toMatchObject({ added: 1 });
      });

      test('of another process does not need it, whether that one fails or not; other settings are refused', async () => {
        const other = await place.open();
        try {
          const second: Promise<unknown>[] = [];
          const confirm = async () => {
            second.push(other.lists.addEntries('a', rows(), { create }));
            await new Promise((resolve) => setTimeout(resolve, 100));
            throw new Error('not now');
          };
          await expect(store.lists.addEntries('a', rows(), { create, confirm })).rejects.toMatchObject({
            code: 'STORE_FAILED',
          });
          expect(await second[0]).toMatchObject({ version: 1, added: 1 });
          for (const change of [{ kind: 'match' as const }, { radiusBits: 8 }])
            await expect(
              other.lists.addEntries('a', rows(), { create: { ...create, ...change } }),
            ).rejects.toMatchObject({ code: 'REQUEST_INVALID', details: create });
        } finally {
          await other.close();
        }
      });
    });

    test('all data is there after reopening', async () => {
      await make();
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      const { key, info } = await store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null });
      const generation = await store.lists.generation();
      await store.close();
      store = await place.open();
      expect(await values()).toHaveLength(1);
      expect(await store.lists.generation()).toBe(generation);
      expect(await store.keys.findByKey(key)).toEqual(info);
    });
  });
}
