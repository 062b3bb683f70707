/** `zeef migrate --from` moves a store out of PostgreSQL into a data folder: whole or not at all, and whatever is killed. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { DAY_MS } from '../../src/core/period.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { readSecrets } from '../../src/lists/import/source-secrets.js';
import { openPostgresSource } from '../../src/postgres/move/source.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import { MOVED_FILE, MOVING_FILE } from '../../src/sqlite/moved-mark.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import { COMPARED } from '../../src/store/move-contract.js';
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
  migrate,
  newDatabase,
  ROWS,
  servedMatches,
  shared,
  TIMEOUT_MS,
  zeef,
} from '../support/moves.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { run, serve } from '../support/processes.js';
import { fillStore, type Rich, SECRET } from '../support/rich-store.js';

const canMove = orLeftOut(hasPostgres, 'No PostgreSQL', 'tests of moves out of it');

const newFolder = () => join(tempFolder('target'), 'data');
const moveBack = (url: string, dataDir: string, more: Record<string, string> = {}) =>
  migrate(dataDir, '--from', url, more);

/** In the facts of a source, or derived; of processes and their work; of scans by several machines; of moves. */
const LEFT = [
  ...['migration', 'store', 'audit_head', 'ledger_writer', 'ledger_link', 'ledger_checkpoint', 'ledger_head'],
  ...[
    'replica',
    'share',
    'share_holder',
    'note',
    'import_run',
    'staged_entry',
    'staged_withdrawal',
    'blob',
    'blob_part',
    'blob_place',
  ],
  ...['joined_scan', 'scan_folder', 'scan_line', 'scan_range', 'scan_shard'],
  ...['moving', 'moved', 'moved_table', 'moved_away'],
];

interface Made {
  readonly url: string;
  readonly rich: Rich;
  readonly before: object;
}

async function makeStore(rows: number): Promise<Made> {
  const url = await newDatabase();
  const [store, ledger] = await shared(url)();
  const rich = await fillStore(store, ledger, rows, { hasOldHook: false });
  await ledger.close();
  await store.close();
  return { url, rich, before: await answers(shared(url), rich) };
}

