/** What a list holds after its source corrected, withdrew and brought back entries, for every store of lists. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { approveHeld, rollBack } from '../../src/lists/list-versions.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';
import { entryRow, stream } from './lists-contract.js';

const md5 = (n: number) => n.toString(16).padStart(32, '0');
/** Times of a source, by number. */
const time = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();

/** A value of an entry, as of a time. */
function says(id: string, value: number, at: number | null = null, more: object = {}): ParsedRow {
  return entryRow(1, 'md5', md5(value), { entryId: id, updatedAt: at === null ? null : time(at), ...more });
}
/** The entry is listed no more. */
const ends = (id: string, at?: number): ParsedRow => {
  const gone = { entryId: id, ...(at === undefined ? {} : { at: time(at) }) };
  return { ok: false, line: 1, reason: 'not_active', gone };
};
/** The value is listed no more. */
const endsValue = (value: number, at?: number): ParsedRow => {
  const gone = { algorithm: 'md5' as const, value: md5(value), ...(at === undefined ? {} : { at: time(at) }) };
  return { ok: false, line: 1, reason: 'not_active', gone };
};
/** The entry has a value that cannot be taken. */
const saysNothing = (id: string, at?: number): ParsedRow => {
  const of = { entryId: id, ...(at === undefined ? {} : { at: time(at) }) };
  return { ok: false, line: 1, reason: 'low_quality', of };
};

/** A source's statement for the random orders. */
type Statement =
  | { readonly kind: 'values'; readonly id: number; readonly values: readonly number[]; readonly at: number }
  | { readonly kind: 'gone'; readonly id: number; readonly at: number };

/** Each value of a statement stands for `each` values. */
const spread = (values: readonly number[], each: number) =>
  each === 1 ? values : values.flatMap((value) => Array.from({ length: each }, (_, at) => value * 1_000 + at));

/** Ids of the random orders; those of the second kind have a value of their entry within them. */
const IDS = { plain: (id: number) => `id-${id}`, 'with a value': (id: number) => `42/${md5(id + 1)}` };

const rowsOf = (statement: Statement, each: number, ids: keyof typeof IDS): ParsedRow[] =>
  statement.kind === 'gone'
    ? [ends(IDS[ids](statement.id), statement.at)]
    : spread(statement.values, each).map((value) =>
        says(IDS[ids](statement.id), value, statement.at, { category: `c${statement.at}` }),
      );

/** `expectedRows`: given with each import. */
interface UpdatesPlace extends Place<Store> {
  readonly expectedRows?: number;
  /** Random orders that are tried: a store over a socket takes longer for each. */
  readonly orders?: number;
  /** Rows of one entry, and of one value. */
  readonly many?: number;
}

