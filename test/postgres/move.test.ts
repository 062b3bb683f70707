/** `zeef migrate` moves an embedded store into PostgreSQL: whole or not at all, and whatever is killed. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { DAY_MS } from '../../src/core/period.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { readSecrets } from '../../src/lists/import/source-secrets.js';
import { hostsOf } from '../../src/postgres/hosts.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { openPostgresMove } from '../../src/postgres/move/target.js';
import { LEDGER_FILE, openLedgerDatabase } from '../../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteMove } from '../../src/sqlite/move/source.js';
import { MOVED_FILE } from '../../src/sqlite/moved-mark.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { openServiceDatabase, SERVICE_FILE } from '../../src/sqlite/service/database.js';
import { COMPARED, type MovedRow } from '../../src/store/move-contract.js';
import { openPostgres } from '../store/backends.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { orLeftOut } from '../support/left-out.js';
import {
  answers,
  changesOf,
  comparedIn,
  copyOf,
  embedded,
  env,
  FILES,
  MANY_ROWS,
  Moves,
  master,
  migrate as move,
  newDatabase,
  ROWS,
  servedMatches,
  shared,
  TIMEOUT_MS,
  zeef,
} from '../support/moves.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { run, type Serving, serve } from '../support/processes.js';
import { fillStore, type Rich, SECRET } from '../support/rich-store.js';

const canMove = orLeftOut(hasPostgres, 'No PostgreSQL', 'tests of moves into it');

const migrate = (dataDir: string, url: string, more: Record<string, string> = {}) => move(dataDir, '--to', url, more);

async function makeStore(rows: number): Promise<{ dataDir: string; rich: Rich }> {
  const dataDir = join(tempFolder('source'), 'data');
  const store = await openSqliteStore(dataDir, { master });
  const ledger = openSqliteLedger(dataDir, { foldGroups: 8 });
  const rich = await fillStore(store, ledger, rows);
  await ledger.close();
  await store.close();
  return { dataDir, rich };
}

/** In the facts of a source, or derived; of processes; ends of leases and pauses by the machine's clock. */
const LEFT = [
  ...['meta', 'total', 'audit_head', 'head', 'group_link', 'event_link.hash', 'webhook.mark', 'generation.removal'],
  ...['removal.seq', 'past_entry.id', 'past_entry.is_damaged', 'replica', 'share', 'share_holder', 'note'],
  ...['duty.until_ms', 'webhook_event.until_ms', 'webhook_event.length_ms'],
];