describe.runIf(canMove)('a store that is moved out of PostgreSQL', { timeout: TIMEOUT_MS }, () => {
  let made: Made;
  let folder = '';
  let printed = '';
  let heads: Readonly<Record<string, string>> = {};
  let positions: { storeId: number; generation: number; token: number }[] = [];
  let changes: object = {};
  /** Opened before the move, by a process that does not say that it lives. */
  let stale: Awaited<ReturnType<ReturnType<typeof shared>>>;
  beforeAll(async () => {
    made = await makeStore(ROWS);
    stale = await shared(made.url)();
    heads = (await stale[1].verify()).heads;
    positions = (await (
      await sharedServer()
    ).run(
      'SELECT store_id::float8 AS "storeId", number::int AS generation, token::float8 AS token FROM generation, store',
      made.url,
    )) as never;
    changes = await changesOf(stale[0], positions);
    folder = newFolder();
    const { code, output } = await moveBack(made.url, folder);
    printed = output;
    expect([output, code]).toEqual([output, 0]);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stale[1].close().catch(() => {});
    await stale[0].close();
  });

  test('answers as its source, with every table', async () => {
    expect(made.before).toMatchObject({ ledger: { verify: { ok: true, problems: [] } } });
    expect(await answers(embedded(copyOf(folder)), made.rich)).toEqual(made.before);
    const rows = comparedIn(printed);
    expect([...rows.keys()].sort()).toEqual(Object.keys(COMPARED).sort());
    expect([...rows].filter(([, of]) => of === '0')).toEqual([]);
    for (const file of FILES) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, MOVING_FILE))).toBe(false);
  });

  test('has every table of the source, but those of processes and those that are made again', async () => {
    const NAMES: Record<string, string> = { hit_event: 'event', hit_news: 'news', held_part: 'held' };
    const tables = await (await sharedServer()).run(
      `SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
         AND NOT relispartition`,
      made.url,
    );
    const left = tables.map(({ name }) => String(name)).filter((name) => !((NAMES[name] ?? name) in COMPARED));
    expect(left.sort()).toEqual(LEFT.sort());
  });

  test('has the heads of its chains in the log and in the ledger, and verifies', async () => {
    const copy = copyOf(folder);
    const [store, ledger] = await embedded(copy)();
    const { ok, problems, heads: now } = await ledger.verify();
    expect([ok, problems]).toEqual([true, []]);
    expect(now['moved counts']).toMatch(/^[0-9a-f]{64}$/);
    const [row] = await store.audit.page({ tenant: null, before: null, limit: 1 });
    expect(row).toMatchObject({ action: 'store.move', outcome: 'done', details: { from: 'PostgreSQL' } });
    expect(String(row!.details.counts)).toContain(now['moved counts']);
    expect(String(row!.details.events)).toContain(now['moved events']);
    expect(await store.audit.verify()).toMatchObject({ ok: true });
    await ledger.close();
    await store.close();
    expect(Object.keys(heads)).toContain('checkpoint');
    expect((await zeef(env(copy), 'verify')).code).toBe(0);
    const verified = await run(env(copy), 'ledger', 'verify');
    expect([verified.code, verified.output.toString()]).toEqual([0, expect.stringContaining(now['moved events']!)]);
  });

  test('gives a reader of any generation of the source the same changes', async () => {
    const store = await openSqliteStore(copyOf(folder), { master });
    expect(await changesOf(store, positions)).toEqual(changes);
    expect(positions.length).toBeGreaterThan(10);
    await store.close();
  });

  test('continues with keys of entries, versions, cases, news, quotas and idempotency keys', async () => {
    const [store, ledger] = await embedded(copyOf(folder))();
    const { position } = (await store.lists.changes(null))!;
    const outdated = entryRow(1, 'md5', '1'.repeat(32), { updatedAt: '2026-09-13T00:00:00.000Z' });
    const report = await store.lists.addEntries('every', stream([outdated]));
    expect(report.rejectedByReason).toEqual({ not_active: 1 });
    await store.lists.addEntries('large', stream([entryRow(1, 'md5', 'f'.repeat(32), { entryId: 'new' })]));
    await store.lists.changeEntries('large', { entryId: 'e9' }, 'remove');
    const since = (await store.lists.changes(position))!;
    const added = [];
    for await (const batch of since.added()) added.push(...batch);
    expect([added.length, since.removed.length]).toEqual([1, 1]);
    await store.lists.createList({ list: 'later', kind: 'match', radiusBits: 31 });
    const source = (await store.lists.source('every'))!;
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

  test('serves the same match', async () => {
    expect(await servedMatches(env(copyOf(folder)), made.rich)).toBe(1);
  });

  test('leaves a database that no process opens, and that none changes which has it open', async () => {
    const shows = env(tempFolder('d'), { ZEEF_DATABASE_URL: made.url });
    for (const command of [['lists', 'show'], ['verify'], ['ledger', 'verify'], ['serve', '--port', '0']]) {
      const { code, output } = await run(shows, ...command);
      expect([command, output.toString(), code]).toEqual([command, expect.stringContaining('STORE_MOVED'), 2]);
      expect(output.toString()).toContain(JSON.stringify(folder).slice(1, -1));
    }
    const [store, ledger] = stale;
    await expect(store.lists.updateList('large', { enabled: false })).rejects.toThrow(/STORE_MOVED/);
    await expect(store.tenants.setTenant('c', { disabled: false })).rejects.toThrow(/STORE_MOVED/);
    await expect(ledger.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR, 1)] })] })).rejects.toThrow(
      /STORE_MOVED/,
    );
    expect((await moveBack(made.url, newFolder())).output).toContain('STORE_MOVED');
    expect((await migrate(copyOf(folder), '--to', made.url)).output).toContain('STORE_NOT_EMPTY');
  });

  test('is moved into a database again, and back once more', async () => {
    const url = await newDatabase();
    expect((await migrate(copyOf(folder), '--to', url)).code).toBe(0);
    expect(await answers(shared(url), made.rich)).toEqual(made.before);
    const again = newFolder();
    const { code, output } = await moveBack(url, again);
    expect([output, code]).toEqual([output, 0]);
    expect(await answers(embedded(again), made.rich)).toEqual(made.before);
  });

  test('that has ended is noticed by the same command', async () => {
    const copy = copyOf(folder);
    const again = await moveBack(made.url, copy);
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('moved before')]);
    // Named by its variable, as where it has a password.
    const named = await run(env(copy, { ZEEF_DATABASE_URL: made.url }), 'migrate', '--from');
    expect([named.code, named.output.toString()]).toEqual([0, expect.stringContaining('moved before')]);
    expect(await answers(embedded(copy), made.rich)).toEqual(made.before);
  });

  test('the database is used again on purpose, as the guide says', async () => {
    const other = await makeStore(10);
    expect((await moveBack(other.url, newFolder())).code).toBe(0);
    const guide = readFileSync(new URL('../../docs/scale.md', import.meta.url), 'utf8');
    const [line] = /^psql .*refuse_moved.*$/m.exec(guide)!;
    const statements = [...line.matchAll(/ -c '([^']+)'/g)].map(([, sql]) => sql!);
    expect(statements).toHaveLength(2);
    for (const sql of statements) await (await sharedServer()).run(sql, other.url);
    expect(await answers(shared(other.url), other.rich)).toEqual(other.before);
    // And is moved again.
    const folderAgain = newFolder();
    expect((await moveBack(other.url, folderAgain)).code).toBe(0);
    expect(await answers(embedded(folderAgain), other.rich)).toEqual(other.before);
  });

  test('a folder that has a store, or had one, is refused and stays as it is', async () => {
    const { url } = await makeStore(10);
    const used = join(tempFolder('used'), 'data');
    await (await openSqliteStore(used, { master })).close();
    const names = readdirSync(used).sort();
    const refused = await moveBack(url, used);
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('STORE_NOT_EMPTY')]);
    expect(readdirSync(used).sort()).toEqual(names);
    const gone = tempFolder('gone');
    writeFileSync(join(gone, MOVED_FILE), '{}');
    expect((await moveBack(url, gone)).output).toContain('STORE_MOVED');
    // The folder of another move.
    expect((await moveBack(url, copyOf(folder))).output).toMatch(/STORE_NOT_EMPTY.*another store/);
    await (await openPostgres(url)).close();
  });

  test('a database without a store is refused, and gets no tables', async () => {
    const url = await newDatabase();
    const refused = await moveBack(url, newFolder());
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('no store of Zeef')]);
    expect(await (await sharedServer()).run(`SELECT 1 FROM pg_tables WHERE schemaname = 'public'`, url)).toEqual([]);
  });

  test('a database that is in use is refused, one in which a move has not ended, and another master key', async () => {
    const { url } = await makeStore(10);
    const server = await sharedServer();
    const serving = await serve(env(tempFolder('s'), { ZEEF_DATABASE_URL: url, ZEEF_LOG_LEVEL: 'silent' }));
    const lives = await moveBack(url, newFolder());
    await serving.end('SIGTERM');
    expect([lives.code, lives.output]).toEqual([2, expect.stringMatching(/STORE_IN_USE.*"kind":"serve"/)]);
    await server.run(`UPDATE import_job SET state = 'queued'`, url);
    expect((await moveBack(url, newFolder())).output).toMatch(/STORE_IN_USE.*"importJobs":1/);
    await server.run(`UPDATE import_job SET state = 'done'`, url);
    expect((await moveBack(url, newFolder(), { ZEEF_LIST_KEY: '2'.repeat(64) })).output).toContain('LIST_KEY_WRONG');
    expect((await moveBack(url, newFolder(), { ZEEF_LIST_KEY: '' })).output).toContain('LIST_KEY_WRONG');
    await server.run(`INSERT INTO moving (id, source, fingerprint) VALUES (1, 1, 'x')`, url);
    expect((await moveBack(url, newFolder())).output).toContain('STORE_UNFINISHED');
    await server.run('DELETE FROM moving', url);
    // A transaction that is under way.
    const writer = await openPostgres(url);
    await server.run(
      'CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$',
      url,
    );
    await server.run('CREATE TRIGGER wait BEFORE UPDATE ON tenant FOR EACH ROW EXECUTE FUNCTION wait()', url);
    const write = writer.tenants.setTenant('c', { disabled: false });
    expect((await moveBack(url, newFolder())).output).toContain('STORE_IN_USE');
    await write;
    await writer.close();
  });

  test.each([
    [
      'an answer that is recorded',
      async (ledger: LedgerStore) => {
        await ledger.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR, 1)] })] });
      },
      /STORE_IN_USE.*answers were recorded/,
    ],
    [
      'a process that begins',
      async (_: LedgerStore, url: string) => {
        await (await sharedServer()).run(
          `INSERT INTO replica (id, host, kind, code_version, generation, skew_ms, seen_ms)
           VALUES ('r', 'h', 'serve', 'v', 1, 0, extract(epoch FROM clock_timestamp()) * 1000)`,
          url,
        );
      },
      /STORE_IN_USE.*"kind":"serve"/,
    ],
  ] as const)('%s between its check and its locks is noticed', async (_, change, code) => {
    const { url } = await makeStore(10);
    const server = await sharedServer();
    const [store, ledger] = await shared(url)();
    await ledger.open();
    // The first of all tables is held until the change is made.
    await server.run('CREATE TABLE let_go AS SELECT 1 AS one LIMIT 0', url);
    const holds = server.run(
      `DO $$ BEGIN
         LOCK TABLE migration IN ROW EXCLUSIVE MODE;
         WHILE NOT EXISTS (SELECT 1 FROM let_go) LOOP PERFORM pg_sleep(0.02); END LOOP;
       END $$`,
      url,
    );
    const locks = (mode: string, isGranted: boolean) => async () =>
      (
        await server.run(
          `SELECT 1 FROM pg_locks WHERE relation = 'migration'::regclass AND mode = '${mode}' AND granted = ${isGranted}`,
          url,
        )
      ).length;
    await expect.poll(locks('RowExclusiveLock', true)).toBe(1);
    const opened = openPostgresSource(url, master).then(
      async (source) => {
        await source.close();
        return 'opened';
      },
      (error: unknown) => String(error),
    );
    await expect.poll(locks('ShareRowExclusiveLock', false)).toBe(1);
    await change(ledger, url);
    await server.run('INSERT INTO let_go VALUES (1)', url);
    await holds;
    expect(await opened).toMatch(code);
    await ledger.close();
    await store.close();
  });

  test.each([
    [
      'an entry',
      `UPDATE entry SET value = decode(repeat('00', 46), 'hex') WHERE id = (SELECT max(id) FROM entry)`,
      'STORE_DAMAGED',
    ],
    ['the log', `UPDATE audit SET actor = 'me' WHERE seq = 1`, 'STORE_DAMAGED'],
    [
      'an event',
      `UPDATE hit_event SET body = '{}' WHERE number = (SELECT max(number) FROM hit_event)`,
      'LEDGER_INVALID',
    ],
    [
      'a held version',
      `UPDATE held_part SET bytes = substring(bytes FROM 1 FOR length(bytes) - 1) || '\\x00'`,
      'SEALED_DAMAGED',
    ],
  ])('%s that is damaged is refused, and both sides stay as they are', async (_, sql, code) => {
    const { url } = await makeStore(10);
    await (await sharedServer()).run(sql, url);
    const target = newFolder();
    const refused = await moveBack(url, target);
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining(code)]);
    expect(existsSync(target)).toBe(false);
    await (await openPostgres(url)).close();
  });

  test('with two places, or a wrong one, the command says so', async () => {
    const both = await zeef(env(newFolder()), 'migrate', '--from', made.url, '--to', made.url);
    expect([both.code, both.output]).toEqual([2, expect.stringContaining('either --to or --from')]);
    const folderNamed = await zeef(env(newFolder()), 'migrate', '--from', '/data');
    expect([folderNamed.code, folderNamed.output]).toEqual([2, expect.stringContaining('postgres://')]);
  });
});

