/** A database as the source of a move: verified as a whole, and kept from changes by locks of all its tables until the end. */
import { hash } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import { openHeldRows } from '../../store/lists/held-rows.js';
import {
  COMPARED_TABLES,
  type ComparedTable,
  type MovedRow,
  type MovedTable,
  type MoveFacts,
  type MoveMark,
  type MoveSource,
  type TableSum,
} from '../../store/move-contract.js';
import { REPLICA_LIVE_MS } from '../../store/replicas-contract.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { Database, type Sql } from '../database.js';
import { guarded, isInTheWay } from '../guarded.js';
import { fold, lastCheckpoint } from '../ledger/fold.js';
import { DataKeys } from '../lists/data-keys.js';
import { heldParts } from '../lists/versions.js';
import { migrate } from '../migrate.js';
import { MIGRATIONS } from '../schema.js';
import { read } from './ledger.js';
import { markMovedAway, movedAway, requireFinished, storeMovedAway } from './mark.js';
import { countSql, rowsSql, TABLES } from './tables.js';
import { HELD_PARTS_PER_BATCH, sumOfTable, verifyStore } from './whole.js';

/** Rows that are read at a time. */
const ROWS_PER_BATCH = 2_000;
/** Transactions of an idle store take milliseconds, and a vacuum gives way within a second. */
const LOCK_WAIT_MS = 3_000;
const inUse = (details: Readonly<Record<string, string | number>>) =>
  new AppError('STORE_IN_USE', { ...details, action: 'stop all processes of Zeef on this database' });

/**
 * Open the store in the database at `url`, and read all of it once: what is damaged is not moved.
 * Errors  STORE_FAILED: no store, or the database fails. STORE_IN_USE: processes live, or import jobs wait. STORE_UNFINISHED. DATA_VERSION.
 * STORE_DAMAGED, LEDGER_INVALID, SEALED_DAMAGED. LIST_KEY_WRONG.
 */
export async function openPostgresSource(url: string, master: MasterKeySource): Promise<MoveSource> {
  const database = new Database(url).forAll();
  let hold: Hold | null = null;
  try {
    await requireStore(database);
    await migrate(database, MIGRATIONS);
    await database.snapshot(requireFinished);
    const keys = await DataKeys.open(database, master, { isMoving: true });
    const mark = await database.snapshot(movedAway);
    // Under the locks none could be written; in a marked store none is open.
    if (mark === null) await foldAll(database);
    hold = await holdStore(database);
    return await openHeld(database, keys, hold);
  } catch (error) {
    await hold?.abandon();
    await database.close();
    throw error;
  }
}

/** Another database is not given tables by a typing error. Errors STORE_FAILED. */
async function requireStore(database: Database): Promise<void> {
  const [found] = await database.read<{ is: boolean }>(`SELECT to_regclass('data_key') IS NOT NULL AS is`);
  const keys = found!.is ? await database.read('SELECT 1 FROM data_key LIMIT 1') : [];
  if (keys.length === 0) throw new AppError('STORE_FAILED', { why: 'the database has no store of Zeef' });
}

async function foldAll(database: Database): Promise<void> {
  await database.writeLong(async (sql) => {
    await requireUnused(sql);
    await fold(sql, { nowMs: Date.now(), newsMax: Number.MAX_SAFE_INTEGER, isAwaited: true });
  });
}

/** Errors STORE_IN_USE. */
async function requireUnused(sql: Sql): Promise<void> {
  const [live] = await sql<{ host: string; kind: string }>(
    `SELECT host, kind FROM replica
     WHERE abs(extract(epoch FROM clock_timestamp()) * 1000 - seen_ms) < $1 ORDER BY seen_ms DESC LIMIT 1`,
    [REPLICA_LIVE_MS],
  );
  if (live !== undefined) throw inUse({ host: live.host, kind: live.kind });
  const [jobs] = await sql<{ rows: number }>(
    `SELECT count(*) AS rows FROM import_job WHERE state IN ('queued', 'running')`,
  );
  if (jobs!.rows > 0)
    throw new AppError('STORE_IN_USE', { importJobs: jobs!.rows, action: 'let the import jobs end first' });
}

/** A transaction that keeps all others from writing. */
interface Hold {
  readonly sql: Sql;
  commit(): Promise<void>;
  abandon(): Promise<void>;
}

