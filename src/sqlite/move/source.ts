/** The embedded store as the source of a move: verified as a whole, for this process alone, and not changed. */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type {
  ComparedTable,
  MovedRow,
  MovedTable,
  MoveFacts,
  MoveSource,
  TableSum,
} from '../../store/move-contract.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { Chains } from '../ledger/chain.js';
import { LEDGER_FILE, LEDGER_SQLITE, ledgerGuarded } from '../ledger/database.js';
import { lastFold, openTallies } from '../ledger/fold.js';
import { newsAfter } from '../ledger/news.js';
import { verify } from '../ledger/verify.js';
import { readDataKeys } from '../lists/data-keys.js';
import { LISTS_SQLITE, metaOf, PAST_ENTRY, storeIdOf, usageSeedOf } from '../lists/database.js';
import { LISTS_FILE } from '../lists/file-name.js';
import { unswept } from '../lists/remove-list.js';
import { heldRows } from '../lists/versions.js';
import { markMoved, movedMark, storeMoved } from '../moved-mark.js';
import { SqliteAudit } from '../service/audit.js';
import { SERVICE_FILE, SERVICE_SQLITE } from '../service/database.js';
import { damaged } from '../sums.js';
import { problemsOfFiles } from '../verify.js';
import { openAlone } from './alone.js';
import { heldOf, heldParts, heldSum } from './held.js';
import { countSql, type FileOf, fileOf, rowsSql, sumOfTable } from './tables.js';

type Files = Readonly<Record<FileOf, Sqlite>>;

/**
 * Open the store in `dataDir`, and read all of it once: what is damaged is not moved.
 * Errors  FILE_UNREADABLE: no store, or one that has lost its ledger. STORE_IN_USE: by another process, or import jobs wait. DATA_VERSION: an earlier version, or it
 * is to be mended when it is opened. STORE_DAMAGED, LEDGER_INVALID, SEALED_DAMAGED. LIST_KEY_WRONG. STORE_FAILED.
 */
