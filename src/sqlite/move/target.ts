/** A data folder without a store as the target of a move. Each step is a transaction; this process alone has the files. */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { AppError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { AuditEvent } from '../../store/audit-contract.js';
import type {
  Begun,
  ComparedTable,
  MovedRow,
  MovedTable,
  MoveFacts,
  MovePlace,
  MoveTarget,
  TableSum,
} from '../../store/move-contract.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { LEDGER_FILE, LEDGER_SQLITE, ledgerGuarded } from '../ledger/database.js';
import { verify } from '../ledger/verify.js';
import { sumOfEntry } from '../lists/checksum.js';
import { readDataKeys } from '../lists/data-keys.js';
import { LISTS_SQLITE, metaOf } from '../lists/database.js';
import { dropEntryIndexes, makeEntryIndexes } from '../lists/entry-indexes.js';
import { retotalEntries } from '../lists/entry-table.js';
import { LISTS_FILE } from '../lists/file-name.js';
import { HELD_FOLDER, heldRows } from '../lists/versions.js';
import { type MovingMark, markMoving, movingMark, requireNotMoved, unmarkMoving } from '../moved-mark.js';
import { SqliteAudit } from '../service/audit.js';
import { SERVICE_FILE, SERVICE_SQLITE } from '../service/database.js';
import { prepared } from '../statements.js';
import { problemsOfFiles } from '../verify.js';
import { openAlone, openTarget } from './alone.js';
import { heldOf, heldSum, putHeldParts, syncHeld } from './held.js';
import { markAfter, putEvents, writeFold } from './ledger.js';
import { countSql, type FileOf, fileOf, insertSql, sumOfTable } from './tables.js';

type Files = Readonly<Record<FileOf, Sqlite>>;

/** The action of the row that names an ended move in the audit log. */
const MOVE_ACTION = 'store.move';

/**
 * Take the folder as a target. Errors  STORE_MOVED: a store was moved out of it. STORE_NOT_EMPTY: it has a store that was not moved here.
 * LIST_KEY_WRONG: no key was configured. STORE_IN_USE, STORE_FAILED.
 */
export async function openSqliteTarget(dataDir: string, master: MasterKeySource): Promise<MoveTarget> {
  guarded(() => requireNotMoved(dataDir));
  const target = new SqliteMove(dataDir, master);
  try {
    if (target.hasStore() && movingMark(dataDir) === null && (await target.token()) === null) throw target.notEmpty();
    return target;
  } catch (error) {
    await target.close();
    throw error;
  }
}

class SqliteMove implements MoveTarget {
  readonly #dataDir: string;
  readonly #master: MasterKeySource;
  readonly #counts = new Map<MovedTable, number>();
  #files: Files | null = null;
  #facts: MoveFacts | null = null;

  constructor(dataDir: string, master: MasterKeySource) {
    this.#dataDir = dataDir;
    this.#master = master;
  }

  hasStore(): boolean {
    return [LISTS_FILE, SERVICE_FILE, LEDGER_FILE].some((file) => existsSync(join(this.#dataDir, file)));
  }

  notEmpty(why = 'it has a store'): AppError {
    const action = 'give it a data folder that no process of Zeef has used';
    return new AppError('STORE_NOT_EMPTY', { folder: this.#dataDir, why, action });
  }

  async place(): Promise<MovePlace> {
    return { host: hostname(), folder: resolve(this.#dataDir) };
  }

  async token(): Promise<string | null> {
    return (movingMark(this.#dataDir) ?? this.#ended())?.token ?? null;
  }

  /** The move that has ended here, by the audit log. */
  #ended(): Omit<MovingMark, 'since'> | null {
    if (this.#files !== null) return endedIn(this.#files.service);
    if (!existsSync(join(this.#dataDir, SERVICE_FILE))) return null;
    // Not by `openTarget`: a store that is no target of a move stays as it is.
    const service = openAlone(this.#dataDir, SERVICE_SQLITE);
    try {
      return endedIn(service);
    } finally {
      service.close();
    }
  }

  async begin(facts: MoveFacts): Promise<Begun> {
    this.#facts = facts;
    const { storeId: source, fingerprint } = facts;
    const found = guarded(() => movingMark(this.#dataDir));
    const ended = this.#ended();
    const isThis = (mark: Omit<MovingMark, 'since'>) => mark.source === source && mark.fingerprint === fingerprint;
    if (ended !== null && (found === null || found.token === ended.token)) {
      if (!isThis(ended)) throw this.notEmpty('another store, or another state of this one, was moved here');
      // It was killed between the row of the log and the end of the mark.
      unmarkMoving(this.#dataDir);
      return { how: 'ended', token: ended.token };
    }
    if (found !== null && isThis(found)) {
      this.#prepare();
      return { how: 'resumed', token: found.token };
    }
    if (found === null && this.hasStore()) throw this.notEmpty();
    if (found !== null && found.source !== source) throw this.notEmpty('it has a part of another store');
    makeFolder(this.#dataDir);
    const token = randomUUID();
    // Under the lock of a part that is thrown away: another run may add to it.
    if (found !== null) this.#open();
    await markMoving(this.#dataDir, { source, fingerprint, token, since: new Date().toISOString() });
    this.#empty();
    this.#prepare();
    return { how: found === null ? 'new' : 'again', token };
  }

  #open(): Files {
    if (this.#files === null) {
      const opened: Sqlite[] = [];
      const open = (file: Parameters<typeof openTarget>[1]) => {
        const db = openTarget(this.#dataDir, file);
        opened.push(db);
        return db;
      };
      try {
        this.#files = { lists: open(LISTS_SQLITE), service: open(SERVICE_SQLITE), ledger: open(LEDGER_SQLITE) };
      } catch (error) {
        for (const db of opened) db.close();
        throw error;
      }
    }
    return this.#files;
  }

  /** Throw away the part of a move. */
  #empty(): void {
    this.#close();
    for (const file of [LISTS_FILE, SERVICE_FILE, LEDGER_FILE])
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(this.#dataDir, `${file}${suffix}`), { force: true });
    rmSync(join(this.#dataDir, HELD_FOLDER), { recursive: true, force: true });
  }

  /** Remove what a new store has, once: its values are sealed already, and it has generations of its own. */
  #prepare(): void {
    const { lists } = this.#open();
    guarded(() => {
      if (metaOf(lists, 'values_plain') === 0) return;
      lists
        .transaction(() => {
          lists.exec(`UPDATE meta SET value = 0 WHERE name IN ('values_plain', 'ids_by_line'); DELETE FROM generation`);
          dropEntryIndexes(lists);
        })
        .immediate();
    });
  }

  async count(table: MovedTable): Promise<number> {
    // Held versions are written again.
    if (table === 'held') return this.#counts.get(table) ?? 0;
    const db = this.#open()[fileOf(table)];
    const known = this.#counts.get(table) ?? guarded(() => db.prepare<[], number>(countSql(table)).pluck().get()!);
    this.#counts.set(table, known);
    return known;
  }

  async put(table: MovedTable, from: number, rows: readonly MovedRow[]): Promise<void> {
    if ((await this.count(table)) !== from)
      throw new AppError('STORE_IN_USE', { table, action: 'one zeef migrate at a time moves into a folder' });
    if (table === 'held') await guardedAsync(() => putHeldParts(this.#dataDir, rows));
    else {
      const db = this.#open()[fileOf(table)];
      guarded(() => db.transaction(() => this.#add(db, table, rows)).immediate());
    }
    this.#counts.set(table, from + rows.length);
  }

  #add(db: Sqlite, table: MovedTable, rows: readonly MovedRow[]): void {
    if (table === 'event') putEvents(db, this.#facts!.ledger, rows);
    else if (table === 'removal') putRemovals(db, rows);
    else {
      const insert = prepared(db, insertSql(table));
      for (const row of rows) insert.run(this.#written(table, row));
      if (table === 'list') putSources(db, rows);
    }
  }

  /** Add the columns that the rows of a move do not have. */
  #written(table: MovedTable, row: MovedRow): object {
    if (table === 'entry') return { ...row, sum: sumOfEntry(row as never) };
    if (table === 'webhook') return { ...row, mark: markAfter(this.#open().ledger, row.after as number) };
    return row;
  }

  async derive(facts: MoveFacts): Promise<void> {
    const { lists, service, ledger } = this.#open();
    guarded(() => lists.transaction(() => deriveLists(lists, facts)).immediate());
    guarded(() =>
      service
        .prepare('INSERT OR REPLACE INTO audit_head (id, seq, hash) VALUES (1, ?, ?)')
        .run(facts.audit.seq, facts.audit.hash),
    );
    guarded(() => ledger.transaction(() => writeFold(ledger, facts.ledger, Date.now())).immediate());
    guarded(() => syncHeld(heldOf(lists, this.#dataDir)));
  }

  sum(table: ComparedTable): Promise<TableSum> {
    const files = this.#open();
    return table === 'held'
      ? guardedAsync(() => heldSum(heldOf(files.lists, this.#dataDir)))
      : sumOfTable(files[fileOf(table)], table);
  }

  async problems(facts: MoveFacts): Promise<readonly string[]> {
    const { lists, service, ledger } = this.#open();
    const problems = [...guarded(() => problemsOfFiles(lists, service))];
    const vault = new Vault(() => readDataKeys(lists, this.#master));
    for (const { listId } of heldOf(lists, this.#dataDir))
      for await (const _ of heldRows(vault, this.#dataDir, listId));
    const audit = await new SqliteAudit(service).verify();
    if (!audit.ok || audit.head.hash !== facts.audit.hash) problems.push('audit: the log is not that of the source');
    const check = ledgerGuarded(() => verify(ledger));
    problems.push(...check.problems.map((problem) => `ledger: ${problem}`));
    const { hits, events, totals } = check;
    if (JSON.stringify({ hits, events, totals }) !== JSON.stringify(facts.ledger.verified))
      problems.push('ledger: its hits, events or counts are not those of the source');
    return problems;
  }

  async finish(event: Omit<AuditEvent, 'outcome' | 'ends'>): Promise<void> {
    const { service } = this.#open();
    const { token, source, fingerprint } = movingMark(this.#dataDir)!;
    const audit = new SqliteAudit(service);
    const details = { ...event.details, move: token, source, fingerprint };
    guarded(() =>
      service
        .transaction(() => {
          const begun = audit.appendNow({ ...event, details, outcome: 'begun', ends: null });
          audit.appendNow({ ...event, details, outcome: 'done', ends: begun.seq });
        })
        .immediate(),
    );
    guarded(() => unmarkMoving(this.#dataDir));
  }

  async close(): Promise<void> {
    this.#close();
  }

  #close(): void {
    for (const db of Object.values(this.#files ?? {})) db.close();
    this.#files = null;
    this.#counts.clear();
  }
}

/** Errors STORE_FAILED. */
async function guardedAsync<T>(access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    return guarded(() => {
      throw error;
    });
  }
}

function endedIn(service: Sqlite): Omit<MovingMark, 'since'> | null {
  const row = service
    .prepare<[string], { move: string; source: number; fingerprint: string }>(
      `SELECT details ->> 'move' AS move, details ->> 'source' AS source, details ->> 'fingerprint' AS fingerprint
       FROM audit WHERE action = ? AND outcome = 'done' AND details ->> 'move' IS NOT NULL ORDER BY seq DESC LIMIT 1`,
    )
    .get(MOVE_ACTION);
  return row ? { token: row.move, source: row.source, fingerprint: row.fingerprint } : null;
}

function putSources(db: Sqlite, rows: readonly MovedRow[]): void {
  const insert = prepared(db, 'INSERT INTO list_source (list_id, source) VALUES (@id, @source)');
  for (const { id, source } of rows) if (source !== null) insert.run({ id, source });
}

/** Removals are numbered here, in the order of their generations; a generation has the number of its last one. */
function putRemovals(db: Sqlite, rows: readonly MovedRow[]): void {
  const insert = prepared(db, insertSql('removal'));
  // One whose generation is forgotten belongs to the first that is known, as in a reader's position.
  const note = prepared<[number | bigint, number]>(
    db,
    'UPDATE generation SET removal = ? WHERE number = (SELECT min(number) FROM generation WHERE number >= ?)',
  );
  for (const row of rows) note.run(insert.run(row).lastInsertRowid, row.generation as number);
}

/** Write what is derived from the rows of the lists. */
function deriveLists(db: Sqlite, facts: MoveFacts): void {
  const { storeId, generation, lastEntryKey, lastListKey, usageSeed } = facts;
  const setMeta = db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)');
  setMeta.run('store_id', storeId);
  setMeta.run('generation', generation);
  setMeta.run('last_entry_key', lastEntryKey);
  setMeta.run('usage_seed', usageSeed);
  // A generation without removals ends where the one before it does.
  db.exec(
    `UPDATE generation SET removal = ended.removal FROM (
       SELECT number, max(removal) OVER (ORDER BY number) AS removal FROM generation
     ) AS ended WHERE generation.number = ended.number AND generation.removal <> ended.removal`,
  );
  // Keys of lists that are gone are not given again.
  db.prepare(`DELETE FROM sqlite_sequence WHERE name = 'list'`).run();
  db.prepare(`INSERT INTO sqlite_sequence (name, seq) VALUES ('list', ?)`).run(lastListKey);
  retotalEntries(db);
  const made = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'entry_identity'`).get();
  if (made === undefined) makeEntryIndexes(db);
}