describe.runIf(canMove)('a move out of PostgreSQL that is interrupted', { timeout: TIMEOUT_MS }, () => {
  let made: Made;
  const moves = new Moves();
  beforeAll(async () => {
    made = await makeStore(MANY_ROWS);
  }, TIMEOUT_MS);
  afterAll(() => moves.end());
  const interrupt = (folder: string, text: string, signal: NodeJS.Signals, waitMs = 0) =>
    moves.interrupt(moves.start(folder, '--from', made.url), { text, waitMs, signal });

  test('by kill -9 or Ctrl-C at any point is continued, and no process uses the part; then by its very end', async () => {
    const folder = newFolder();
    const points = ['entry: ', 'entry: ', 'past_entry: ', 'held: ', 'event: ', 'hit: ', 'comparing entry'];
    for (const [at, text] of points.entries()) {
      const { code } = await interrupt(folder, text, 'SIGKILL', 20 * (at % 4));
      expect([text, code]).toEqual([text, null]);
      await expect(openSqliteStore(folder, { master })).rejects.toThrow(/STORE_UNFINISHED/);
      expect((await zeef(env(folder), 'verify')).output).toContain('STORE_UNFINISHED');
      // The source is open again at once.
      await (await openPostgres(made.url)).close();
    }
    const { code, output } = await interrupt(folder, 'comparing ', 'SIGINT');
    expect([output, code]).toEqual([expect.stringContaining('the same command continues'), 130]);
    // Another store, or another state of a part, is not taken for it.
    const other = await makeStore(10);
    expect((await moveBack(other.url, folder)).output).toMatch(/STORE_NOT_EMPTY.*another store/);
    const spoiled = copyOf(folder);
    const db = new Database(join(spoiled, LEDGER_FILE));
    db.exec(`UPDATE hit SET category = 'X9' WHERE id = (SELECT max(id) FROM hit)`);
    db.close();
    const differs = await moveBack(made.url, spoiled);
    expect([differs.code, differs.output]).toEqual([2, expect.stringMatching(/STORE_DIFFERS.*"tables":"hit"/)]);
    await expect(openSqliteStore(spoiled, { master })).rejects.toThrow(/STORE_UNFINISHED/);
    // Its rows are equal, and its chain of events is broken.
    const broken = copyOf(folder);
    const chain = new Database(join(broken, LEDGER_FILE));
    chain.exec('UPDATE event_link SET hash = zeroblob(32) WHERE seq = (SELECT max(seq) FROM event_link)');
    chain.close();
    const refused = await moveBack(made.url, broken);
    expect([refused.code, refused.output]).toEqual([2, expect.stringMatching(/STORE_DIFFERS.*"tables":"".*ledger: /)]);
    await expect(openSqliteStore(broken, { master })).rejects.toThrow(/STORE_UNFINISHED/);
    // As it is after a kill between the mark of the source and the end: the source is marked, and this is its part.
    const unmarked = copyOf(folder);
    const ended = await moveBack(made.url, folder);
    expect([ended.output, ended.code]).toEqual([expect.stringContaining('an earlier run is continued'), 0]);
    expect(await answers(embedded(folder), made.rich)).toEqual(made.before);
    await expect(openPostgres(made.url)).rejects.toThrow(/STORE_MOVED/);
    const late = await moveBack(made.url, unmarked);
    expect([late.output, late.code]).toEqual([expect.stringContaining('an earlier run is continued'), 0]);
    expect(await answers(embedded(unmarked), made.rich)).toEqual(made.before);
    // And between the row of the log and the end of the mark.
    const mark = JSON.stringify({ ...endOf(unmarked), since: '2026-09-14T00:00:00.000Z' });
    writeFileSync(join(unmarked, MOVING_FILE), mark);
    await expect(openSqliteStore(unmarked, { master })).rejects.toThrow(/STORE_UNFINISHED/);
    const log = await moveBack(made.url, unmarked);
    expect([log.output, log.code]).toEqual([expect.stringContaining('moved before'), 0]);
    expect(await answers(embedded(unmarked), made.rich)).toEqual(made.before);
  });

  test('begins again where the database was used in between; while one runs, a second is refused', async () => {
    const { url, rich } = await makeStore(MANY_ROWS);
    const folder = newFolder();
    const first = moves.start(folder, '--from', url);
    await moves.interrupt(first, { text: 'past_entry: ', signal: 'SIGKILL' });
    const store = await openPostgres(url);
    await store.lists.addEntries('large', stream([entryRow(1, 'md5', 'e'.repeat(32), { entryId: 'later' })]));
    await store.close();
    const now = await answers(shared(url), rich);
    const runs = moves.start(folder, '--from', url);
    const isStopped = moves.interrupt(runs, { text: 'entry: ', signal: 'SIGSTOP' });
    await Promise.race([
      isStopped,
      once(runs.stderr!, 'data').then(() => new Promise((done) => setTimeout(done, 3_000))),
    ]);
    const second = await moveBack(url, folder);
    expect([second.code, second.output]).toEqual([2, expect.stringContaining('STORE_IN_USE')]);
    runs.kill('SIGCONT');
    const { code, output } = await isStopped;
    expect([output, code]).toEqual([expect.stringContaining('thrown away'), 0]);
    expect(await answers(embedded(folder), rich)).toEqual(now);
  });
});

/** What the log of a folder says of the move that ended there. */
function endOf(dataDir: string): { source: number; fingerprint: string; token: string } {
  const db = new Database(join(dataDir, 'service.sqlite'), { readonly: true });
  const text = db.prepare<[], string>(
    `SELECT details FROM audit WHERE action = 'store.move' ORDER BY seq DESC LIMIT 1`,
  );
  const { move: token, source, fingerprint } = JSON.parse(text.pluck().get()!);
  db.close();
  return { source, fingerprint, token };
}