export function updatesContract(name: string, place: UpdatesPlace): void {
  const { expectedRows = 0, orders = 60, many = 20_000 } = place;
  describe(`${name}: updates`, () => {
    let store: Store;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
      await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    });
    afterEach(() => store.close());

    /** The entries that match, each as `id value`, sorted. */
    async function held(list = 'a'): Promise<string[]> {
      const found: string[] = [];
      const changes = (await store.lists.changes(null))!;
      const listKey = changes.lists.find(({ info }) => info.list === list)!.listKey;
      for await (const batch of changes.added()) {
        const keys = batch.filter((row) => row.listKey === listKey).map(({ entryKey }) => entryKey);
        for (const entry of (await store.lists.entriesByKeys(keys)).values())
          found.push(`${entry.entryId} ${Number.parseInt(entry.value, 16)} ${entry.category ?? '-'}`);
      }
      expect(await store.lists.verify(list), 'checksum').toMatchObject({ ok: true, entryCount: found.length });
      return found.sort();
    }
    const replace = (...rows: ParsedRow[]) => store.lists.replaceEntries('a', stream(rows), { expectedRows });
    const add = (...rows: ParsedRow[]) => store.lists.addEntries('a', stream(rows), { expectedRows });

    describe('in a list that is added to', () => {
      const CASES: readonly (readonly [string, readonly (readonly ParsedRow[])[], readonly string[]])[] = [
        ['a corrected value', [[says('x', 1, 1), says('y', 2, 1)], [says('x', 3, 2)]], ['x 3 -', 'y 2 -']],
        ['a corrected value without times', [[says('x', 1)], [says('x', 3)]], ['x 3 -']],
        ['a correction of the same time', [[says('x', 1, 1)], [says('x', 3, 1)]], ['x 3 -']],
        ['an older statement', [[says('x', 1, 2)], [says('x', 3, 1)]], ['x 1 -']],
        [
          'an older statement of the same value',
          [[says('x', 1, 2, { category: 'new' })], [says('x', 1, 1)]],
          ['x 1 new'],
        ],
        ['a value less', [[says('x', 1, 1), says('x', 2, 1)], [says('x', 2, 2)]], ['x 2 -']],
        ['a value more', [[says('x', 1, 1)], [says('x', 1, 2), says('x', 2, 2)]], ['x 1 -', 'x 2 -']],
        [
          'another category',
          [[says('x', 1, 1, { category: 'A1' })], [says('x', 1, 2, { category: 'B2' })]],
          ['x 1 B2'],
        ],
        ['a newer row in one import', [[says('x', 1, 1), says('x', 2, 3), says('x', 3, 2)]], ['x 2 -']],
        ['rows without times in one import', [[says('x', 1), says('x', 2)]], ['x 1 -', 'x 2 -']],
        ['a withdrawal', [[says('x', 1, 1), says('y', 2, 1)], [ends('x', 2)]], ['y 2 -']],
        ['a withdrawal of before the entry', [[says('x', 1, 2)], [ends('x', 1)]], ['x 1 -']],
        ['a withdrawal of the same time', [[says('x', 1, 1)], [ends('x', 1)]], []],
        ['an entry of before its withdrawal', [[ends('x', 2), says('y', 2)], [says('x', 1, 1)]], ['y 2 -']],
        ['an entry of the time of its withdrawal', [[ends('x', 2), says('y', 2)], [says('x', 1, 2)]], ['y 2 -']],
        ['an entry of after its withdrawal', [[ends('x', 2), says('y', 2)], [says('x', 1, 3)]], ['x 1 -', 'y 2 -']],
        ['an entry without a time after a withdrawal', [[says('x', 1, 1)], [ends('x', 2)], [says('x', 1)]], ['x 1 -']],
        ['an entry without a time beside a withdrawal', [[ends('x', 2), says('x', 1), says('y', 2)]], ['y 2 -']],
        ['a withdrawal without a time', [[says('x', 1, 9)], [ends('x')]], []],
        ['a withdrawn entry that comes again', [[says('x', 1, 1)], [ends('x', 2)], [says('x', 1, 3)]], ['x 1 -']],
        ['an update that has no value', [[says('x', 1, 1), says('y', 2, 1)], [saysNothing('x', 2)]], ['y 2 -']],
        ['an older update that has no value', [[says('x', 1, 2)], [saysNothing('x', 1)]], ['x 1 -']],
        [
          'one value of several that cannot be taken',
          [[says('x', 1, 1)], [saysNothing('x', 2), says('x', 1, 2)]],
          ['x 1 -'],
        ],
        ['a value that was withdrawn under no id', [[says('', 1, 1)], [endsValue(1, 2)]], []],
        ['the same in the other order', [[endsValue(1, 2), says('y', 2)], [says('', 1, 1)]], ['y 2 -']],
        ['a withdrawn value of an entry', [[says('x', 1, 1), says('x', 2, 1)], [endsValue(1, 2)]], ['x 2 -']],
        ['the same in the other order, with an id', [[endsValue(1, 2)], [says('x', 1, 1), says('x', 2, 1)]], ['x 2 -']],
        ['a value under two ids', [[says('x', 1, 1)], [says('y', 1, 1)]], ['x 1 -', 'y 1 -']],
        ['one of two ids withdrawn', [[says('x', 1, 1), says('y', 1, 1)], [ends('x', 2)]], ['y 1 -']],
        ['one of two ids corrected', [[says('x', 1, 1), says('y', 1, 1)], [says('x', 2, 2)]], ['x 2 -', 'y 1 -']],
        ['a value that its list names no more', [[says('x', 1, 1, { category: 'A1' })], [says('', 1)]], ['x 1 A1']],
      ];
      test.each(CASES)('%s', async (_name, imports, expected) => {
        for (const rows of imports) await add(...rows);
        expect(await held()).toEqual([...expected]);
        await store.close();
        store = await place.open();
        expect(await held(), 'opened again').toEqual([...expected]);
      });

      test('rows that say nothing new are duplicates, and change nothing', async () => {
        const rows = [says('x', 1, 1), says('x', 2, 1), says('y', 1), says('', 7)];
        expect(await add(...rows)).toMatchObject({ accepted: 4, added: 4, duplicates: 0 });
        const position = (await store.lists.changes(null))!.position;
        expect(await add(...rows)).toMatchObject({ accepted: 0, added: 0, removed: 0, updated: 0, duplicates: 4 });
        const { added, removed } = (await store.lists.changes(position))!;
        expect(removed).toEqual([]);
        for await (const batch of added()) expect(batch).toEqual([]);
      });

      test('what is not taken is counted with its line', async () => {
        await add(says('x', 1, 2), ends('gone', 2));
        const report = await add(says('x', 3, 1), says('gone', 4, 1));
        expect(report).toMatchObject({ accepted: 0, rejected: 2, rejectedByReason: { outdated: 1, not_active: 1 } });
        expect(report.firstRejected).toHaveLength(2);
      });

      test('an entry of many values ends and comes again within one file', async () => {
        await add(...Array.from({ length: 70 }, (_, n) => says('x', n, 1)), ends('x', 2), says('x', 999, 3));
        expect(await held()).toEqual(['x 999 -']);
      });

      test('a value that a row without an id says again is lost by the next statement of its entry', async () => {
        const of = (from: number, at: number) => Array.from({ length: 70 }, (_, n) => says('x', from + n, at));
        await add(...of(0, 1));
        await add(...of(100, 2), says('', 5), says('x', 999, 3));
        expect(await held()).toEqual(['x 999 -']);
      });

      test('an update keeps the marks of an entry, and a correction does not inherit them', async () => {
        await add(says('x', 1, 1), says('y', 2, 1));
        await store.lists.changeEntries('a', { entryId: 'x' }, 'quarantine');
        await add(says('x', 1, 2, { category: 'B2' }));
        expect(await store.lists.quarantined()).toEqual([{ list: 'a', entryId: 'x', flooded: false }]);
        await add(says('x', 5, 3));
        expect(await store.lists.quarantined()).toEqual([]);
      });

      test('a version that is held is applied in the same way when it is approved', async () => {
        await add(says('x', 1, 1), says('y', 2, 1));
        const review = () => [{ rule: 'change', count: 9, limit: 1 }] as const;
        await store.lists.addEntries('a', stream([says('x', 3, 2), ends('y', 2)]), { review });
        expect(await held()).toEqual(['x 1 -', 'y 2 -']);
        const [version] = await store.lists.versions('a');
        // Another change meanwhile stays.
        await store.lists.changeEntries('a', { entryId: 'y' }, 'quarantine');
        expect(version).toMatchObject({ state: 'held', mode: 'add' });
        await store.lists.addEntries('a', await store.lists.versionRows('a', version!.version));
        expect(await held()).toEqual(['x 3 -']);
      });

      test('a roll-back keeps what was withdrawn in its version and before, and forgets later withdrawals', async () => {
        await add(says('x', 1, 1), says('y', 2, 1));
        await add(ends('x', 5));
        await add(ends('y', 5), says('z', 3, 5));
        await rollBack(store.lists, 'a', 2);
        expect(await held()).toEqual(['y 2 -']);
        await add(says('x', 1, 2), says('y', 2, 2));
        expect(await held(), 'x was withdrawn by then, y was not').toEqual(['y 2 -']);
        await rollBack(store.lists, 'a', 1);
        expect(await held()).toEqual(['x 1 -', 'y 2 -']);
      });

      test('a version that is held stays so beside another addition, and is approved as it was', async () => {
        await add(says('x', 1, 1), says('y', 2, 1));
        const review = () => [{ rule: 'change', count: 9, limit: 1 }] as const;
        const options = { origin: 'withdrawn.csv', review };
        await store.lists.addEntries('a', stream([ends('x', 2), ends('y', 2)]), options);
        await store.lists.addEntries('a', stream([says('z', 3, 3)]), { origin: 'more.csv' });
        expect(await held()).toEqual(['x 1 -', 'y 2 -', 'z 3 -']);
        const versions = await store.lists.versions('a');
        expect(versions.map(({ version, state }) => `${version} ${state}`)).toEqual(['3 held', '2 active', '1 past']);
        expect(versions[0]).toMatchObject({ origin: 'withdrawn.csv' });
        await approveHeld(store.lists, 'a', versions[0]!.importedAt);
        expect(await held()).toEqual(['z 3 -']);
        expect((await store.lists.versions('a')).map(({ state }) => state)).toEqual(['active', 'past', 'past']);
      });

      test.each([
        [
          'a later file of the same name',
          (held: ParsedRow[]) => store.lists.addEntries('a', stream(held), { origin: 'f.csv' }),
        ],
        [
          'the whole list anew',
          (held: ParsedRow[]) => store.lists.replaceEntries('a', stream(held), { origin: 'g.csv' }),
        ],
      ])('%s takes the place of a version that is held', async (_what, write) => {
        const review = () => [{ rule: 'change', count: 9, limit: 1 }] as const;
        await store.lists.addEntries('a', stream([says('x', 1, 1)]), { origin: 'f.csv', review });
        await write([says('y', 2, 2)]);
        expect(await held()).toEqual(['y 2 -']);
        expect((await store.lists.versions('a')).map(({ state }) => state)).toEqual(['active']);
      });

      test.each([
        { each: 1, ids: 'plain', numRuns: orders },
        { each: 1, ids: 'with a value', numRuns: orders },
        // More rows of an entry than are read again for each of them.
        { each: 40, ids: 'plain', numRuns: orders },
      ] as const)(
        'any order of a source’s statements ends as the order of their times, of $each values each, ids $ids',
        async ({ each: valuesEach, ids, numRuns }) => {
          const statement = fc.record({
            id: fc.integer({ min: 0, max: 3 }),
            values: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
            isGone: fc.boolean(),
          });
          const drawn = fc.array(statement, { minLength: 1, maxLength: 12 }).chain((statements) => {
            const timed = statements.map(({ id, values, isGone }, at): Statement => {
              return isGone ? { kind: 'gone', id, at } : { kind: 'values', id, values, at };
            });
            return fc.tuple(
              fc.constant(timed),
              fc.shuffledSubarray(timed, { minLength: timed.length, maxLength: timed.length }),
              fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 }),
            );
          });
          await fc.assert(
            fc.asyncProperty(drawn, async ([inOrder, shuffled, sizes]) => {
              await replace();
              const rest = [...shuffled];
              for (const size of sizes) {
                const batch = rest.splice(0, size);
                if (batch.length > 0) await add(...batch.flatMap((one) => rowsOf(one, valuesEach, ids)));
              }
              // The oracle: the last statement about each id.
              const last = new Map<number, Statement>();
              for (const each of inOrder) last.set(each.id, each);
              const expected = [...last.values()].flatMap((each) =>
                each.kind === 'gone'
                  ? []
                  : spread(each.values, valuesEach).map((value) => `${IDS[ids](each.id)} ${value} c${each.at}`),
              );
              // An id with its own value within it is not shown.
              const shown = (line: string) => (ids === 'plain' ? line : line.replace(/^\S+ /, ''));
              expect((await held()).map(shown).sort()).toEqual(expected.map(shown).sort());
            }),
            { numRuns },
          );
        },
      );
    });

    describe('in a list that is replaced', () => {
      test('it holds what the file says, whatever it held', async () => {
        await add(says('x', 1, 9), ends('y', 9));
        expect(await replace(says('x', 2, 1), says('y', 3, 1))).toMatchObject({ accepted: 2, added: 2, removed: 1 });
        expect(await held()).toEqual(['x 2 -', 'y 3 -']);
      });

      test('of one file the newest statement about an entry counts', async () => {
        await replace(
          says('x', 1, 1),
          says('y', 5, 1),
          says('x', 2, 3),
          says('x', 3, 2),
          ends('y', 2),
          says('y', 6, 1),
        );
        expect(await held()).toEqual(['x 2 -']);
      });

      test('an unchanged entry keeps its key, and its marks', async () => {
        await replace(says('x', 1, 1), says('y', 1, 1), says('z', 2));
        const before = (await store.lists.changes(null))!.position;
        await store.lists.changeEntries('a', { entryId: 'y' }, 'quarantine');
        const report = await replace(says('z', 2), says('x', 1, 2), says('y', 1, 1));
        expect(report).toMatchObject({ accepted: 3, added: 0, removed: 0, updated: 1 });
        expect((await store.lists.changes(before))!.removed).toEqual([]);
        expect(await store.lists.quarantined()).toEqual([{ list: 'a', entryId: 'y', flooded: false }]);
      });
    });

    test('values keep their keys where a list gives its rows other numbers', async () => {
      await replace(says('1', 10), says('2', 20), says('3', 30));
      const { position } = (await store.lists.changes(null))!;
      const report = await replace(says('1', 20), says('2', 30), says('3', 40), says('1', 20));
      expect(report).toMatchObject({ accepted: 3, duplicates: 1, added: 1, removed: 1, updated: 2 });
      expect(await held()).toEqual(['1 20 -', '2 30 -', '3 40 -']);
      expect((await store.lists.changes(position))!.removed).toHaveLength(1);
    });

    describe('a value under two ids', () => {
      beforeEach(() => replace(says('x', 1), says('y', 1), says('z', 2)));

      test('is disabled, enabled and removed on its own', async () => {
        expect(await store.lists.changeEntries('a', { entryId: 'x' }, 'disable')).toBe(1);
        expect(await held()).toEqual(['y 1 -', 'z 2 -']);
        await replace(says('x', 1), says('y', 1), says('z', 2));
        expect(await held(), 'after an import').toEqual(['y 1 -', 'z 2 -']);
        await replace(says('x', 1), says('z', 2));
        await replace(says('x', 1), says('y', 1), says('z', 2));
        expect(await held(), 'the other comes again').toEqual(['y 1 -', 'z 2 -']);
        expect(await store.lists.changeEntries('a', { entryId: 'x' }, 'enable')).toBe(1);
        expect(await store.lists.changeEntries('a', { entryId: 'y' }, 'remove')).toBe(1);
        expect(await held()).toEqual(['x 1 -', 'z 2 -']);
        await replace(says('x', 1), says('z', 2));
        expect(await held()).toEqual(['x 1 -', 'z 2 -']);
      });

      test('beside the one that came in the place of a disabled one, a third is on its own', async () => {
        await store.lists.changeEntries('a', { entryId: 'x' }, 'disable');
        await store.lists.changeEntries('a', { entryId: 'y' }, 'remove');
        await replace(says('z', 2));
        await replace(says('p', 1), says('z', 2));
        expect(await held()).toEqual(['z 2 -']);
        await replace(says('p', 1), says('q', 1), says('z', 2));
        expect(await held()).toEqual(['q 1 -', 'z 2 -']);
      });

      test('of which the disabled one is withdrawn in the same file as another comes', async () => {
        await store.lists.changeEntries('a', { entryId: 'x' }, 'disable');
        await replace(says('x', 1), says('p', 1), ends('x'), ends('y'), says('q', 1));
        expect(await held(), 'p came beside a disabled one, q in its place').toEqual(['p 1 -']);
      });

      test('stays disabled where its list gives it another id, at once or later', async () => {
        await store.lists.changeEntries('a', { entryId: 'x' }, 'disable');
        await store.lists.changeEntries('a', { entryId: 'y' }, 'disable');
        await replace(says('p', 1), says('z', 2));
        expect(await held()).toEqual(['z 2 -']);
        await replace(says('z', 2));
        await replace(says('', 1), says('z', 2));
        expect(await held()).toEqual(['z 2 -']);
      });
    });

    test('notes are kept, sealed, and go with their entry', async () => {
      await add(says('x', 1, 1, { notes: { remark: 'a remark' } }));
      const notesOf = async () => {
        const keys: number[] = [];
        for await (const batch of (await store.lists.changes(null))!.added())
          keys.push(...batch.map((row) => row.entryKey));
        return [...(await store.lists.entriesByKeys(keys)).values()].map(({ notes }) => notes);
      };
      expect(await notesOf()).toEqual([{ remark: 'a remark' }]);
      expect(await add(says('x', 1, 2, { notes: { remark: 'another' } }))).toMatchObject({ updated: 1 });
      await store.rotateKeys(null);
      expect(await notesOf()).toEqual([{ remark: 'another' }]);
      const past: unknown[] = [];
      for await (const row of await store.lists.versionRows('a', 1)) if (row.ok) past.push(row.entry.notes);
      expect(past).toEqual([{ remark: 'a remark' }]);
    });

    describe(`${many} rows take seconds, not hours,`, () => {
      const MANY = Array.from({ length: many }, (_, at) => at);

      test('of one id, alone and between others', async () => {
        const rows = MANY.flatMap((at) => [says('one', at), ...(at % 20 === 0 ? [says(`other ${at}`, at)] : [])]);
        expect(await replace(...rows)).toMatchObject({ accepted: rows.length, added: rows.length });
        expect(await replace(...rows)).toMatchObject({ accepted: rows.length, updated: 0, removed: 0 });
        expect(await add(...rows)).toMatchObject({ duplicates: rows.length });
      }, 60_000);

      test('of one id, each newer than the last', async () => {
        await replace(says('one', 1, 0));
        await add(...MANY.map((at) => says('one', at, at)));
        expect(await held()).toEqual([`one ${many - 1} -`]);
      }, 60_000);

      test('of one value that was disabled, under other ids each time', async () => {
        const rows = (name: string) => MANY.map((at) => says(`${name} ${at}`, 7, null, { source: 's' }));
        await replace(...rows('a'));
        expect(await store.lists.changeEntries('a', { source: 's' }, 'disable')).toBe(many);
        await replace(...rows('b'));
        expect(await held()).toEqual([]);
        await replace(...rows('b'), says('other', 8));
        expect(await held()).toEqual(['other 8 -']);
      }, 60_000);

      test('of one value, under other ids each time', async () => {
        await replace(...MANY.map((at) => says(`a ${at}`, 7)));
        const { position } = (await store.lists.changes(null))!;
        expect(await replace(...MANY.map((at) => says(`b ${at}`, 7)))).toMatchObject({ updated: many, removed: 0 });
        expect((await store.lists.changes(position))!.removed).toEqual([]);
        expect(await replace(says('b 3', 7))).toMatchObject({ accepted: 1, removed: many - 1 });
      }, 60_000);
    });

    test('a file of withdrawals alone changes the list', async () => {
      await add(says('x', 1, 1));
      expect(await add(ends('x', 2))).toMatchObject({ deleted: 1, removed: 1, rejected: 1 });
      expect(await held()).toEqual([]);
    });
  });
}
