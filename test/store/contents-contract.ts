/** What every store of lists keeps for lists that are a tenant's own, and for entries that are changed one by one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addContent, changeContent, contentById, contentOf, inactiveOf, keptWith } from '../../src/cases/contents.js';
import type { AppError } from '../../src/core/errors.js';
import { makeBank, TENANT_BANKS_MAX } from '../../src/lists/banks.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';
import { entryRow, stream } from './lists-contract.js';

/** Room of a tenant's lists, where it is not what is tested. */
const ROOM = { tenantEntriesMax: 1_000 };
const md5 = (n: number) => (n + 4096).toString(16).padStart(32, '0');
const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: AppError) => error.code,
  );

export function contentsContract(name: string, place: Place<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());
    const make = (list: string, more: object = {}) =>
      store.lists.createList({ list, kind: 'match', radiusBits: 31, ...more });

    test('a list has its tenant, bank and sample, by default none, none and all; each changes alone', async () => {
      expect(await make('a')).toMatchObject({ tenant: null, bank: null, sampleRatio: 1 });
      expect(await make('b', { tenant: 't', bank: 'B', sampleRatio: 0.25 })).toMatchObject({
        tenant: 't',
        bank: 'B',
        sampleRatio: 0.25,
      });
      await store.lists.replaceEntries('b', stream([entryRow(1, 'md5', md5(1))]));
      expect(await store.lists.updateList('b', { sampleRatio: 0 })).toMatchObject({
        tenant: 't',
        bank: 'B',
        sampleRatio: 0,
      });
      await store.close();
      store = await place.open();
      expect(await store.lists.list('b')).toMatchObject({ tenant: 't', bank: 'B', sampleRatio: 0 });
    });

    test.each([
      ['two tenants may have a bank of the same name', 't', 'u', null],
      ['one may not have two', 't', 't', 'BANK_EXISTS'],
      ['nor one of the name of everyone’s', null, 't', 'BANK_EXISTS'],
      ['nor the other way round', 't', null, 'BANK_EXISTS'],
      ['nor are there two of everyone', null, null, 'BANK_EXISTS'],
    ])('%s', async (_, first, second, code) => {
      await make('a', { tenant: first, bank: 'BANK' });
      expect(await codeOf(make('b', { tenant: second, bank: 'BANK' }))).toBe(code);
      // Nothing of a refused one is left.
      expect((await store.lists.lists()).map(({ list }) => list)).toEqual(code === null ? ['a', 'b'] : ['a']);
      await make('c', { tenant: second });
      expect(await codeOf(store.lists.updateList('c', { bank: 'BANK' }))).toBe(code ?? 'BANK_EXISTS');
      expect(await codeOf(store.lists.updateList('a', { bank: 'BANK', enabled: true }))).toBe(null);
    });

    test('a name that a bank gave up is free', async () => {
      await make('a', { bank: 'BANK' });
      await store.lists.updateList('a', { bank: 'OTHER' });
      await make('b', { bank: 'BANK' });
      await store.lists.removeList('b');
      expect(await codeOf(make('c', { bank: 'BANK' }))).toBe(null);
    });

    test('the number of an entry is the lowest key of its values, and no other entry has it', async () => {
      await make('a');
      const rows = [
        entryRow(1, 'md5', md5(1), { entryId: 'x' }),
        entryRow(2, 'md5', md5(2), { entryId: 'y' }),
        entryRow(3, 'sha1', `${md5(3)}01234567`, { entryId: 'x' }),
      ];
      await store.lists.replaceEntries('a', stream(rows));
      const keys = await store.lists.entryKeys('a', ['x', 'y', 'z']);
      expect([...keys.keys()].sort()).toEqual(['x', 'y']);
      const [x, y] = [keys.get('x')!, keys.get('y')!];
      expect(y).toBe(x + 1);
      for (const [key, id] of [
        [x, 'x'],
        [x + 2, 'x'],
        [y, 'y'],
      ] as const)
        expect(await contentById(store.lists, key)).toMatchObject({ entryId: id, contentId: keys.get(id) });
      expect(await contentById(store.lists, x + 3)).toBe(null);
      expect(await codeOf(store.lists.entryKeys('nowhere', ['x']))).toBe('LIST_NOT_FOUND');
      // A later statement of the same rows keeps it; a removal frees it for nothing.
      await store.lists.replaceEntries('a', stream(rows));
      expect(await store.lists.entryKeys('a', ['x'])).toEqual(new Map([['x', x]]));
      await store.lists.changeEntries('a', { entryId: 'x' }, 'remove');
      expect([await contentById(store.lists, x), (await store.lists.entryKeys('a', ['x'])).size]).toEqual([null, 0]);
      const again = await addContent(store.lists, {
        ...ROOM,
        list: 'a',
        values: [{ algorithm: 'md5', value: md5(1) }],
        mediaType: null,
      });
      expect(again.contentId).toBeGreaterThan(x + 2);
    });

    test('a time that a person set stays through imports, restatements and versions, until a person changes it', async () => {
      await make('a');
      const said = (category: string) => stream([entryRow(1, 'md5', md5(1), { category }), entryRow(2, 'md5', md5(2))]);
      await store.lists.replaceEntries('a', said('A'));
      const contentId = (await store.lists.entryKeys('a', ['e1'])).get('e1')!;
      const now = async () => (await contentById(store.lists, contentId))!;
      const until = '2031-01-01T00:00:00.000Z';
      await changeContent(store.lists, await now(), { inactive: { until }, note: 'why' });
      const held = async () => {
        const { held } = await now();
        return [inactiveOf(held), held[0]!.category];
      };
      expect(await held()).toEqual([{ until }, 'A']);
      await store.lists.replaceEntries('a', said('A'));
      expect(await held()).toEqual([{ until }, 'A']);
      await store.lists.replaceEntries('a', said('B'));
      expect(await held()).toEqual([{ until }, 'B']);
      await store.lists.addEntries('a', stream([entryRow(1, 'md5', md5(1), { category: 'C' })]));
      expect(await held()).toEqual([{ until }, 'C']);
      expect(await store.lists.verify('a')).toMatchObject({ ok: true });
      await changeContent(store.lists, await now(), { inactive: null });
      expect(await held()).toEqual([null, 'C']);
      await store.lists.replaceEntries('a', said('D'));
      expect(await held()).toEqual([null, 'D']);
      await changeContent(store.lists, await now(), { inactive: 'forever' });
      await store.lists.replaceEntries('a', said('E'));
      expect(await held()).toEqual(['forever', 'E']);
      // Its number stayed through all of it.
      expect(await store.lists.entryKeys('a', ['e1'])).toEqual(new Map([['e1', contentId]]));
    });

    test('what is not changed stays: notes of the list, a note, metadata, other entries', async () => {
      await make('a');
      await store.lists.replaceEntries(
        'a',
        stream([entryRow(1, 'md5', md5(1), { notes: { series: 'S' }, tags: ['t'] })]),
      );
      const contentId = (await store.lists.entryKeys('a', ['e1'])).get('e1')!;
      const now = async () => (await contentById(store.lists, contentId))!;
      await changeContent(store.lists, await now(), { note: 'n', metadata: '{"a":1}' });
      await changeContent(store.lists, await now(), { metadata: null });
      expect((await now()).held[0]).toMatchObject({ notes: { series: 'S', note: 'n' }, tags: ['t'] });
      await changeContent(store.lists, await now(), { note: null });
      expect((await now()).held[0]!.notes).toEqual({ series: 'S' });
    });

    test('columns of an import may be called note and metadata, and hold any text', async () => {
      await make('a');
      for (const metadata of ['no JSON', '5', '[]', 'null', '"x"']) {
        await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1), { notes: { note: 'n', metadata } })]));
        const { held } = await contentOf(store.lists, 'a', 'e1');
        expect(keptWith(held)).toEqual({ note: 'n', metadata: null });
      }
    });

    test('an entry is enabled and annotated again, whatever is near it by then', async () => {
      await make('a');
      const value = 'c3'.repeat(32);
      const { contentId } = await addContent(store.lists, {
        ...ROOM,
        list: 'a',
        values: [{ algorithm: 'pdq', value }],
        mediaType: null,
      });
      const now = async () => (await contentById(store.lists, contentId))!;
      await changeContent(store.lists, await now(), { inactive: { until: '2031-01-01T00:00:00.000Z' } });
      await store.lists.createList({ list: 'good', kind: 'suppression', radiusBits: 31 });
      await store.lists.replaceEntries('good', stream([entryRow(1, 'pdq', value)]));
      const changed = await changeContent(store.lists, await now(), { inactive: null, note: 'again' });
      expect([inactiveOf(changed.held), keptWith(changed.held).note]).toEqual([null, 'again']);
    });

    test('the lists of a tenant have room for so many entries, and it has so many lists', async () => {
      for (const [list, tenant] of [
        ['of-a', 'a'],
        ['also-of-a', 'a'],
        ['of-b', 'b'],
        ['shared', null],
      ] as const)
        await store.lists.createList({ list, kind: 'match', radiusBits: 31, tenant });
      await store.lists.replaceEntries('also-of-a', stream([entryRow(1, 'md5', md5(1))]));
      await store.lists.replaceEntries('of-b', stream([1, 2, 3].map((n) => entryRow(n, 'md5', md5(n)))));
      const add = (list: string, n: number) => {
        const values = [{ algorithm: 'md5', value: md5(n) }] as const;
        return addContent(store.lists, { list, values, mediaType: null, tenantEntriesMax: 2 });
      };
      await add('of-a', 10);
      const full = { code: 'TENANT_FULL', details: { entries: 2, most: 2 } };
      await expect(add('of-a', 11)).rejects.toMatchObject(full);
      await expect(add('also-of-a', 11)).rejects.toMatchObject(full);
      // What is everyone's has no such limit.
      for (const n of [20, 21, 22]) await add('shared', n);
      await store.lists.changeEntries('also-of-a', { entryId: 'e1' }, 'remove');
      await add('of-a', 11);

      const one = await make('of-c', { tenant: 'c' });
      const withLists = (count: number) => ({
        lists: async () => Array.from({ length: count }, () => one),
        createList: store.lists.createList.bind(store.lists),
      });
      const settings = { radiusBits: 31, tenant: 'c' };
      expect(await codeOf(makeBank(withLists(TENANT_BANKS_MAX), 'MORE', settings))).toBe('TENANT_FULL');
      expect(await makeBank(withLists(TENANT_BANKS_MAX - 1), 'MORE', settings)).toMatchObject({ name: 'MORE' });
      expect(await makeBank(withLists(TENANT_BANKS_MAX), 'SHARED', { radiusBits: 31 })).toMatchObject({
        name: 'SHARED',
      });
    });

    test('an entry that a review would hold is refused, and a version that waits stays', async () => {
      await make('good');
      await store.lists.removeList('good');
      await store.lists.createList({ list: 'good', kind: 'suppression', radiusBits: 31 });
      const near = `${'f'.repeat(32)}${'0'.repeat(32)}`;
      await store.lists.replaceEntries('good', stream([entryRow(1, 'pdq', near)]));
      await make('a');
      await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', md5(1))]));
      const hold = { review: () => [{ rule: 'change' as const, count: 9, limit: 1 }] };
      await store.lists.addEntries('a', stream([entryRow(5, 'md5', md5(5))]), hold);
      const add = (value: string, algorithm: 'pdq' | 'md5') =>
        addContent(store.lists, { ...ROOM, list: 'a', values: [{ algorithm, value }], mediaType: null });
      expect(await codeOf(add(near, 'pdq'))).toBe('ENTRY_REFUSED');
      expect((await store.lists.versions('a'))[0]).toMatchObject({ state: 'held', accepted: 1 });
      expect((await store.lists.list('a'))!.entryCount).toBe(1);
      expect(await codeOf(add('0'.repeat(64), 'pdq'))).toBe('VALUE_INVALID');
      expect(await codeOf(addContent(store.lists, { ...ROOM, list: 'good', values: [], mediaType: null }))).toBe(
        'REQUEST_INVALID',
      );
      expect(await codeOf(addContent(store.lists, { ...ROOM, list: 'x', values: [], mediaType: null }))).toBe(
        'LIST_NOT_FOUND',
      );
    });

    test('a tenant has credentials by the kind of source, of which one is removed alone', async () => {
      const { tenants } = store;
      await tenants.setTenant('t', {
        credentials: { ncmec: 'sealed-1', stopncii: 'sealed-2' },
        limits: { checksPerDay: 7 },
      });
      await tenants.setTenant('t', { credentials: { ncmec: null } });
      expect(await tenants.tenant('t')).toMatchObject({
        credentials: { stopncii: 'sealed-2' },
        limits: { checksPerDay: 7 },
      });
      expect((await tenants.setTenant('u', {})).credentials).toEqual({});
    });
  });
}
