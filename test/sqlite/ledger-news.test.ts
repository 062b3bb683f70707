/** News of SQLite's ledger: their limit, ledgers and stores of earlier versions, and a ledger that was restored. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { DAY_MS } from '../../src/core/period.js';
import { Database, type Sqlite } from '../../src/core/sqlite-binding.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE, SERVICE_SQLITE } from '../../src/sqlite/service/database.js';
import { registerSums } from '../../src/sqlite/sums.js';
import type { LedgerStore, Sighting } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, unmarked } from '../store/ledger-contract.js';
import { withoutMarks } from '../support/old-ledger.js';

let dataDir = '';
beforeEach(() => {
  dataDir = tempFolder('news');
});

const append = (store: LedgerStore, ...sightings: Sighting[]) =>
  store.append({ atMs: HOUR, entries: [entry({ sightings })] });
const removal = {
  atMs: HOUR + 5,
  status: 'removed',
  note: null,
  by: 'k',
  startedMs: HOUR,
  stoppedMs: HOUR + 5,
} as const;
const idsOf = async (store: LedgerStore) => (await store.news(100)).news.map(({ id }) => id);
const hitsOf = async (store: LedgerStore, ids?: readonly string[]) =>
  (await store.news(100)).news
    .filter(({ id }) => ids?.includes(id) ?? true)
    .map(({ kind, hitId }) => `${kind} ${hitId}`);

/** Make the ledger one of the version before there were news. */
function withoutNews(): void {
  const db = new Database(join(dataDir, LEDGER_FILE));
  withoutMarks(db);
  db.exec(`DROP TABLE hit_news; UPDATE head SET state = json_remove(state, '$.news'); PRAGMA user_version = 1`);
  db.close();
}

test('at the limit the oldest news are lost and counted until they are reported, and their hits stay', async () => {
  const store = openSqliteLedger(dataDir, { newsMax: 3 });
  for (let n = 0; n < 5; n++) await append(store, sighting(n, n));
  expect(await hitsOf(store)).toEqual(['new H000002', 'new H000003', 'new H000004']);
  expect((await store.news(1)).lost).toBe(2);
  expect(await store.hits({ tenant: null, limit: 9 })).toHaveLength(5);
  await append(store, sighting(5, 5));
  // One was lost since it was read.
  await store.forgetNews([], 2);
  expect((await store.news(1)).lost).toBe(1);
  await store.forgetNews(await idsOf(store), 9);
  expect(await store.news(9)).toEqual({ news: [], lost: 0 });
  expect((await store.verify()).problems).toEqual([]);
  await store.close();
});

test('a ledger that was restored from an earlier copy has news for every mark, also where it has grown as long again', async () => {
  const store = openSqliteLedger(dataDir);
  await append(store, sighting(1, 1));
  const [before, folder] = [await store.newsMark(), tempFolder('restored')];
  await store.backup(join(folder, LEDGER_FILE));
  for (let n = 2; n < 6; n++) await append(store, sighting(n, n));
  const mark = await store.newsMark();
  await store.close();
  const restored = openSqliteLedger(folder);
  for (let n = 10; n < 20; n++) {
    await append(restored, sighting(n, n));
    const ids = await idsOf(restored);
    expect(await restored.newsAfter(mark, ids)).toEqual(ids);
    expect(await restored.newsAfter(before, ids)).toEqual(ids.slice(1));
  }
  await restored.close();
});