describe.runIf(canMove)('a store that is moved', { timeout: TIMEOUT_MS }, () => {
  let dataDir = '';
  let rich: Rich;
  let before: object;
  let url = '';
  let printed = '';
  /** A copy of the source, from which the target was made. */
  let moved = '';
  beforeAll(async () => {
    ({ dataDir, rich } = await makeStore(ROWS));
    before = await answers(embedded(dataDir), rich);
    url = await newDatabase();
    moved = copyOf(dataDir);
    const bytes = () => FILES.map((file) => readFileSync(join(moved, file)).toString('base64'));
    const untouched = bytes();
    const { code, output } = await migrate(moved, url);
    printed = output;
    expect(bytes()).toEqual(untouched);
    expect([output, code]).toEqual([output, 0]);
  }, TIMEOUT_MS);

  test('answers as its source, which is not changed', async () => {
    expect(before).toMatchObject({ ledger: { verify: { ok: true, problems: [] } } });
    expect(await answers(shared(url), rich)).toEqual(before);
    expect(await answers(embedded(dataDir), rich)).toEqual(before);
    // The store has something of everything.
    const rows = comparedIn(printed);
    expect([...rows.keys()].sort()).toEqual(Object.keys(COMPARED).sort());
    expect([...rows].filter(([, of]) => of === '0')).toEqual([]);
    const db = new Database(join(copyOf(dataDir), LEDGER_FILE));
    const { openGroups, foldSeq } = JSON.parse(db.prepare('SELECT state FROM head').pluck().get() as string);
    const body = db.prepare<[number], string>('SELECT body FROM group_link WHERE seq = ?').pluck().get(foldSeq)!;
    db.close();
    expect(openGroups).toBeGreaterThan(0);
    expect(JSON.parse(body).events).toMatchObject({ cutSeq: expect.any(Number), erased: expect.any(Number) });
    expect(JSON.parse(body).events.cutSeq * JSON.parse(body).events.erased).toBeGreaterThan(0);
  });

  test('has every table and column of the source, but those of processes and those that are made again', () => {
    const here = (file: string) => {
      const db = new Database(join(copyOf(dataDir), file));
      const columns = db
        .prepare<[], { table: string; column: string }>(
          `SELECT m.name AS "table", c.name AS "column" FROM sqlite_schema m JOIN pragma_table_info(m.name) c
           WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
        )
        .all();
      db.close();
      return columns;
    };
    const all = FILES.flatMap(here).filter(({ column }) => column !== 'sum');
    const moved = new Map(Object.entries(COMPARED).map(([table, columns]) => [table, columns.split(' ')]));
    const NAMES: Record<string, string> = { event_link: 'event', hit_news: 'news' };
    const left = all.filter(({ table, column }) => !moved.get(NAMES[table] ?? table)?.includes(column));
    expect(
      [
        ...new Set(left.map(({ table, column }) => (moved.has(NAMES[table] ?? table) ? `${table}.${column}` : table))),
      ].sort(),
    ).toEqual(LEFT.sort());
  });

  test('has the heads of its chains in the log and in the ledger, and verifies', async () => {
    const source = openSqliteLedger(dataDir);
    const { counts, events } = (await source.verify()).heads;
    await source.close();
    const [store, ledger] = await shared(url)();
    expect((await ledger.verify()).heads).toMatchObject({ 'moved counts': counts, 'moved events': events });
    const [row] = await store.audit.page({ tenant: null, before: null, limit: 1 });
    expect(row).toMatchObject({ action: 'store.move', outcome: 'done' });
    expect(String(row!.details.events)).toMatch(new RegExp(`:${events}$`));
    expect(await store.audit.verify()).toMatchObject({ ok: true });
    await ledger.close();
    await store.close();
    expect(
      (await run(env('/nowhere', { ZEEF_DATABASE_URL: url, ZEEF_DATA_DIR: tempFolder('d') }), 'verify')).code,
    ).toBe(0);
  });

  test('goes on: keys of entries, versions, cases, news and idempotency keys', async () => {
    const copy = await newDatabase();
    await migrate(copyOf(dataDir), copy);
    const was = await openSqliteStore(copyOf(dataDir), { master });
    const { position } = (await was.lists.changes(null))!;
    const source = (await was.lists.source('every'))!;
    await was.close();
    const [store, ledger] = await shared(copy)();
    // The source of the list withdrew it later.
    const outdated = entryRow(1, 'md5', '1'.repeat(32), { updatedAt: '2026-09-13T00:00:00.000Z' });
    const report = await store.lists.addEntries('every', stream([outdated]));
    expect(report.rejectedByReason).toEqual({ not_active: 1 });
    // A reader of the source continues where it was.
    await store.lists.addEntries('large', stream([entryRow(1, 'md5', 'f'.repeat(32), { entryId: 'new' })]));
    await store.lists.changeEntries('large', { entryId: 'e9' }, 'remove');
    const changes = (await store.lists.changes(position))!;
    const added = [];
    for await (const batch of changes.added()) added.push(...batch);
    expect([added.length, changes.removed.length]).toEqual([1, 1]);
    expect(readSecrets('every', source, { env: {}, vault: store.vault })).toEqual({ password: SECRET });
    const once = { tenant: 'b', idempotency: { key: 'once', fingerprint: 'f' }, tallies: [tally('b', HOUR, 9)] };
    const appended = await ledger.append({
      atMs: HOUR + 3.5 * DAY_MS,
      entries: [entry(once), entry({ sightings: [sighting(9_999, 3)] })],
    });
    expect(appended).toMatchObject([{ outcome: 'repeated' }, { hits: [{ id: 'H000003', isNew: false }] }]);
    expect(
      await ledger.retain({ hitsStoppedBeforeMs: HOUR + 1e12, hoursBeforeMs: HOUR + 1e10, atMs: Date.now() }),
    ).not.toEqual({ hits: 0, hours: 0 });
    expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
    await ledger.close();
    await store.close();
  });

  test('gives a reader of any generation of the source the same changes', async () => {
    const db = new Database(join(copyOf(dataDir), LISTS_FILE));
    const positions = db
      .prepare<[], { storeId: number; generation: number; token: number }>(
        `SELECT value AS storeId, number AS generation, token FROM generation, meta WHERE meta.name = 'store_id'`,
      )
      .all();
    db.close();
    const [there, ledger] = await shared(url)();
    const here = await openSqliteStore(copyOf(dataDir), { master });
    const all = await changesOf(here, positions);
    expect(await changesOf(there, positions)).toEqual(all);
    expect(new Set(all.map(({ removed }) => removed.length)).size).toBeGreaterThan(2);
    await Promise.all([here.close(), there.close(), ledger.close()]);
  });

  test('serves the same match', async () => {
    expect(await servedMatches(env(tempFolder('serve'), { ZEEF_DATABASE_URL: url }), rich)).toBe(1);
  });

  test('a target that is not empty is refused, and so is one that only was opened', async () => {
    const other = await makeStore(10);
    const again = await migrate(other.dataDir, url);
    expect([again.code, again.output]).toEqual([2, expect.stringMatching(/STORE_NOT_EMPTY.*another store/)]);
    const opened = await newDatabase();
    await (await openPostgres(opened)).close();
    expect((await migrate(dataDir, opened)).output).toContain('STORE_NOT_EMPTY');
    expect(existsSync(join(dataDir, MOVED_FILE))).toBe(false);
  });

  test('leaves a source that no command opens, until its mark is removed', async () => {
    const all = () => readdirSync(moved, { recursive: true, encoding: 'utf8' }).sort();
    const files = all();
    const list = join(tempFolder('list'), 'list.txt');
    writeFileSync(list, `${'a'.repeat(32)}\n`);
    const commands = [
      ['serve', '--port', '0'],
      ['scan', tempFolder('tree')],
      ['check', list],
      ['lists', 'show'],
      ['lists', 'import', list, '--list', 'large'],
      ['lists', 'rotate-key'],
      ['keys', 'create', '--tenant', 'a'],
      ['ledger', 'verify'],
      ['audit', 'verify'],
      ['verify'],
    ];
    const place = JSON.stringify({ host: hostsOf(url), database: new URL(url).pathname.slice(1) }).slice(1, -1);
    for (const command of commands) {
      const { code, output } = await run(env(moved), ...command);
      expect([command, output.toString(), code]).toEqual([command, expect.stringContaining('STORE_MOVED'), 2]);
      expect(output.toString()).toContain(place);
      expect(output.toString()).toContain(MOVED_FILE);
    }
    expect(() => openLedgerDatabase(moved)).toThrow(/STORE_MOVED/);
    // Nothing was made or changed in it.
    expect(all()).toEqual(files);
    expect(readFileSync(join(moved, MOVED_FILE), 'utf8')).not.toMatch(/postgres:|password|secret/);
    const used = copyOf(moved);
    rmSync(join(used, MOVED_FILE));
    expect(await answers(embedded(used), rich)).toEqual(before);
  });

  test('that has ended is noticed by the same command, and marks its source again', async () => {
    const again = await migrate(moved, url);
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('moved before')]);
    const copy = copyOf(dataDir);
    const mark = join(moved, MOVED_FILE);
    expect((await migrate(copy, url)).code).toBe(0);
    const tokenOf = (file: string) => JSON.parse(readFileSync(file, 'utf8')).token;
    expect(tokenOf(join(copy, MOVED_FILE))).toBe(tokenOf(mark));
    expect((await zeef(env(copy), 'lists', 'show')).output).toContain('STORE_MOVED');
    // To a second target it is not moved: that would be a second store.
    const second = await newDatabase();
    const refused = await migrate(copy, second);
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('STORE_MOVED')]);
    // One that was used since has answers that the target lacks.
    rmSync(join(copy, MOVED_FILE));
    const store = await openSqliteStore(copy, { master });
    await store.lists.updateList('large', { enabled: false });
    await store.close();
    const used = await migrate(copy, url);
    expect([used.code, used.output]).toEqual([2, expect.stringMatching(/STORE_NOT_EMPTY.*used since/)]);
    expect(existsSync(join(copy, MOVED_FILE))).toBe(false);
  });

  test('with a mark that cannot be read, a source is not opened, and not moved', async () => {
    const copy = copyOf(dataDir);
    writeFileSync(join(copy, MOVED_FILE), '');
    await expect(openSqliteStore(copy, { master })).rejects.toThrow(/STORE_MOVED/);
    expect((await migrate(copy, await newDatabase())).output).toContain('STORE_MOVED');
  });

  test('a source that is in use is refused, and one in which import jobs wait', async () => {
    const target = await newDatabase();
    const copy = copyOf(dataDir);
    let serving: Serving | null = await serve(env(copy, { ZEEF_LOG_LEVEL: 'silent' }));
    const refused = await migrate(copy, target);
    await serving.end('SIGTERM');
    serving = null;
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('STORE_IN_USE')]);
    const db = openServiceDatabase(copy);
    db.exec(`UPDATE import_job SET state = 'queued'`);
    db.close();
    expect((await migrate(copy, target)).output).toMatch(/STORE_IN_USE.*"importJobs":1/);
    // Nothing of it was written.
    await (await openPostgres(target)).close();
  });

  test('a source that never had a ledger is moved, and gets none by it', async () => {
    const lists = join(tempFolder('lists'), 'data');
    const store = await openSqliteStore(lists, { master });
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.close();
    const moved = await migrate(lists, await newDatabase());
    expect([moved.code, moved.output]).toEqual([0, expect.stringContaining('hit: 0 rows are equal')]);
    expect(existsSync(join(lists, LEDGER_FILE))).toBe(false);
  });

  test.each([
    ['retention', 'DELETE FROM webhook_event; DELETE FROM webhook'],
    ['webhooks', 'DELETE FROM duty'],
  ])('a source that has lost its ledger is refused until one is made: %s show it', async (_, sql) => {
    const copy = copyOf(dataDir);
    rmSync(join(copy, LEDGER_FILE));
    const db = openServiceDatabase(copy);
    db.exec(sql);
    db.close();
    const target = await newDatabase();
    const lost = await migrate(copy, target);
    expect([lost.code, lost.output]).toEqual([2, expect.stringMatching(/FILE_UNREADABLE.*the ledger is missing/)]);
    await (await openPostgres(target)).close();
    expect((await zeef(env(copy), 'ledger', 'verify')).code).toBe(0);
    const moved = await migrate(copy, await newDatabase());
    expect([moved.code, moved.output]).toEqual([0, expect.stringContaining('hit: 0 rows are equal')]);
  });

  test('another master key, or none, is refused', async () => {
    const target = await newDatabase();
    expect((await migrate(dataDir, target, { ZEEF_LIST_KEY: '2'.repeat(64) })).output).toContain('LIST_KEY_WRONG');
    expect((await migrate(dataDir, target, { ZEEF_LIST_KEY: '' })).output).toContain('LIST_KEY_WRONG');
    await (await openPostgres(target)).close();
  });

  test.each([
    [
      'an entry',
      LISTS_FILE,
      `UPDATE entry SET value = zeroblob(46) WHERE id = (SELECT max(id) FROM entry)`,
      'STORE_DAMAGED',
    ],
    ['the log', SERVICE_FILE, `UPDATE audit SET actor = 'me' WHERE seq = 1`, 'STORE_DAMAGED'],
    [
      'an event',
      LEDGER_FILE,
      `UPDATE event_link SET body = '{}' WHERE seq = (SELECT max(seq) FROM event_link)`,
      'LEDGER_INVALID',
    ],
    ['an earlier schema', SERVICE_FILE, 'PRAGMA user_version = 3', 'DATA_VERSION'],
  ])('%s that is damaged is refused, and nothing is written', async (_, file, sql, code) => {
    const copy = copyOf(dataDir);
    const db = new Database(join(copy, file));
    db.exec('DROP TRIGGER IF EXISTS entry_changed');
    db.exec(sql);
    db.close();
    const target = await newDatabase();
    const refused = await migrate(copy, target);
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining(code)]);
    await (await openPostgres(target)).close();
  });

  test('a held version that is damaged is refused', async () => {
    const copy = copyOf(dataDir);
    const [name] = readdirSync(join(copy, 'held'));
    const bytes = readFileSync(join(copy, 'held', name!));
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(join(copy, 'held', name!), bytes);
    expect((await migrate(copy, await newDatabase())).output).toContain('SEALED_DAMAGED');
  });

  test('a target that differs at the end stays unfinished', async () => {
    const server = await sharedServer();
    const target = await newDatabase();
    await (await openPostgres(target)).close();
    await server.run(
      `DELETE FROM data_key;
       CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.entry_id = 'e7' THEN NEW.quarantined = 1; END IF; RETURN NEW; END $$;
       CREATE TRIGGER spoil BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION spoil();`,
      target,
    );
    const refused = await migrate(dataDir, target);
    expect([refused.code, refused.output]).toEqual([2, expect.stringMatching(/STORE_DIFFERS.*"tables":"entry"/)]);
    await expect(openPostgres(target)).rejects.toThrow(/STORE_UNFINISHED/);
    expect(existsSync(join(dataDir, MOVED_FILE))).toBe(false);
  });
});

describe.runIf(canMove)('a move that is interrupted', { timeout: TIMEOUT_MS }, () => {
  let dataDir = '';
  let rich: Rich;
  let before: object;
  beforeAll(async () => {
    ({ dataDir, rich } = await makeStore(MANY_ROWS));
    before = await answers(embedded(dataDir), rich);
  }, TIMEOUT_MS);
  const moves = new Moves();
  afterAll(() => moves.end());
  const interrupt = (source: string, url: string, text: string, waitMs: number, signal: NodeJS.Signals) =>
    moves.interrupt(moves.start(source, '--to', url), { text, waitMs, signal });

  test('by kill -9 at any point is continued, and no process uses the part', async () => {
    const url = await newDatabase();
    const copy = copyOf(dataDir);
    const points = ['entry: ', 'entry: ', 'past_entry: ', 'event: ', 'hit: ', 'webhook: ', 'comparing entry'];
    let isRefused = 0;
    for (const [at, text] of points.entries()) {
      const { code } = await interrupt(copy, url, text, 20 * (at % 4), 'SIGKILL');
      expect([text, code]).toEqual([text, null]);
      await expect(openPostgres(url)).rejects.toThrow(/STORE_UNFINISHED/);
      const ledger = openPostgresLedger(url);
      await expect(ledger.open()).rejects.toThrow(/STORE_UNFINISHED/);
      await ledger.close();
      isRefused++;
    }
    expect(isRefused).toBe(points.length);
    const { code, output } = await migrate(copy, url);
    expect([output, code]).toEqual([expect.stringContaining('an earlier run is continued'), 0]);
    expect(await answers(shared(url), rich)).toEqual(before);
  });

  test('by Ctrl-C ends with 130, and is continued from there', async () => {
    const url = await newDatabase();
    const copy = copyOf(dataDir);
    const { code, output } = await interrupt(copy, url, 'entry: ', 0, 'SIGINT');
    expect([output, code]).toEqual([expect.stringContaining('the same command continues'), 130]);
    const [held] = await (await sharedServer()).run('SELECT rows FROM moved_table ORDER BY rows DESC', url);
    expect(Number(held!.rows)).toBeGreaterThan(0);
    expect((await migrate(copy, url)).code).toBe(0);
    expect(await answers(shared(url), rich)).toEqual(before);
    // Keys of a list that is removed now are known as such, and not lost.
    const store = await openPostgres(url);
    const { lists, added } = (await store.lists.changes(null))!;
    const { listKey } = lists.find(({ info }) => info.list === 'known')!;
    const keys: number[] = [];
    for await (const batch of added())
      keys.push(...batch.filter((one) => one.listKey === listKey).map(({ entryKey }) => entryKey));
    expect(keys).toHaveLength(1);
    await store.lists.removeList('known');
    expect((await store.lists.entriesByKeys(keys)).size).toBe(0);
    await store.close();
  });

  test('by kill -9 at its very end leaves neither store open, and is continued', async () => {
    const url = await newDatabase();
    const copy = copyOf(dataDir);
    await (await openPostgres(url)).close();
    const server = await sharedServer();
    await server.run(
      `DELETE FROM data_key;
       CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN OLD; END $$;
       CREATE TRIGGER wait BEFORE DELETE ON moving FOR EACH ROW EXECUTE FUNCTION wait();`,
      url,
    );
    const child = moves.start(copy, '--to', url);
    const ended = once(child, 'close');
    while (!existsSync(join(copy, MOVED_FILE)) && child.exitCode === null) await delay(20);
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    await expect(openSqliteStore(copy, { master })).rejects.toThrow(/STORE_MOVED/);
    await expect(openPostgres(url)).rejects.toThrow(/STORE_UNFINISHED/);
    // The database that the mark names is not this one.
    const other = await newDatabase();
    expect((await migrate(copy, other)).output).toContain('STORE_MOVED');
    await (await openPostgres(other)).close();
    await server.run('DROP TRIGGER wait ON moving', url);
    const { code, output } = await migrate(copy, url);
    expect([output, code]).toEqual([expect.stringContaining('an earlier run is continued'), 0]);
    expect(await answers(shared(url), rich)).toEqual(before);
    await expect(openSqliteStore(copy, { master })).rejects.toThrow(/STORE_MOVED/);
  });

  test('by a failing comparison names what failed', async () => {
    const url = await newDatabase();
    await (await openPostgres(url)).close();
    await (await sharedServer()).run(
      `DELETE FROM data_key;
       ALTER TABLE entry RENAME TO entry_rows;
       CREATE FUNCTION is_readable() RETURNS bool LANGUAGE plpgsql AS
         $$ BEGIN IF current_query() LIKE 'FETCH%' THEN RAISE EXCEPTION 'unreadable'; END IF; RETURN true; END $$;
       CREATE VIEW entry AS SELECT * FROM entry_rows WHERE is_readable();`,
      url,
    );
    const { code, output } = await migrate(copyOf(dataDir), url);
    expect([output, code]).toEqual([expect.stringMatching(/comparing entry\n.*STORE_FAILED.*P0001/), 2]);
  });

  test('by another one adds no row twice, and does not end a move that was begun again', async () => {
    const { dataDir: folder } = await makeStore(10);
    const url = await newDatabase();
    const source = await openSqliteMove(folder, master);
    const first = await openPostgresMove(url, master);
    const second = await openPostgresMove(url, master);
    const { facts } = source;
    try {
      expect(await first.begin(facts)).toMatchObject({ how: 'new' });
      expect(await second.begin(facts)).toMatchObject({ how: 'resumed' });
      const rows: MovedRow[] = [];
      for await (const row of source.rows('data_key', 0)) rows.push(row);
      await first.put('data_key', 0, rows);
      await expect(second.put('data_key', 0, rows)).rejects.toThrow(/STORE_IN_USE/);
      expect(await second.count('data_key')).toBe(rows.length);
      expect(await second.begin({ ...facts, fingerprint: 'of another state' })).toMatchObject({ how: 'again' });
      await expect(first.derive(facts)).rejects.toThrow(/STORE_IN_USE/);
      const event = { at: '2026-09-14T00:00:00.000Z', actor: 'me', action: 'store.move' } as const;
      await expect(first.finish({ ...event, tenant: null, target: null, details: {} })).rejects.toThrow(/STORE_IN_USE/);
      await expect(openPostgres(url)).rejects.toThrow(/STORE_UNFINISHED/);
    } finally {
      await Promise.all([source.close(), first.close(), second.close()]);
    }
  });

  test('begins again where the source was used in between; another source is refused', async () => {
    const url = await newDatabase();
    const copy = copyOf(dataDir);
    await interrupt(copy, url, 'past_entry: ', 0, 'SIGKILL');
    const store = await openSqliteStore(copy, { master });
    await store.lists.addEntries('large', stream([entryRow(1, 'md5', 'e'.repeat(32), { entryId: 'later' })]));
    await store.close();
    const used = copyOf(copy);
    const other = await makeStore(10);
    expect((await migrate(other.dataDir, url)).output).toContain('STORE_NOT_EMPTY');
    const server = await sharedServer();
    await server.run('CREATE TABLE of_others AS SELECT 1 AS one', url);
    const { code, output } = await migrate(copy, url);
    expect([output, code]).toEqual([expect.stringContaining('thrown away'), 0]);
    expect(await server.run('SELECT one FROM of_others', url)).toEqual([{ one: 1 }]);
    expect(await answers(shared(url), rich)).toEqual(await answers(embedded(used), rich));
  });
});
