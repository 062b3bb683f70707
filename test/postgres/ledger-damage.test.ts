/** Verify finds a change of any cell, and any row removed, moved or added. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/core/period.js';
import type { Sql } from '../../src/postgres/database.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { verify } from '../../src/postgres/ledger/verify.js';
import { parsers, toParameters } from '../../src/postgres/values.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';

type Row = Record<string, unknown>;

const TABLES = [
  'ledger_writer',
  'ledger_link',
  'ledger_checkpoint',
  'ledger_head',
  'tally',
  'hit',
  'hit_event',
  'hit_news',
];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  ledger_writer: ['id'],
  ledger_link: ['writer', 'seq'],
  ledger_checkpoint: ['no'],
  ledger_head: ['id'],
  tally: ['tenant', 'level', 'start'],
  hit: ['id'],
  hit_event: ['hit', 'version'],
  hit_news: ['hit', 'version'],
};

/** Return values that differ in one place, or in their length. */
function damaged(value: unknown): unknown[] {
  if (value === null) return ['7', 'x'];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1, value - 1];
  const bytes = Buffer.from(value as string | Buffer);
  const changed = [0, 1, 2, 3, 4].map((part) => {
    const copy = Buffer.from(bytes);
    const at = Math.floor(((bytes.length - 1) * part) / 4);
    copy[at] = copy[at]! ^ 1;
    return typeof value === 'string' ? copy.toString('latin1') : copy;
  });
  return [...changed, typeof value === 'string' ? `${value} ` : Buffer.concat([bytes, Buffer.of(0)])];
}