describe('from before there were news', () => {
  /** Hits of three days; the second was removed, reopened and noted; one is quarantined, one false, one became a case. */
  async function fill(): Promise<void> {
    const store = openSqliteLedger(dataDir, { foldGroups: 3 });
    await append(store, unmarked(sighting(1, 1, { atMs: HOUR })));
    await append(store, unmarked(sighting(2, 2, { atMs: HOUR + DAY_MS })));
    await append(store, unmarked(sighting(3, 3, { atMs: HOUR + 2 * DAY_MS, quarantined: true })));
    await append(store, unmarked(sighting(4, 4, { atMs: HOUR + 2 * DAY_MS, quarantined: true })));
    await append(store, unmarked(sighting(5, 4, { atMs: HOUR + 2 * DAY_MS + 1 })));
    await store.changeHit(null, 'H000002', 'open', removal);
    await append(store, unmarked(sighting(6, 2, { atMs: HOUR + 2 * DAY_MS + 2 })));
    await store.close();
    withoutNews();
  }

  test('its cases are news, the ledger verifies, and a copy of before is kept', async () => {
    await fill();
    const store = openSqliteLedger(dataDir);
    expect(await hitsOf(store)).toEqual(['new H000001', 'new H000002', 'new H000004', 'reopened H000002']);
    expect((await store.verify()).problems).toEqual([]);
    await store.close();
    expect(new Database(join(dataDir, `${LEDGER_FILE}.schema-1`)).pragma('user_version', { simple: true })).toBe(1);
  });

  test('a webhook with a position gets what it had not read, and all that is recorded later, whatever its time', async () => {
    await fill();
    const store = openSqliteLedger(dataDir);
    await append(store, sighting(7, 7, { atMs: HOUR - DAY_MS }));
    const younger = async (mark: string) => hitsOf(store, await store.newsAfter(mark, await idsOf(store)));
    const [hitsMs, reopenedMs] = [HOUR + DAY_MS, HOUR];
    expect(await younger(`since ${hitsMs} ${reopenedMs}`)).toEqual([
      'new H000002',
      'new H000004',
      'reopened H000002',
      'new H000007',
    ]);
    expect(await younger(`since ${hitsMs + 1} ${HOUR + 3 * DAY_MS}`)).toEqual(['new H000004', 'new H000007']);
    await store.close();
  });

  test('a webhook of now gets none of its cases, also where the ledger is restored to that version once more', async () => {
    await fill();
    const folder = tempFolder('restored');
    cpSync(dataDir, folder, { recursive: true });
    const store = openSqliteLedger(dataDir);
    await append(store, sighting(7, 7));
    const mark = await store.newsMark();
    expect(await store.newsAfter(mark, await idsOf(store))).toEqual([]);
    await store.close();
    const restored = openSqliteLedger(folder);
    await append(restored, sighting(8, 8));
    expect(await hitsOf(restored, await restored.newsAfter(mark, await idsOf(restored)))).toEqual(['new H000008']);
    await restored.close();
  });

  test('webhooks of the version before have marks of their times, and their events are due', async () => {
    const createdAt = new Date(HOUR).toISOString();
    const db: Sqlite = new Database(join(dataDir, SERVICE_FILE));
    registerSums(db);
    for (const step of SERVICE_SQLITE.migrations.slice(0, 3)) {
      if (typeof step === 'string') db.exec(step);
      else step(db, dataDir);
    }
    db.pragma('user_version = 3');
    const hook = db.prepare(
      `INSERT INTO webhook (id, tenant, url, secret_env, created_at, position_ms) VALUES (?, 'a', 'http://x/', 'S', ?, ?)`,
    );
    hook.run('w2', createdAt, HOUR + DAY_MS);
    hook.run('w1', createdAt, HOUR + 5);
    const event = db.prepare(
      `INSERT INTO webhook_event (id, webhook_id, kind, subject, body, created_at, attempts, due_ms, state, lease_until_ms)
       VALUES (?, 'w2', 'hit.new', ?, '{}', ?, ?, ?, ?, 7)`,
    );
    event.run('e1', 'H2', createdAt, 1, HOUR * 2, 'waiting');
    event.run('e2', 'H1', createdAt, 0, HOUR + 9, 'done');
    event.run('e3', 'H3', createdAt, 14, 0, 'dead');
    db.close();
    const store = await openSqliteStore(dataDir);
    expect(await store.webhooks.receivers()).toEqual([
      { id: 'w2', tenant: 'a', mark: `since ${HOUR + DAY_MS - 120_000} ${HOUR}` },
      { id: 'w1', tenant: 'a', mark: `since ${HOUR} ${HOUR}` },
    ]);
    expect(await store.webhooks.claim('w2', { leaseMs: 1, limit: 9 })).toMatchObject([{ id: 'e1', attempts: 1 }]);
    expect(await store.webhooks.dead(null, 'w2', 9)).toMatchObject([{ id: 'e3' }]);
    // A delivered event is known as long as it was: no second one is added.
    await store.webhooks.forget(['hit.new'], HOUR + 9);
    const again = { kind: 'hit.new', subject: 'H1', body: '{}' } as const;
    expect(await store.webhooks.addEvents('w2', [again], HOUR)).toBe(0);
    await store.webhooks.forget(['hit.new'], HOUR + 10);
    expect(await store.webhooks.addEvents('w2', [again], HOUR)).toBe(1);
    await store.close();
  });
});
