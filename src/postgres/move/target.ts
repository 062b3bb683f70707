/** An empty database as the target of a move. Each step is a transaction that knows whether it was done before. */
import { AppError } from '../../core/errors.js';
import { auditHash, detailsText, storable } from '../../store/audit-chain.js';
import type { AuditEvent, AuditHead } from '../../store/audit-contract.js';
import {
  type Begun,
  type ComparedTable,
  MOVED_TABLES,
  type MovedRow,
  type MovedTable,
  type MoveFacts,
  type MovePlace,
  type MoveTarget,
  type TableSum,
} from '../../store/move-contract.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { Database, type Sql } from '../database.js';
import { hostsOf } from '../hosts.js';
import { DataKeys } from '../lists/data-keys.js';
import { lockStore } from '../lists/generations.js';
import { migrate } from '../migrate.js';
import { arraysOf, unnested } from '../rows.js';
import { MIGRATIONS } from '../schema.js';
import { putEvents, putHits, putNews, putWebhooks, sourceChainProblem, writeCheckpoint } from './ledger.js';
import { columnsOf, insertSql, TABLES } from './tables.js';
import { sumOfTable, verifyStore } from './whole.js';

/** Tables that have rows in an empty store. */
const NEVER_EMPTY = ['migration', 'store', 'generation', 'audit_head', 'ledger_head', 'moving', 'moved_table'];

interface Marker {
  readonly source: number;
  readonly fingerprint: string;
  readonly token: string;
}

/** Of a move that has begun, and of one that has ended; at most one of them has a row. */
const BEGUN = 'SELECT source, fingerprint, token FROM moving';
const ENDED = 'SELECT source, fingerprint, token FROM moved';

/**
 * Open the database at `url`, and bring its schema to this version.
 * Errors  CONFIG_INVALID: the URL is malformed. DATA_VERSION, STORE_FAILED. LIST_KEY_WRONG: no key was configured.
 */
