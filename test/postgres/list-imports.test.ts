/** Imports into PostgreSQL that are cut, meet each other, or lose what they staged: the list is as before, or as after. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { openPostgresStore } from '../../src/postgres/open.js';
import type { Store } from '../../src/store/store.js';
import { keyFromText } from '../../src/vault/master-key.js';
import { openPostgres } from '../store/backends.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const md5 = (n: number) => n.toString(16).padStart(32, '0');
const rowsOf = (from: number, count: number): ParsedRow[] =>
  Array.from({ length: count }, (_, at) => entryRow(at + 1, 'md5', md5(from + at), { entryId: `e${from + at}` }));

/** More than are written under the lock of their list: two batches. */
const LONG = 1_500;

const STAGED = 15_000;

/** Statements of an import, in their order: they are cut before they arrive, or their reply is lost. */
const STATEMENTS = [
  'INSERT INTO import_run',
  'INSERT INTO staged_entry',
  'SELECT * FROM store FOR UPDATE',
  'INSERT INTO past_entry',
  'INSERT INTO removal',
  'DELETE FROM entry USING',
  'INSERT INTO entry',
  'UPDATE list SET version',
  'INSERT INTO list_version',
  'WITH raised AS',
  'COMMIT\0',
];

describe.runIf(hasPostgres)('an import', () => {
  let url: string;
  let store: Store;
  let proxy: PostgresProxy;
  const run = async (sql: string) => (await sharedServer()).run(sql, url);

  beforeEach(async () => {
    const server = await sharedServer();
    proxy = await PostgresProxy.to(server);
    url = await server.createSchema(await server.createDatabase());
    store = await openPostgres(url);
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  });
  afterEach(async () => {
    await store.close();
    proxy.close();
  });

  async function valuesIn(place: Store): Promise<number[]> {
    const values: number[] = [];
    for await (const batch of (await place.lists.changes(null))!.added())
      values.push(...batch.map(({ value }) => Number.parseInt(Buffer.from(value).toString('hex'), 16)));
    return values.sort((a, b) => a - b);
  }
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at);

  describe.each([
    ['short', 5],
    ['long', LONG],
  ])('of a %s list', (_, count) => {
    test('whose connection is cut at any statement is applied once', async () => {
      const far = await openPostgres(proxy.url(url));
      let first = 1;
      for (const text of STATEMENTS)
        for (const fault of ['cutAt', 'loseReply'] as const) {
          let hits = 0;
          proxy[fault](text, () => hits++);
          const before = (await store.lists.list('a'))!.version;
          const report = await far.lists.replaceEntries('a', stream(rowsOf(first, count)));
          // All but one are the same as before.
          const changed = before === 0 ? count : 1;
          expect([text, fault, report.version, report.added]).toEqual([text, fault, before + 1, changed]);
          if (before > 0) expect([text, fault, hits]).toEqual([text, fault, 1]);
          expect(await valuesIn(store)).toEqual(numbers(first, count));
          first++;
        }
      expect((await store.lists.versions('a')).map(({ version }) => version)).toHaveLength(first - 1);
      expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: count });
      await far.close();
    }, 120_000);

    test('beside another one ends as if they came one after the other', async () => {
      const other = await openPostgres(url);
      await Promise.all([
        store.lists.addEntries('a', stream(rowsOf(1, count))),
        other.lists.addEntries('a', stream(rowsOf(3, count))),
      ]);
      expect(await valuesIn(other)).toEqual(numbers(1, count + 2));
      expect((await store.lists.versions('a')).map(({ version }) => version)).toEqual([2, 1]);
      expect(await other.lists.verify('a')).toMatchObject({ ok: true, entryCount: count + 2 });
      await other.close();
    }, 60_000);
  });

  test('whose staged rows the server loses changes nothing', async () => {
    await store.lists.replaceEntries('a', stream(rowsOf(1, 3)));
    async function* losing(): AsyncGenerator<ParsedRow> {
      // Some batches are sealed ahead of the one that is staged.
      yield* rowsOf(10, STAGED);
      await run('TRUNCATE staged_entry');
      yield* rowsOf(10 + STAGED, 10);
    }
    await expect(store.lists.replaceEntries('a', losing())).rejects.toMatchObject({
      code: 'STORE_FAILED',
      details: { why: 'the server lost the staged rows' },
    });
    expect(await valuesIn(store)).toEqual([1, 2, 3]);
  });

  test('that is held waits with its rows, through cuts and a rotation of the keys, and leaves none when it is dropped', async () => {
    const far = await openPostgres(proxy.url(url));
    const review = () => [{ rule: 'change' as const, count: 1, limit: 0 }];
    for (const [count, lost] of [
      [3, 'INSERT INTO list_version'],
      [4, 'COMMIT\0'],
      [LONG, 'INSERT INTO list_version'],
      [LONG + 1, 'COMMIT\0'],
    ] as const) {
      proxy.loseReply(lost);
      const report = await far.lists.replaceEntries('a', stream(rowsOf(1, count)), { review });
      expect(report).toMatchObject({ version: 1, added: count, held: [{ rule: 'change' }] });
      await far.rotateKeys(null);
      let rows = 0;
      for await (const row of await store.lists.versionRows('a', 1)) if (row.ok) rows++;
      expect(rows).toBe(count);
    }
    expect(await run('SELECT DISTINCT import FROM held_part')).toHaveLength(1);
    await store.lists.dropHeld('a');
    expect(await run('SELECT import FROM held_part UNION SELECT import FROM import_run')).toEqual([]);
    expect(await valuesIn(store)).toEqual([]);
    await far.close();
  });

  test('of an origin that another process has imported meanwhile is not applied again', async () => {
    const other = await openPostgres(url);
    const options = { origin: 'a job', once: true };
    async function* late(): AsyncGenerator<ParsedRow> {
      yield* rowsOf(1, 2);
      await other.lists.addEntries('a', stream(rowsOf(7, 1)), options);
    }
    expect(await store.lists.addEntries('a', late(), options)).toMatchObject({ version: 1, added: 1 });
    expect(await valuesIn(store)).toEqual([7]);
    await other.close();
  });

  test('of a list that is removed meanwhile, or made again, finds none, and changes neither', async () => {
    async function* late(): AsyncGenerator<ParsedRow> {
      yield* rowsOf(1, LONG);
      await store.lists.removeList('a');
    }
    await expect(store.lists.addEntries('a', late())).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    async function* again(): AsyncGenerator<ParsedRow> {
      yield* rowsOf(1, LONG);
      await store.lists.removeList('a');
      await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    }
    // Its rows come once: they cannot be read again for the list of now.
    await expect(store.lists.addEntries('a', again())).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await valuesIn(store)).toEqual([]);
  });

  test('that was taken for a killed one, and swept, changes nothing', async () => {
    async function* swept(): AsyncGenerator<ParsedRow> {
      yield* rowsOf(10, STAGED);
      await run('DELETE FROM import_run');
    }
    await expect(store.lists.replaceEntries('a', swept())).rejects.toMatchObject({
      details: { why: 'the import made no progress for an hour' },
    });
    expect(await valuesIn(store)).toEqual([]);
  });

  test('that was killed leaves rows which the next one removes, once its time is over', async () => {
    await run(
      `INSERT INTO import_run VALUES ('dead', now() - interval '1 minute'), ('alive', now() + interval '1 minute')`,
    );
    await run(`INSERT INTO staged_withdrawal VALUES ('dead', 'e1', 1), ('alive', 'e1', 1)`);
    await store.lists.replaceEntries('a', stream(rowsOf(1, LONG)));
    expect(await run('SELECT import FROM staged_withdrawal')).toMatchObject([{ import: 'alive' }]);
    expect(await run('SELECT 1 FROM staged_entry')).toEqual([]);
  });

  test('after another process rotated the keys seals by the new one, and both read all', async () => {
    const other = await openPostgres(url);
    await store.lists.replaceEntries('a', stream(rowsOf(1, 3)));
    expect(await other.rotateKeys(null)).toEqual({ keyId: 2 });
    expect(await valuesIn(store)).toEqual([1, 2, 3]);
    expect(await store.lists.addEntries('a', stream(rowsOf(3, 2)))).toMatchObject({ added: 1, duplicates: 1 });
    expect(await valuesIn(other)).toEqual([1, 2, 3, 4]);
    const rows = await run('SELECT DISTINCT get_byte(value, 1) AS key FROM entry');
    expect(rows).toEqual([{ key: 2 }]);
    await other.close();
  });

  test('by a process with another master key is refused when it opens the store', async () => {
    const options = { master: keyFromText('2'.repeat(64)), stagingFolder: tempFolder('staged') };
    await expect(openPostgresStore(url, options)).rejects.toMatchObject({ code: 'LIST_KEY_WRONG' });
  });
});
