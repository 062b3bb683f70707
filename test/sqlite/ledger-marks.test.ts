/** Marks of hits in a ledger file of an earlier version, and a search that reads few rows. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { entry, HOUR, sighting, unmarked } from '../store/ledger-contract.js';
import { withoutMarks } from '../support/old-ledger.js';

const SHA256 = 'a'.repeat(32);

test('the hits of schema 2 are without marks, get them, and the ledger verifies all the time', async () => {
  const dataDir = tempFolder('marks');
  const of = (...sightings: Parameters<typeof unmarked>[0][]) => entry({ sightings: sightings.map(unmarked) });
  const before = openSqliteLedger(dataDir, { foldGroups: 2 });
  for (const n of [1, 2, 3]) await before.append({ atMs: HOUR, entries: [of(sighting(n, n))] });
  await before.close();
  const db = new Database(join(dataDir, LEDGER_FILE));
  withoutMarks(db);
  db.close();

  const store = openSqliteLedger(dataDir);
  const idsOf = async (filter: object) => (await store.hits({ tenant: null, limit: 9, ...filter })).map(({ id }) => id);
  expect(await idsOf({ isUnmarked: true })).toEqual(['H000003', 'H000002', 'H000001']);
  expect((await store.verify()).problems).toEqual([]);
  await store.markHits([{ id: 'H000002', marks: { sha256: SHA256 } }], HOUR + 9);
  expect(await idsOf({ isUnmarked: true })).toEqual(['H000003', 'H000001']);
  expect(await idsOf({ mark: { algorithm: 'sha256', mark: SHA256 } })).toEqual(['H000002']);
  expect((await store.verify()).problems).toEqual([]);
  expect(new Database(join(dataDir, `${LEDGER_FILE}.schema-2`)).pragma('user_version', { simple: true })).toBe(2);

  // A mark that was changed, or taken away with the note that it is there, is noticed.
  await store.close();
  for (const change of ['sha256_mark = NULL', 'sha256_mark = zeroblob(16)', 'marked = 0', 'md5_mark = zeroblob(16)']) {
    const damaged = new Database(join(dataDir, LEDGER_FILE));
    damaged.exec(`CREATE TEMP TABLE kept AS SELECT * FROM hit WHERE id = 'H000002'`);
    damaged.exec(`UPDATE hit SET ${change} WHERE id = 'H000002'`);
    const opened = openSqliteLedger(dataDir);
    expect((await opened.verify()).problems, change).toEqual(['hit H000002: differs from its events']);
    await opened.close();
    damaged.exec(`REPLACE INTO hit SELECT * FROM kept`);
    damaged.close();
  }
});

test('a search by a digest, and for hits without marks, is served by an index, for one tenant and for all', async () => {
  const dataDir = tempFolder('marks');
  const store = openSqliteLedger(dataDir);
  await store.append({ atMs: HOUR, entries: [entry({ sightings: [sighting(1, 1)] })] });
  await store.close();
  const db = new Database(join(dataDir, LEDGER_FILE));
  const planOf = (where: string) =>
    (
      db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM hit WHERE ${where} ORDER BY id DESC LIMIT 10`).all() as {
        detail: string;
      }[]
    )
      .map(({ detail }) => detail)
      .join();
  for (const name of ['md5', 'sha1', 'sha256']) {
    expect(planOf(`${name}_mark = x'00'`)).toContain(`USING INDEX hit_${name} `);
    expect(planOf(`tenant = 'a' AND ${name}_mark = x'00'`)).toContain(`USING INDEX hit_${name} `);
  }
  expect(planOf('marked = 0')).toContain('INDEX hit_unmarked');
  db.close();
});
