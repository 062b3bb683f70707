/** Renames of lists, in every store of lists: what a list is and has follows it, and its former name is free. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import type { ListInfo } from '../../src/core/vocabulary.js';
import { namesNow } from '../../src/lists/list-names.js';
import { approveHeld, rollBack } from '../../src/lists/list-versions.js';
import type { ListStore } from '../../src/store/lists-contract.js';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';
import { entryRow, stream } from './lists-contract.js';

const md5 = (n: number) => n.toString(16).padStart(32, '0');
const rowsOf = (...numbers: number[]) => stream(numbers.map((n) => entryRow(n, 'md5', md5(n))));
const SOURCE = {
  ...NEW_SOURCE,
  type: 'ncmec' as const,
  url: 'https://example.org/v2',
  secrets: { password: { env: 'SECRET' } },
  checkpoint: '7',
};
const HOLD = { review: () => [{ rule: 'change' as const, count: 2, limit: 1 }] };

/** What a list may be or have when it is renamed. */
const STATES: Readonly<Record<string, (lists: ListStore, store: Store) => Promise<unknown>>> = {
  'it is empty': async () => {},
  'it has entries': (lists) => lists.replaceEntries('a', rowsOf(1, 2)),
  'it is disabled, with settings': async (lists) => {
    await lists.replaceEntries('a', rowsOf(1, 2));
    const terms = { categoryMap: { A1: 'x' }, severityMap: {}, expiresAt: '2099-01-01T00:00:00Z', entryDaysMax: 9 };
    await lists.updateList('a', { enabled: false, radiusBits: 3, matchLowQuality: true, detail: 'deep', ...terms });
  },
  'an entry is suppressed, another disabled, another removed': async (lists) => {
    await lists.replaceEntries('a', rowsOf(1, 2, 3, 4, 5));
    await lists.changeEntries('a', { entryId: 'e1' }, 'quarantine');
    await lists.changeEntries('a', { entryId: 'e2' }, 'flood');
    await lists.changeEntries('a', { entryId: 'e3' }, 'disable');
    await lists.changeEntries('a', { entryId: 'e4' }, 'remove');
  },
  'it has past versions': async (lists) => {
    await lists.replaceEntries('a', rowsOf(1, 2), { origin: 'one' });
    await lists.replaceEntries('a', rowsOf(2, 3), { origin: 'two' });
    await lists.addEntries('a', rowsOf(4), { origin: 'three' });
  },
  'a version is held': async (lists) => {
    await lists.replaceEntries('a', rowsOf(1, 2));
    await lists.replaceEntries('a', rowsOf(8, 9), HOLD);
  },
  'it has a source': (lists) => lists.setSource('a', SOURCE),
  'feedback on it was sent': async (lists, { feedback }) => {
    await lists.replaceEntries('a', rowsOf(1));
    const sent = {
      entryId: 'e1',
      algorithm: 'md5',
      verdict: 'confirmed',
      sent: 'x',
      state: 'begun',
      status: null,
    } as const;
    await feedback.note('a', 'service', { ...sent, at: '2026-01-01T00:00:00Z' });
  },
};