/** Errors STORE_IN_USE: a transaction of another process is under way. STORE_FAILED. */
function holdStore(database: Database): Promise<Hold> {
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    const ended = database.writeLong(async (sql) => {
      // With the lost connection its locks were lost, and what was read before may have changed.
      if (hasBegun) throw new AppError('STORE_FAILED', { why: 'the connection was lost' });
      await sql('SET LOCAL idle_in_transaction_session_timeout = 0');
      await sql(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
      try {
        await sql(`LOCK TABLE ${TABLES.join(', ')} IN SHARE ROW EXCLUSIVE MODE`);
      } catch (error) {
        throw isInTheWay(error) ? inUse({ why: 'another process writes' }) : error;
      }
      hasBegun = true;
      await new Promise<void>((end, abandon) => {
        resolve({
          sql,
          commit: () => {
            end();
            return ended;
          },
          abandon: () => {
            abandon(new AppError('STORE_FAILED', { why: 'the move was ended' }));
            return ended.catch(() => {});
          },
        });
      });
    });
    ended.catch(reject);
  });
}

async function openHeld(database: Database, keys: DataKeys, hold: Hold): Promise<MoveSource> {
  const { sql } = hold;
  await guarded(() => requireUnused(sql));
  const facts = await factsOf(database, keys, sql);
  const sums = new Map<ComparedTable, TableSum>();
  for (const table of COMPARED_TABLES) sums.set(table, await guarded(() => sumOfTable(sql, table)));
  const mark = await guarded(() => movedAway(sql));
  let isOpen = true;
  return {
    kind: 'PostgreSQL',
    facts: { ...facts, fingerprint: fingerprintOf(facts, sums) },
    mark,
    count: (table) => guarded(async () => (await sql<{ rows: number }>(countSql(table)))[0]!.rows),
    rows: (table, from) => rowsOf(sql, table, from),
    // Nothing has changed since: the locks are held.
    sum: async (table) => sums.get(table)!,
    setMark: async (wanted: MoveMark) => {
      if (mark === null) await guarded(() => markMovedAway(sql, wanted));
      isOpen = false;
      await hold.commit();
    },
    moved: storeMovedAway,
    close: async () => {
      if (isOpen) await hold.abandon();
      await database.close();
    },
  };
}

async function* rowsOf(sql: Sql, table: MovedTable, from: number): AsyncGenerator<MovedRow> {
  const batch = table === 'held' ? HELD_PARTS_PER_BATCH : ROWS_PER_BATCH;
  const rows = read<MovedRow>(sql, rowsSql(table), batch, [from]);
  for (;;) {
    const next = await guarded(() => rows.next());
    if (next.done) return;
    yield next.value;
  }
}

/** Verify the store. Errors  STORE_DAMAGED, LEDGER_INVALID, SEALED_DAMAGED, STORE_IN_USE. */
async function factsOf(database: Database, keys: DataKeys, sql: Sql): Promise<MoveFacts> {
  const { lists, audit, ledger } = await verifyStore(database, keys);
  const [problem] = lists;
  if (problem !== undefined) throw new AppError('STORE_DAMAGED', { problem });
  if (!audit.ok) throw new AppError('STORE_DAMAGED', { table: 'audit', row: audit.brokenAt! });
  if (!ledger.ok) throw new AppError('LEDGER_INVALID', { problem: ledger.problems[0]! });
  await requireHeldWhole(database, keys);
  const { hits, events, totals } = ledger;
  return guarded(async () => {
    const [links] = await sql<{ rows: number }>('SELECT count(*) AS rows FROM ledger_link');
    if (links!.rows > 0) throw inUse({ why: 'answers were recorded meanwhile' });
    const [store] = await sql<{
      store_id: number;
      generation: number;
      last_entry_key: number;
      last_list_key: number;
      usage_seed: number;
    }>('SELECT * FROM store');
    const { last, head } = await lastCheckpoint(sql);
    const { heads: _, news, ...counts } = last;
    return {
      storeId: store!.store_id,
      fingerprint: '',
      generation: store!.generation,
      lastEntryKey: store!.last_entry_key,
      lastListKey: store!.last_list_key,
      usageSeed: store!.usage_seed,
      audit: audit.head,
      ledger: {
        head: {
          groupSeq: head.no,
          groupHash: head.hash.toString('hex'),
          eventSeq: last.events.seq,
          eventHash: last.events.hash,
        },
        fold: counts,
        open: [],
        news: { rows: news.rows, lost: news.lost },
        verified: { hits, events, totals },
      },
    };
  });
}

/** Errors SEALED_DAMAGED. */
async function requireHeldWhole(database: Database, keys: DataKeys): Promise<void> {
  const held = await database.read<{ import: string }>('SELECT DISTINCT import FROM list_version WHERE is_held = 1');
  const sql: Sql = (text, values) => database.read(text, values);
  for (const { import: id } of held) for await (const _ of openHeldRows(keys.vault, heldParts(sql, id)));
}

const fingerprintOf = (facts: MoveFacts, sums: ReadonlyMap<ComparedTable, TableSum>): string =>
  hash('sha256', JSON.stringify([facts, [...sums]]), 'hex');
