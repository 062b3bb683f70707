/** A process that dies at any statement of an import, one after the other: its list is as before, or as after, for all others. */
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import type { Store } from '../../src/store/store.js';
import { openPostgres } from '../store/backends.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';

/** Its connections are known by it. */
const MORTAL = '-c zeef.mortal=yes';
/** No error of a lost connection: a process that is dead does not try again. */
const DEATH = Object.assign(new Error('the process is dead'), { severity: 'ERROR', code: 'XX000' });

const md5 = (n: number) => n.toString(16).padStart(32, '0');
const rowOf = (line: number, n: number, id = n): ParsedRow => entryRow(line, 'md5', md5(n), { entryId: `e${id}` });

/** The process dies once the reply to a statement of it has arrived. */
class Mortal {
  /** Statements until then. */
  left = Infinity;
  texts: string[] = [];
  isDead = false;

  constructor() {
    const query = Client.prototype.query as (...args: unknown[]) => Promise<unknown>;
    const mortal = this;
    vi.spyOn(Client.prototype, 'query').mockImplementation(async function (this: Client, ...args: unknown[]) {
      const { connectionParameters, connection } = this as unknown as {
        readonly connectionParameters: { readonly options?: string };
        readonly connection: { readonly stream: { destroy(): void } };
      };
      if (!connectionParameters.options?.includes(MORTAL)) return query.apply(this, args);
      if (mortal.isDead) throw DEATH;
      const [asked] = args as [string | { readonly text: string }];
      mortal.texts.push(typeof asked === 'string' ? asked : asked.text);
      const result = await query.apply(this, args);
      if (--mortal.left >= 0) return result;
      mortal.isDead = true;
      connection.stream.destroy();
      throw DEATH;
    } as never);
  }
}

describe.runIf(hasPostgres)('a process that dies', () => {
  let url = '';
  let store: Store;
  beforeEach(async () => {
    const server = await sharedServer();
    url = await server.createSchema(await server.createDatabase());
    store = await openPostgres(url);
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.close();
  });

  async function valuesOf(place: Store): Promise<readonly number[]> {
    const values: number[] = [];
    for await (const batch of (await place.lists.changes(null))!.added())
      values.push(...batch.map(({ value }) => Number.parseInt(Buffer.from(value).toString('hex'), 16)));
    return values.sort((a, b) => a - b);
  }

  /** Version `n` of the list: of the one before, a row is gone, one has another value, one is new. */
  const versionOf = (n: number, count: number): ParsedRow[] => [
    rowOf(1, 1_000_000 + n, 0),
    ...Array.from({ length: count }, (_, at) => rowOf(at + 2, n + at + 1)),
  ];
  const valuesIn = (n: number, count: number) => [
    ...Array.from({ length: count }, (_, at) => n + at + 1),
    1_000_000 + n,
  ];

  test.each([
    ['short', 4],
    ['long', 1_100],
  ])('at any statement of the import of a %s list leaves it as before, or as after', async (_name, count) => {
    const mortal = new Mortal();
    let held = 1;
    await store.lists.replaceEntries('a', stream(versionOf(held, count)));
    const outcomes: string[] = [];
    const texts = new Set<string>();
    for (let statements = 0; ; statements++) {
      Object.assign(mortal, { left: Infinity, texts: [], isDead: false });
      const place = new URL(url);
      place.searchParams.set('options', `${place.searchParams.get('options')} ${MORTAL}`);
      const process = await openPostgres(place.href);
      Object.assign(mortal, { left: statements, texts: [] });
      const made = await process.lists.replaceEntries('a', stream(versionOf(held + 1, count))).then(
        () => true,
        () => false,
      );
      const { isDead } = mortal;
      // After the commit it sweeps up, and what fails of that fails no import.
      expect(made || isDead).toBe(true);
      const at = mortal.texts.at(-1)!;
      mortal.isDead = true;
      await process.close();

      const { version } = (await store.lists.list('a'))!;
      expect([version - held, at]).toEqual([expect.toSatisfy((by: number) => by === 0 || by === 1), at]);
      // Only a commit changes anything, and all of it.
      if (version > held)
        expect(made || at === 'COMMIT' || at.startsWith('DELETE FROM') || at.startsWith('ANALYZE'), at).toBe(true);
      held = version;
      expect([at, await valuesOf(store)]).toEqual([at, valuesIn(held, count)]);
      expect([at, await store.lists.verify('a')]).toEqual([
        at,
        expect.objectContaining({ ok: true, entryCount: count + 1 }),
      ]);
      outcomes.push(isDead ? 'died' : 'made');
      texts.add(at.split(' ').slice(0, 3).join(' '));
      if (!isDead) break;
    }
    // It has died after each statement that an import has, those of its activation among them.
    expect(outcomes.length).toBeGreaterThan(20);
    for (const text of [
      'UPDATE list SET',
      'INSERT INTO entry',
      'INSERT INTO past_entry',
      'INSERT INTO removal',
      'DELETE FROM entry',
      'INSERT INTO list_version',
      'COMMIT',
    ])
      expect(
        [...texts].some((one) => one.startsWith(text)),
        text,
      ).toBe(true);
    // What the dead ones left goes with a later import, once their runs are over.
    const own = await store.lists.versions('a');
    expect(own.map(({ version }) => version)).toEqual([...own.keys()].map((at) => held - at));
  });
});