export async function openSqliteMove(dataDir: string, master: MasterKeySource): Promise<MoveSource> {
  for (const file of [LISTS_FILE, SERVICE_FILE])
    if (!existsSync(join(dataDir, file)))
      throw new AppError('FILE_UNREADABLE', { path: join(dataDir, file), why: 'no embedded store, or a part of one' });
  const opened: Sqlite[] = [];
  const close = async () => {
    for (const db of opened) db.close();
  };
  const open = (file: Parameters<typeof openAlone>[1]) => {
    const db = openAlone(dataDir, file);
    opened.push(db);
    return db;
  };
  try {
    const files = { lists: open(LISTS_SQLITE), service: open(SERVICE_SQLITE), ledger: open(LEDGER_SQLITE) };
    requireReady(files);
    if (!existsSync(join(dataDir, LEDGER_FILE))) requireNoLedger(files, dataDir);
    const vault = new Vault(() => readDataKeys(files.lists, master));
    const facts = await verified(files);
    const held = heldOf(files.lists, dataDir);
    for (const { listId } of held) for await (const _ of heldRows(vault, dataDir, listId));
    defineFunctions(files);
    return {
      kind: 'SQLite',
      facts,
      mark: guarded(() => movedMark(dataDir)),
      setMark: (mark) => markMoved(dataDir, mark),
      moved: (mark) => storeMoved(dataDir, mark),
      count: async (table) => (table === 'held' ? 0 : countOf(files[fileOf(table)], table)),
      rows: (table, from) => (table === 'held' ? heldParts(held, from) : rowsOf(files[fileOf(table)], table, from)),
      sum: (table) => sumOf(files, held, table),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Errors  STORE_IN_USE, DATA_VERSION, STORE_DAMAGED. */
function requireReady({ lists, service }: Files): void {
  guarded(() => {
    const jobs = service.prepare(`SELECT count(*) FROM import_job WHERE state IN ('queued', 'running')`).pluck().get();
    if (jobs !== 0)
      throw new AppError('STORE_IN_USE', { importJobs: Number(jobs), action: 'let the import jobs end first' });
    const isOld = metaOf(lists, 'values_plain') === 1 || metaOf(lists, 'ids_by_line') === 1;
    if (isOld || unswept(lists).length > 0)
      throw new AppError('DATA_VERSION', { file: LISTS_FILE, action: 'open it once by this version: zeef lists show' });
    const lost = lists.prepare<[], number>('SELECT id FROM past_entry WHERE is_damaged = 1').pluck().get();
    // Without it an earlier version would be restored with an entry less.
    if (lost !== undefined) throw damaged(PAST_ENTRY, lost);
  });
}

/**
 * The ledger alone is made by the first service or webhook: beside what only they write, it is lost, and its cases and counts with it.
 * Errors FILE_UNREADABLE.
 */
function requireNoLedger({ service }: Files, dataDir: string): void {
  const used = service.prepare(`SELECT 1 FROM duty WHERE name = 'retention' UNION ALL SELECT 1 FROM webhook`);
  if (guarded(() => used.get()) === undefined) return;
  throw new AppError('FILE_UNREADABLE', {
    path: join(dataDir, LEDGER_FILE),
    why: 'the ledger is missing, and a service has written one',
    action: 'restore it; to move the store without its cases and counts, make an empty one: zeef ledger verify',
  });
}

/** Verify all files. Errors  STORE_DAMAGED, LEDGER_INVALID. */
async function verified(files: Files): Promise<MoveFacts> {
  const { lists, service, ledger } = files;
  const [problem] = guarded(() => problemsOfFiles(lists, service));
  if (problem !== undefined) throw new AppError('STORE_DAMAGED', { problem });
  const audit = await new SqliteAudit(service).verify();
  if (!audit.ok) throw new AppError('STORE_DAMAGED', { table: 'audit', row: audit.brokenAt! });
  const check = ledgerGuarded(() => verify(ledger));
  if (!check.ok) throw new AppError('LEDGER_INVALID', { problem: check.problems[0]! });
  const { hits, events, totals } = check;
  return guarded(() => {
    const { head } = new Chains(ledger);
    return {
      storeId: storeIdOf(lists),
      fingerprint: fingerprintOf(files),
      generation: metaOf(lists, 'generation'),
      lastEntryKey: metaOf(lists, 'last_entry_key'),
      lastListKey: lastListKey(lists),
      usageSeed: usageSeedOf(lists),
      audit: audit.head,
      ledger: {
        head,
        fold: lastFold(ledger, head.foldSeq).fold,
        open: [...openTallies(ledger, head.foldSeq)],
        news: head.news,
        verified: { hits, events, totals },
      },
    };
  });
}

/** Keys of lists are never given twice, also those of lists that are gone. */
const lastListKey = (db: Sqlite): number =>
  db
    .prepare<[], number>(
      `SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'list'), 0),
         coalesce((SELECT max(id) FROM list), 0), coalesce((SELECT max(list_id) FROM removed_list), 0))`,
    )
    .pluck()
    .get()!;

/** Tables of the processes alone change when a store is only looked at. */
const TOTALS = `SELECT name, part, rows, sum FROM total WHERE name NOT IN ('duty', 'replica') ORDER BY name, part`;

function fingerprintOf({ lists, service, ledger }: Files): string {
  const all = [
    lists.prepare(TOTALS).raw().all(),
    service.prepare(TOTALS).raw().all(),
    service.prepare('SELECT seq, hash FROM audit_head').raw().all(),
    ledger.prepare('SELECT state FROM head').raw().all(),
    ledger.prepare('SELECT count(*), max(at) FROM answered').raw().all(),
  ];
  return hash('sha256', JSON.stringify(all), 'hex');
}

/** Functions of the statements in `tables.ts`. */
function defineFunctions({ lists, service, ledger }: Files): void {
  const ends = lists.prepare<[], { number: number; removal: number }>(
    'SELECT number, removal FROM generation ORDER BY number',
  );
  const all = ends.all();
  let at = 0;
  lists.function('zeef_generation', (seq) => {
    // Removals and generations rise together.
    if (at > 0 && all[at - 1]!.removal >= (seq as number)) at = 0;
    while (at < all.length - 1 && all[at]!.removal < (seq as number)) at++;
    return all[at]!.number;
  });
  const seqs = ledger.prepare<[], number>('SELECT seq FROM hit_news ORDER BY seq').pluck().all();
  const { eventSeq } = new Chains(ledger).head;
  service.function('zeef_after', (mark) => {
    const [first] = newsAfter(ledger, mark as string, seqs.map(String));
    return first === undefined ? eventSeq : Number(first) - 1;
  });
}

const countOf = (db: Sqlite, table: MovedTable) =>
  guarded(() => db.prepare<[], number>(countSql(table)).pluck().get()!);

async function* rowsOf(db: Sqlite, table: MovedTable, from: number): AsyncGenerator<MovedRow> {
  const rows = guarded(() => db.prepare<[number], MovedRow>(rowsSql(table)).iterate(from));
  try {
    for (;;) {
      const next = guarded(() => rows.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    rows.return?.();
  }
}

const sumOf = (files: Files, held: ReturnType<typeof heldOf>, table: ComparedTable): Promise<TableSum> =>
  table === 'held' ? heldSum(held) : sumOfTable(files[fileOf(table)], table);
