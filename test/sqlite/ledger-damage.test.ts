/** Verify finds a change of any cell, and any row removed, moved or added. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { DAY_MS, HOUR_MS } from '../../src/core/period.js';
import { Database, type Sqlite } from '../../src/core/sqlite-binding.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { verify } from '../../src/sqlite/ledger/verify.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';

const dataDir = tempFolder('damage');
let db: Sqlite;

/** Every kind of row: kept folds of past hours, open groups, erased events, hits in all states, several tenants. */
beforeAll(async () => {
  const store = openSqliteLedger(dataDir, { foldGroups: 3 });
  for (let n = 0; n < 23; n++) {
    const hourMs = HOUR + n * HOUR_MS;
    await store.append({
      atMs: hourMs,
      entries: [
        entry({
          tallies: [tally('a', hourMs, n + 1, [['["list","x","A1"]', [n, 1, 0]]])],
          sightings: [sighting(n, n % 9, { atMs: hourMs, quarantined: n === 2 })],
        }),
        entry({ tenant: 'b', tallies: [tally('b', hourMs, 2)] }),
      ],
    });
  }
  const change = { atMs: HOUR, note: 'n', by: 'k', startedMs: HOUR };
  await store.changeHit(null, 'H000000', 'open', { ...change, status: 'removed', stoppedMs: HOUR + 1 });
  await store.changeHit(null, 'H000003', 'open', { ...change, status: 'false_positive', stoppedMs: HOUR + 1 });
  await store.changeHit(null, 'H000004', 'open', { ...change, status: 'notified', stoppedMs: null });
  expect(
    await store.retain({ hitsStoppedBeforeMs: HOUR + 2, hoursBeforeMs: HOUR + DAY_MS, atMs: HOUR + DAY_MS }),
  ).toEqual({ hits: 2, hours: expect.any(Number) });
  await store.append({
    atMs: HOUR + DAY_MS,
    entries: [entry({ tallies: [tally('a', HOUR, 5)], sightings: [sighting(99, 20)] })],
  });
  await store.append({ atMs: HOUR + DAY_MS, entries: [entry({ tallies: [tally('a', HOUR, 5)] })] });
  await store.close();
  db = new Database(join(dataDir, LEDGER_FILE));
});
afterAll(() => db.close());

const TABLES = ['head', 'group_link', 'event_link', 'tally', 'hit', 'hit_news'];
const keysOf = (table: string) =>
  db.prepare<[string], string>('SELECT name FROM pragma_table_info(?) WHERE pk > 0').pluck().all(table);

/** Run a change, verify, and roll it back. A change that the schema refuses counts as found. */
function problemsAfter(change: () => void): readonly string[] {
  db.exec('BEGIN');
  try {
    try {
      change();
    } catch (error) {
      return [(error as Error).message];
    }
    return verify(db).problems;
  } finally {
    db.exec('ROLLBACK');
  }
}

/** Return values that differ in one place: each byte of a short one, some of a long one. */
function damaged(value: unknown): unknown[] {
  if (value === null) return ['x'];
  if (typeof value === 'number') return [value + 1, value - 1];
  const bytes = Buffer.from(value as string | Buffer);
  const step = Math.max(1, Math.floor(bytes.length / 12));
  const places = Array.from({ length: Math.ceil(bytes.length / step) }, (_, n) => n * step);
  const changed = [...places, bytes.length - 1]
    .filter((at) => at >= 0)
    .map((at) => {
      const copy = Buffer.from(bytes);
      copy[at] = copy[at]! ^ 1;
      return typeof value === 'string' ? copy.toString('latin1') : copy;
    });
  return [...changed, typeof value === 'string' ? `${value} ` : Buffer.concat([bytes, Buffer.of(0)])];
}

test('an undamaged ledger verifies, and has every kind of row', () => {
  expect(verify(db).problems).toEqual([]);
  const count = (sql: string) => db.prepare<[], number>(sql).pluck().get()!;
  expect(count(`SELECT count(*) FROM group_link WHERE kind = 'fold'`)).toBeGreaterThan(3);
  expect(count(`SELECT count(*) FROM group_link WHERE kind = 'group'`)).toBeGreaterThan(1);
  expect(count('SELECT count(*) FROM event_link WHERE body IS NULL')).toBeGreaterThan(0);
  expect(count('SELECT count(DISTINCT level) FROM tally')).toBeGreaterThanOrEqual(3);
});

describe.each(TABLES)('%s', (table) => {
  const rows = () => db.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table}`).all();
  const where = () =>
    keysOf(table)
      .map((key) => `${key} = ?`)
      .join(' AND ');
  const keyValues = (row: Record<string, unknown>) => keysOf(table).map((key) => row[key]);

  test('a change of any cell is found', () => {
    let tried = 0;
    for (const row of rows()) {
      for (const [column, value] of Object.entries(row)) {
        for (const other of damaged(value)) {
          tried++;
          const change = () =>
            db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where()}`).run(other, ...keyValues(row));
          const says = `${table}.${column} of ${JSON.stringify(keyValues(row))}: ${String(value)} -> ${String(other)}`;
          expect(problemsAfter(change), says).not.toEqual([]);
        }
        if (value === null) continue;
        const change = () => db.prepare(`UPDATE ${table} SET ${column} = NULL WHERE ${where()}`).run(...keyValues(row));
        expect(problemsAfter(change), `${table}.${column} erased`).not.toEqual([]);
      }
    }
    expect(tried).toBeGreaterThan(0);
  });

  test('the removal of any row is found, the last too', () => {
    for (const row of rows()) {
      const change = () => db.prepare(`DELETE FROM ${table} WHERE ${where()}`).run(...keyValues(row));
      expect(problemsAfter(change), JSON.stringify(keyValues(row))).not.toEqual([]);
    }
  });

  test('the exchange of two rows is found', () => {
    const all = rows();
    const keys = keysOf(table);
    let exchanged = 0;
    for (let at = 1; at < all.length; at++) {
      const [one, two] = [all[at - 1]!, all[at]!];
      const beside = (row: Record<string, unknown>) =>
        JSON.stringify(Object.entries(row).filter(([column]) => !keys.includes(column)));
      // Two rows with equal values are not changed by an exchange.
      if (beside(one) === beside(two)) continue;
      const change = () => {
        const put = (row: object) =>
          db
            .prepare(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${Object.keys(row).map(() => '?')})`)
            .run(...Object.values(row));
        for (const row of [one, two]) db.prepare(`DELETE FROM ${table} WHERE ${where()}`).run(...keyValues(row));
        const keysFrom = (row: Record<string, unknown>) => Object.fromEntries(keys.map((key) => [key, row[key]]));
        put({ ...one, ...keysFrom(two) });
        put({ ...two, ...keysFrom(one) });
      };
      expect(problemsAfter(change), `row ${at}`).not.toEqual([]);
      exchanged++;
    }
    // The head is one row; a row of the news is its key alone.
    expect(exchanged > 0).toBe(!['head', 'hit_news'].includes(table));
  });

  test('an additional row is found', () => {
    const [row] = rows();
    const made = {
      ...row!,
      ...Object.fromEntries(keysOf(table).map((key) => [key, typeof row![key] === 'number' ? 777_777 : 'zz'])),
    };
    if ('key' in made) made.key = Buffer.alloc(32, 9);
    const change = () =>
      db
        .prepare(`INSERT INTO ${table} (${Object.keys(made)}) VALUES (${Object.keys(made).map(() => '?')})`)
        .run(...Object.values(made));
    expect(problemsAfter(change)).not.toEqual([]);
  });
});