export async function openPostgresMove(url: string, master: MasterKeySource): Promise<MoveTarget> {
  if (master.own !== null) {
    const action = 'copy list.key of the data folder to where every process reads it, and set ZEEF_LIST_KEY_FILE';
    throw new AppError('LIST_KEY_WRONG', { why: 'every process needs the same master key', action });
  }
  const database = new Database(url);
  try {
    await migrate(database, MIGRATIONS);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new PostgresMove(database.forAll(), master, hostsOf(url));
}

class PostgresMove implements MoveTarget {
  readonly #database: Database;
  readonly #master: MasterKeySource;
  readonly #host: string;
  #facts: MoveFacts | null = null;

  constructor(database: Database, master: MasterKeySource, host: string) {
    this.#database = database;
    this.#master = master;
    this.#host = host;
  }

  async place(): Promise<MovePlace> {
    const [row] = await this.#database.read<{ name: string }>('SELECT current_database()::text AS name');
    return { host: this.#host, database: row!.name };
  }

  async token(): Promise<string | null> {
    const [row] = await this.#database.read<Marker>(`${BEGUN} UNION ALL ${ENDED}`);
    return row?.token ?? null;
  }

  async begin(facts: MoveFacts): Promise<Begun> {
    this.#facts = facts;
    return this.#database.writeLong(async (sql) => {
      // A process that opens an empty store makes its first data key under the same lock.
      await lockStore(sql);
      const [ended] = await sql<Marker>(ENDED);
      if (ended !== undefined) return { how: 'ended', token: tokenOfEnded(ended, facts) };
      const [found] = await sql<Marker>(BEGUN);
      if (found === undefined) await requireEmpty(sql);
      else if (found.source !== facts.storeId)
        throw new AppError('STORE_NOT_EMPTY', { why: 'it holds a part of another store' });
      else if (found.fingerprint === facts.fingerprint) return { how: 'resumed', token: found.token };
      if (found !== undefined) await empty(sql);
      const token = await prepare(sql, facts);
      return { how: found === undefined ? 'new' : 'again', token };
    });
  }

  async count(table: MovedTable): Promise<number> {
    const [row] = await this.#database.read<{ rows: number }>('SELECT rows FROM moved_table WHERE name = $1', [table]);
    return row?.rows ?? 0;
  }

  put(table: MovedTable, from: number, rows: readonly MovedRow[]): Promise<void> {
    const to = from + rows.length;
    let hasBegun = false;
    return this.#database.writeOnce(async (sql) => {
      const [found] = await sql<{ rows: number }>('SELECT rows FROM moved_table WHERE name = $1 FOR UPDATE', [table]);
      // The reply to the commit of an earlier try was lost.
      if (hasBegun && found?.rows === to) return;
      hasBegun = true;
      if (found?.rows !== from)
        throw new AppError('STORE_IN_USE', { table, action: 'one zeef migrate at a time moves into a database' });
      await this.#add(sql, table, rows);
      await sql('UPDATE moved_table SET rows = $2 WHERE name = $1', [table, to]);
    });
  }

  #add(sql: Sql, table: MovedTable, rows: readonly MovedRow[]): Promise<unknown> {
    if (table === 'event') return putEvents(sql, this.#facts!.ledger, rows);
    if (table === 'hit') return putHits(sql, rows);
    if (table === 'news') return putNews(sql, rows);
    if (table === 'webhook') return putWebhooks(sql, rows);
    const columns = columnsOf(table);
    return sql(insertSql(table, unnested(columns)), arraysOf(columns, rows));
  }

  async derive(facts: MoveFacts): Promise<void> {
    await this.#database.writeLong(async (sql) => {
      await requireMark(sql, facts);
      await sql(
        `UPDATE list SET first_key = held.first_key, last_key = held.last_key
         FROM (SELECT list_id, min(id) AS first_key, max(id) AS last_key FROM entry GROUP BY list_id) AS held
         WHERE held.list_id = list.id`,
      );
      const { seq, hash } = facts.audit;
      await sql('UPDATE audit_head SET seq = $1, hash = $2', [seq, hash]);
      await writeCheckpoint(sql, facts, Date.now());
      // The first queries after a move find no statistics of so many new rows.
      await sql('ANALYZE entry, past_entry, removal, hit, hit_event, tally');
    });
  }

  async sum(table: ComparedTable): Promise<TableSum> {
    return this.#database.readLong((sql) => sumOfTable(sql, table));
  }

  async problems(facts: MoveFacts): Promise<readonly string[]> {
    const keys = await DataKeys.open(this.#database, this.#master, { isMoving: true });
    const { lists, audit, ledger } = await verifyStore(this.#database, keys);
    const problems = [...lists];
    if (!audit.ok || audit.head.hash !== facts.audit.hash) problems.push('audit: the log is not that of the source');
    problems.push(...ledger.problems.map((problem) => `ledger: ${problem}`));
    const { hits, events, totals } = ledger;
    if (JSON.stringify({ hits, events, totals }) !== JSON.stringify(facts.ledger.verified))
      problems.push('ledger: its hits, events or counts are not those of the source');
    const chain = await this.#database.readLong((sql) => sourceChainProblem(sql, facts));
    if (chain !== null) problems.push(chain);
    return problems;
  }

  async finish(event: Omit<AuditEvent, 'outcome' | 'ends'>): Promise<void> {
    let hasBegun = false;
    await this.#database.writeOnce(async (sql) => {
      await lockStore(sql);
      // An earlier try was committed, its reply lost.
      if (hasBegun && (await sql('SELECT 1 FROM moving')).length === 0) return;
      hasBegun = true;
      await requireMark(sql, this.#facts!);
      await sql(`INSERT INTO moved (id, source, fingerprint, token) SELECT 1, begun.* FROM (${BEGUN}) AS begun`);
      await sql('DELETE FROM moving');
      await sql('DELETE FROM moved_table');
      const begun = await append(sql, { ...event, outcome: 'begun', ends: null });
      await append(sql, { ...event, outcome: 'done', ends: begun.seq });
    });
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** Errors STORE_IN_USE: another move has begun in this database since. */
async function requireMark(sql: Sql, { storeId, fingerprint }: MoveFacts): Promise<void> {
  const [found] = await sql<Marker>(`${BEGUN} FOR UPDATE`);
  if (found?.source !== storeId || found.fingerprint !== fingerprint)
    throw new AppError('STORE_IN_USE', { action: 'one zeef migrate at a time moves into a database' });
}

/** Errors STORE_NOT_EMPTY: another store was moved here, or this one before it was used again. */
function tokenOfEnded({ source, fingerprint, token }: Marker, facts: MoveFacts): string {
  if (source === facts.storeId && fingerprint === facts.fingerprint) return token;
  const isOther = source !== facts.storeId;
  const why = isOther
    ? 'another store was moved here'
    : 'this store was moved here, and its data folder was used since';
  throw new AppError('STORE_NOT_EMPTY', { why, action: 'give it a database that no process of Zeef has used' });
}

const EMPTY = TABLES.filter((name) => !NEVER_EMPTY.includes(name));

/** Errors STORE_NOT_EMPTY. */
async function requireEmpty(sql: Sql): Promise<void> {
  const action = 'give it a database that no process of Zeef has used';
  for (const table of EMPTY) {
    const [row] = await sql<{ some: boolean }>(`SELECT EXISTS (SELECT 1 FROM ${table}) AS some`);
    if (row!.some) throw new AppError('STORE_NOT_EMPTY', { table, action });
  }
  const [row] = await sql<{ used: boolean }>(
    `SELECT (SELECT generation FROM store) > 1 OR (SELECT seq FROM audit_head) > 0 OR (SELECT no FROM ledger_head) > 0 AS used`,
  );
  if (row!.used) throw new AppError('STORE_NOT_EMPTY', { action });
}

/** Throw away the part of a move. */
async function empty(sql: Sql): Promise<void> {
  await sql(`TRUNCATE ${EMPTY.join(', ')}, moving, moved_table`);
  await sql(`UPDATE audit_head SET seq = 0, hash = repeat('0', 64)`);
  await sql(`UPDATE ledger_head SET no = 0, hash = sha256('zeef ledger')`);
}

/** Result: the token of the move. */
async function prepare(sql: Sql, facts: MoveFacts): Promise<string> {
  const { storeId, fingerprint, usageSeed, generation, lastEntryKey, lastListKey } = facts;
  const [made] = await sql<Pick<Marker, 'token'>>(
    'INSERT INTO moving (id, source, fingerprint) VALUES (1, $1, $2) RETURNING token',
    [storeId, fingerprint],
  );
  await sql('DELETE FROM generation');
  await sql(
    `UPDATE store SET store_id = $1, usage_seed = $2, generation = $3, last_entry_key = $4, last_list_key = $5`,
    [storeId, usageSeed, generation, lastEntryKey, lastListKey],
  );
  await sql('INSERT INTO moved_table (name, rows) SELECT name, 0 FROM unnest($1::text[]) AS name', [MOVED_TABLES]);
  return made!.token;
}

async function append(sql: Sql, event: AuditEvent): Promise<AuditHead> {
  const { at, actor, action, tenant, target, outcome, ends, details: facts } = storable(event);
  const details = detailsText(facts);
  const [before] = await sql<AuditHead>('SELECT seq, hash FROM audit_head FOR UPDATE');
  const seq = before!.seq + 1;
  const hash = auditHash(before!, { at, actor, action, tenant, target, details, outcome, ends });
  await sql(
    `INSERT INTO audit (seq, at, actor, action, tenant, target, details, hash, outcome, ends)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [seq, at, actor, action, tenant, target, details, hash, outcome, ends],
  );
  await sql('UPDATE audit_head SET seq = $1, hash = $2', [seq, hash]);
  return { seq, hash };
}