describe.runIf(hasPostgres)('the ledger in PostgreSQL', () => {
  let client: Client;
  let stores: LedgerStore[] = [];
  const sql: Sql = async (text, values = []) => (await client.query(text, toParameters(values))).rows as never[];

  /** Every kind of row: kept checkpoints, open links of two writers, erased and open events, hits in all states, news. */
  beforeAll(async () => {
    const server = await sharedServer();
    const url = await server.createSchema(server.url());
    let nowMs = HOUR;
    stores = [0, 1].map(() => openPostgresLedger(url, { nowMs: () => nowMs }));
    const fill = (n: number, atMs: number) =>
      stores[n % 2]!.append({
        atMs,
        entries: [
          entry({
            tallies: [tally('a', atMs, n + 1, [['["list","x","A1"]', [n, 1, 0]]])],
            sightings: [sighting(n, n % 5, { atMs, quarantined: n === 2 })],
          }),
          entry({ tenant: 'b', tallies: [tally('b', atMs, 2)] }),
        ],
      });
    for (let n = 0; n < 7; n++) {
      await fill(n, HOUR + n * HOUR_MS);
      nowMs += (n % 2) * HOUR_MS;
      await stores[0]!.newsMark();
    }
    const change = { atMs: HOUR, note: 'n', by: 'k', startedMs: HOUR };
    await stores[1]!.changeHit(null, 'H000000', 'open', { ...change, status: 'removed', stoppedMs: HOUR + 1 });
    await stores[0]!.changeHit(null, 'H000003', 'open', { ...change, status: 'false_positive', stoppedMs: HOUR + 1 });
    await stores[0]!.changeHit(null, 'H000004', 'open', { ...change, status: 'notified', stoppedMs: null });
    expect(
      await stores[0]!.retain({ hitsStoppedBeforeMs: HOUR + 2, hoursBeforeMs: HOUR + DAY_MS, atMs: HOUR + DAY_MS }),
    ).toEqual({ hits: 2, hours: 2 });
    client = new Client({ connectionString: url, types: parsers });
    await client.connect();
    await client.query(`SET zeef.tenant = '*'; BEGIN`);
    // No fold while it is held.
    await client.query('SELECT * FROM ledger_head FOR UPDATE');
    for (let n = 20; n < 24; n++) await fill(n, HOUR + n * HOUR_MS);
  });
  afterAll(async () => {
    await client.end();
    await Promise.all(stores.map((store) => store.close()));
  });

  /** Run a change, verify, and roll it back. A change that the schema refuses counts as found. */
  async function problemsAfter(change: () => Promise<unknown>): Promise<readonly string[]> {
    await client.query('SAVEPOINT before');
    try {
      await change();
      return (await verify(sql)).problems;
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      // Class 22: the type cannot hold the value; 23: a constraint.
      expect(code, message).toMatch(/^2[23]/);
      return [message];
    } finally {
      await client.query('ROLLBACK TO before');
    }
  }

  test('undamaged verifies, and has every kind of row', async () => {
    const { problems, heads, totals } = await verify(sql);
    expect(problems).toEqual([]);
    expect(Object.keys(heads)).toHaveLength(3);
    expect(totals.checked).toBe(28 + 21 + 22 + 23 + 24 + 22);
    const count = async (from: string) => (await sql<{ n: number }>(`SELECT count(*) AS n FROM ${from}`))[0]!.n;
    expect(await count('ledger_checkpoint')).toBeGreaterThan(2);
    expect(await count('ledger_link')).toBe(4);
    expect(await count('hit_event WHERE body IS NULL')).toBeGreaterThan(0);
    expect(await count('hit_event WHERE number IS NULL')).toBeGreaterThan(3);
    expect(await count('hit_event WHERE number IS NOT NULL')).toBeGreaterThan(3);
    for (const is of ['NULL', 'NOT NULL']) expect(await count(`hit_news WHERE number IS ${is}`)).toBeGreaterThan(0);
    expect(await count('(SELECT DISTINCT level FROM tally) AS levels')).toBe(4);
  });

  describe.each(TABLES)('%s', (table) => {
    const keys = KEYS[table]!;
    const rows = () => sql<Row>(`SELECT * FROM ${table} ORDER BY ${keys.join(', ')}`);
    const where = (from: number) => keys.map((key, at) => `${key} = $${from + at}`).join(' AND ');
    const keyValues = (row: Row) => keys.map((key) => row[key] as string);
    const remove = (row: Row) => sql(`DELETE FROM ${table} WHERE ${where(1)}`, keyValues(row));
    const put = (row: Row) =>
      sql(
        `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row).map((_, at) => `$${at + 1}`)})`,
        Object.values(row) as string[],
      );

    test('a change of any cell is found', async () => {
      let tried = 0;
      for (const [at, row] of (await rows()).entries()) {
        for (const [nth, [column, value]] of Object.entries(row).entries()) {
          const others = damaged(value);
          // Of each row some of the changes; of each column all of them, as there are many rows.
          const some = others.filter((_, of) => (at + nth + of) % 4 === 0 || others.length < 3);
          for (const other of value === null ? some : [...some, null]) {
            tried++;
            const change = () =>
              sql(`UPDATE ${table} SET ${column} = $1 WHERE ${where(2)}`, [other as string, ...keyValues(row)]);
            const says = `${table}.${column} of ${JSON.stringify(keyValues(row))}: ${String(value)} -> ${String(other)}`;
            expect(await problemsAfter(change), says).not.toEqual([]);
          }
        }
      }
      expect(tried).toBeGreaterThan(0);
    });

    test('the removal of any row is found, the last too', async () => {
      for (const row of await rows())
        expect(await problemsAfter(() => remove(row)), JSON.stringify(keyValues(row))).not.toEqual([]);
    });

    test('the exchange of two rows is found', async () => {
      const all = await rows();
      let exchanged = 0;
      for (let at = 1; at < all.length; at++) {
        const [one, two] = [all[at - 1]!, all[at]!];
        const beside = (row: Row) => JSON.stringify(Object.entries(row).filter(([column]) => !keys.includes(column)));
        // Two rows with equal values are not changed by an exchange.
        if (beside(one) === beside(two)) continue;
        const keysFrom = (row: Row) => Object.fromEntries(keys.map((key) => [key, row[key]]));
        const change = async () => {
          await remove(one);
          await remove(two);
          await put({ ...one, ...keysFrom(two) });
          await put({ ...two, ...keysFrom(one) });
        };
        expect(await problemsAfter(change), `row ${at}`).not.toEqual([]);
        exchanged++;
      }
      expect(exchanged > 0).toBe(table !== 'ledger_head');
    });

    test('an additional row is found', async () => {
      const [row] = await rows();
      const other = (value: unknown) =>
        typeof value === 'number' ? 777_777 : typeof value === 'string' ? 'zz' : value;
      const made: Row = { ...row!, ...Object.fromEntries(keys.map((key) => [key, other(row![key])])) };
      if ('key' in made) made.key = Buffer.alloc(32, 9);
      expect(await problemsAfter(() => put(made))).not.toEqual([]);
    });
  });
});