export function renamesContract(name: string, place: Place<Store>): void {
  describe(`${name}: a list is renamed`, () => {
    let store: Store;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());
    const make = (list: string) => store.lists.createList({ list, kind: 'match', radiusBits: 31 });

    /** All that a store says of a list, without the name. */
    async function facts(list: string): Promise<unknown> {
      const { lists, feedback } = store;
      const { formerNames: _, ...info } = (await lists.list(list))!;
      const versions = await lists.versions(list);
      const rows: unknown[] = [];
      for (const { version } of versions)
        for await (const row of await lists.versionRows(list, version)) rows.push(row);
      const changes = (await lists.changes(null))!;
      const { listKey } = changes.lists.find((stored) => stored.info.list === list)!;
      const values: unknown[] = [];
      for await (const batch of changes.added()) values.push(...batch.filter((value) => value.listKey === listKey));
      const entries = await lists.entriesByKeys((values as { entryKey: number }[]).map(({ entryKey }) => entryKey));
      const held = [];
      for (const id of ['e1', 'e2', 'e3', 'e4', 'e5']) held.push(...(await lists.entry(list, id)));
      const all = {
        info,
        versions,
        rows,
        listKey,
        values,
        entries: [...entries],
        held,
        quarantined: (await lists.quarantined()).filter((one) => one.list === list),
        verified: await lists.verify(list),
        source: await lists.source(list),
        sent: await feedback.sent(list, 'service'),
      };
      return JSON.parse(JSON.stringify(all).replaceAll(`"list":"${list}"`, '"list":"*"'));
    }

    test.each(Object.entries(STATES))('where %s: all of it follows, for every process', async (_, act) => {
      await make('a');
      await act(store.lists, store);
      const before = await facts('a');
      const generation = await store.lists.generation();
      const renamed = await store.lists.renameList('a', 'b');
      expect(renamed).toMatchObject({ list: 'b', formerNames: [{ name: 'a', until: generation + 1 }] });
      expect(await store.lists.generation()).toBe(generation + 1);
      expect(await facts('b')).toEqual(before);
      expect(await store.lists.list('a')).toBeNull();
      await store.close();
      store = await place.open();
      expect(await facts('b')).toEqual(before);
      // Another list with the former name has nothing of it.
      await make('a');
      expect(await store.lists.versions('a')).toEqual([]);
      expect(await store.lists.source('a')).toBeNull();
      expect(await store.lists.entry('a', 'e1')).toEqual([]);
      expect(await store.feedback.sent('a', 'service')).toEqual([]);
      expect((await store.lists.quarantined()).filter(({ list }) => list === 'a')).toEqual([]);
      expect(await facts('b')).toEqual(before);
    });

    test('its held version is approved, its past one restored, its suppression lifted by the new name', async () => {
      await make('a');
      await store.lists.replaceEntries('a', rowsOf(1, 2));
      await store.lists.changeEntries('a', { entryId: 'e1' }, 'quarantine');
      await store.lists.replaceEntries('a', rowsOf(1, 3), HOLD);
      await store.lists.renameList('a', 'b');
      expect(await approveHeld(store.lists, 'b')).toMatchObject({ list: 'b', version: 2, added: 1, removed: 1 });
      expect(await rollBack(store.lists, 'b', 1)).toMatchObject({ list: 'b', version: 3 });
      expect(await store.lists.quarantined()).toEqual([{ list: 'b', entryId: 'e1', flooded: false }]);
      // The suppression holds through imports, as before.
      await store.lists.replaceEntries('b', rowsOf(1, 2, 4));
      expect(await store.lists.changeEntries('b', { entryId: 'e1' }, 'release')).toBe(1);
    });

    test('a reader follows it without an entry of it anew', async () => {
      await make('a');
      await store.lists.replaceEntries('a', rowsOf(1, 2));
      const { position } = (await store.lists.changes(null))!;
      await store.lists.renameList('a', 'b');
      const changes = (await store.lists.changes(position))!;
      expect(changes.removed).toEqual([]);
      for await (const batch of changes.added()) expect(batch).toEqual([]);
      expect(changes.lists.map(({ info }) => info.list)).toEqual(['b']);
    });

    test('the source is put for the new name', async () => {
      await make('a');
      await store.lists.setSource('a', SOURCE);
      await store.lists.renameList('a', 'b', (source) => ({ ...source, user: 'of b' }));
      expect(await store.lists.source('b')).toMatchObject({ user: 'of b', checkpoint: '7' });
    });

    test.each([
      ['a missing list', 'x', 'b', 'LIST_NOT_FOUND'],
      ['a name that another list has', 'a', 'c', 'REQUEST_INVALID'],
      ['upper case', 'a', 'B', 'REQUEST_INVALID'],
      ['a path', 'a', '../b', 'REQUEST_INVALID'],
      ['nothing', 'a', '', 'REQUEST_INVALID'],
      ['65 characters', 'a', 'b'.repeat(65), 'REQUEST_INVALID'],
    ])('%s is refused, and nothing changes', async (_, list, to, code) => {
      await make('a');
      await make('c');
      const generation = await store.lists.generation();
      await expect(store.lists.renameList(list, to)).rejects.toMatchObject({ code });
      expect(await store.lists.generation()).toBe(generation);
      expect((await store.lists.lists()).map((one) => one.list)).toEqual(['a', 'c']);
    });

    test('to its own name, nothing is done', async () => {
      await make('a');
      const generation = await store.lists.generation();
      expect(await store.lists.renameList('a', 'a')).toMatchObject({ list: 'a', formerNames: [] });
      expect(await store.lists.generation()).toBe(generation);
      await expect(store.lists.renameList('x', 'x')).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
    });

    test('of two processes one gives the name, and an error of the source changes nothing', async () => {
      const other = await place.open();
      try {
        await make('a');
        await make('c');
        const ends = await Promise.allSettled([store.lists.renameList('a', 'b'), other.lists.renameList('c', 'b')]);
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        const [free] = (await store.lists.lists()).map(({ list }) => list).filter((list) => list !== 'b');
        await store.lists.setSource(free!, SOURCE);
        const failing = () => {
          throw new AppError('SEALED_DAMAGED', { list: free! });
        };
        await expect(other.lists.renameList(free!, 'd', failing)).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
        expect((await store.lists.lists()).map(({ list }) => list).sort()).toEqual(['b', free!].sort());
      } finally {
        await other.close();
      }
    });

    test('an import that began before it does not make the former name again', async () => {
      await make('a');
      await store.lists.replaceEntries('a', rowsOf(1));
      const other = await place.open();
      try {
        const slow = (async function* () {
          await other.lists.renameList('a', 'b');
          yield entryRow(2, 'md5', md5(2));
        })();
        if (name === 'SQLite') {
          // Its rows are read under the lock of the store: the rename waits for the end of the import, or gives up.
          await store.lists.renameList('a', 'b');
          await expect(store.lists.replaceEntries('a', rowsOf(2))).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
        } else await expect(store.lists.replaceEntries('a', slow)).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
        expect(await store.lists.list('a')).toBeNull();
        expect(await store.lists.list('b')).toMatchObject({ entryCount: 1, version: 1 });
      } finally {
        await other.close();
      }
    });

    test('whatever is made, renamed and removed, a name of any generation is that of its list', {
      timeout: 120_000,
    }, async () => {
      const nameOf = fc.constantFrom('a', 'b', 'c');
      const step = fc.record({ act: fc.constantFrom('make', 'rename', 'rename', 'remove'), list: nameOf, to: nameOf });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
          await store.close();
          await place.fresh();
          store = await place.open();
          /** By name: the number of the list. By generation: the names of lists by number. */
          const named = new Map<string, number>();
          const history: { readonly generation: number; readonly named: ReadonlyMap<string, number> }[] = [];
          let made = 0;
          for (const { act, list, to } of steps) {
            if (act === 'make' && !named.has(list)) named.set(list, ++made);
            else if (act === 'remove' && named.has(list)) named.delete(list);
            else if (act === 'rename' && named.has(list) && !named.has(to)) {
              named.set(to, named.get(list)!);
              named.delete(list);
            } else {
              if (act === 'make') await expect(make(list)).rejects.toThrow();
              if (act === 'remove') await expect(store.lists.removeList(list)).rejects.toThrow();
              if (act === 'rename' && list !== to) await expect(store.lists.renameList(list, to)).rejects.toThrow();
              continue;
            }
            if (act === 'make') await make(list);
            if (act === 'remove') await store.lists.removeList(list);
            if (act === 'rename') await store.lists.renameList(list, to);
            history.push({ generation: await store.lists.generation(), named: new Map(named) });
          }
          const lists: readonly ListInfo[] = await store.lists.lists();
          expect(lists.map(({ list }) => list)).toEqual([...named.keys()].sort());
          const nameNow = namesNow(lists);
          const now = new Map([...named].map(([list, number]) => [number, list]));
          for (const { generation, named: then } of history)
            for (const [list, number] of then) {
              // A removed list is known by its name alone, as ever.
              const isGone = !now.has(number);
              if (!isGone)
                expect([generation, list, nameNow(list, generation)]).toEqual([generation, list, now.get(number)]);
            }
        }),
        { numRuns: name === 'SQLite' ? 60 : 12 },
      );
    });
  });
}
