/** Reads and transactions, each on a connection of its own for their duration. */
import { setTimeout as delay } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import type { PoolClient } from 'pg';
import { AppError } from '../core/errors.js';
import { guarded, isDeadlock, isInTheWay, isLost, isReadOnly } from './guarded.js';
import { PrimaryPool } from './pool.js';
import { ALL_TENANTS, type Scope, scopeOf, withScope } from './scope.js';
import { type SqlValue, toParameters } from './values.js';

/** Run one statement. Result: its rows. Errors are those of the driver. */
export type Sql = <Row = unknown>(text: string, values?: readonly SqlValue[]) => Promise<Row[]>;

/** Transactions on these tables are some milliseconds long. */
const WRITERS_MAX = 4;
const READERS_MAX = 4;
/** Of them, long reads at a time: the others are left to requests, which wait seconds for one. */
const LONG_READERS_MAX = 2;
/** Reports that wait for their turn: more are refused at once, and asked for again. */
const LONG_WAITING_MAX = 8;

/** How long what another transaction was in the way of is tried again. */
export interface Patience {
  /** No try begins later. */
  readonly ms: number;
  /** Between two tries. */
  readonly pauseMs: number;
}
/**
 * Of a caller: a server that was killed is up again by then, or its standby is promoted. The pause is several round trips, and
 * short compared with that.
 */
const PATIENCE: Patience = { ms: 20_000, pauseMs: 50 };
/** Of a statement over whole tables, for which the server has no limit: a server that is gone is noticed by its connection. */
const LONG_STATEMENT_MS_MAX = 24 * 3_600_000;
/** By which the driver's limit is longer than the server's, as it is in `pool.ts`. */
const DRIVER_MS_MORE = 1_000;

interface Pools {
  readonly writers: PrimaryPool;
  /** Apart, so that many writers do not keep a request from reading its key. */
  readonly readers: PrimaryPool;
  /** Of the readers, for long reads. */
  readonly long: LimitFunction;
}

const openPools = (url: string): Pools => ({
  writers: new PrimaryPool(url, WRITERS_MAX),
  readers: new PrimaryPool(url, READERS_MAX),
  long: pLimit(LONG_READERS_MAX),
});

/** Rows of tenants are seen by `forTenant` and `forAll` alone (`fence.ts`); those share the connections. */
export class Database {
  readonly #pools: Pools;
  readonly #writers: PrimaryPool;
  readonly #readers: PrimaryPool;
  readonly #scope: Scope | null;

  /** Errors CONFIG_INVALID: the URL is malformed. No connection is opened yet. */
  constructor(place: string | Pools, scope: Scope | null = null) {
    this.#pools = typeof place === 'string' ? openPools(place) : place;
    this.#writers = this.#pools.writers;
    this.#readers = this.#pools.readers;
    this.#scope = scope;
  }

  /** The same database, of which the rows of one tenant are seen. */
  forTenant(tenant: string): Database {
    return new Database(this.#pools, scopeOf(tenant));
  }

  /** The same database with the rows of all tenants: for what the service does as a whole. */
  forAll(): Database {
    return new Database(this.#pools, ALL_TENANTS);
  }

  /** The rows that a filter of a contract means: of one tenant, or null for those of all. */
  forFilter(tenant: string | null): Database {
    return tenant === null ? this.forAll() : this.forTenant(tenant);
  }

  /** Run one statement that changes nothing; in one round trip, or in three with a scope. Repeated as `snapshot` is. Errors STORE_FAILED. */
  read<Row>(text: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    if (this.#scope !== null) return this.snapshot((sql) => sql<Row>(text, values));
    return guarded(async () => {
      for (let tried = 1; ; tried++) {
        const client = await this.#readers.connect();
        try {
          const { rows } = await client.query(text, toParameters(values));
          this.#readers.release(client, { isLost: false });
          return rows as Row[];
        } catch (error) {
          this.#readers.release(client, { isLost: isLost(error) });
          // Of connections that were lost while they were idle, none is left after so many; nor is a deadlock met as often.
          if (!(isLost(error) || isDeadlock(error)) || tried > READERS_MAX) throw error;
        }
      }
    });
  }

  /**
   * Run statements that change nothing on one state of the database; all of them again where the connection is lost in between,
   * or another transaction and they wait for each other. A lock that is held for long is not waited for again: callers of reports are many.
   * Errors STORE_FAILED; those of `act`.
   */
  snapshot<T>(act: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#snapshot(act);
  }

  /**
   * The same for what takes longer than a request: a verification, or with `statementMs` a report. Some run at a time, others wait.
   * `statementMs`: of each statement; by default the server has no limit.
   */
  readLong<T>(act: (sql: Sql) => Promise<T>, statementMs: number | null = null): Promise<T> {
    if (this.#pools.long.pendingCount >= LONG_WAITING_MAX)
      return Promise.reject(new AppError('STORE_FAILED', { why: 'many reports are read', waiting: LONG_WAITING_MAX }));
    const acts = async (sql: Sql) => {
      await sql(`SET LOCAL statement_timeout = ${statementMs ?? 0}`);
      return act(sql);
    };
    const driverMs = statementMs === null ? LONG_STATEMENT_MS_MAX : statementMs + DRIVER_MS_MORE;
    return this.#pools.long(() => this.#snapshot(acts, driverMs));
  }

  #snapshot<T>(act: (sql: Sql) => Promise<T>, driverMs?: number): Promise<T> {
    return guarded(async () => {
      for (let tried = 1; ; tried++) {
        let hasBegun = false;
        const acts = (sql: Sql) => {
          hasBegun = true;
          return act(sql);
        };
        try {
          return await inTransaction(this.#readers, withScope(BEGIN_SNAPSHOT, this.#scope), acts, driverMs);
        } catch (error) {
          // Without a connection it has not begun, and the caller need not wait for more.
          if (!hasBegun || !(isLost(error) || isDeadlock(error)) || tried > READERS_MAX) throw error;
        }
      }
    });
  }

  /**
   * Run `act` as one transaction, again where another one was in its way. After a lost connection it is unknown whether it
   * was committed.
   * Errors STORE_FAILED; those of `act`: nothing changed.
   */
  write<T>(act: (sql: Sql) => Promise<T>): Promise<T> {
    return patiently(isInTheWay, () => inTransaction(this.#writers, withScope(BEGIN, this.#scope), act));
  }

  /**
   * The same for an `act` that first looks whether an earlier try of it was committed, under a lock that this try would
   * still hold: it is repeated also after a lost connection, so its outcome is known.
   */
  writeOnce<T>(act: (sql: Sql) => Promise<T>): Promise<T> {
    return patiently(isRepeatable, () => inTransaction(this.#writers, withScope(BEGIN, this.#scope), act));
  }

  /**
   * The same for statements over whole tables: they may take longer than those of a request. Locks are not waited for longer.
   * `patience`: where others must get their turn between two tries.
   */
  writeLong<T>(act: (sql: Sql) => Promise<T>, patience: Patience = PATIENCE): Promise<T> {
    const acts = async (sql: Sql) => {
      await sql('SET LOCAL statement_timeout = 0');
      return act(sql);
    };
    const run = () => inTransaction(this.#writers, withScope(BEGIN, this.#scope), acts, LONG_STATEMENT_MS_MAX);
    return patiently(isRepeatable, run, patience);
  }

  /**
   * Run one statement as a transaction of its own, in one round trip; again after a lost connection. So it must find, by the
   * lock of a row, whether an earlier try of it was committed. Errors STORE_FAILED.
   */
  statement<Row>(text: string, values: readonly SqlValue[]): Promise<Row[]> {
    if (this.#scope !== null) return this.writeOnce((sql) => sql<Row>(text, values));
    return patiently(isRepeatable, async () => {
      const client = await this.#writers.connect();
      try {
        const { rows } = await client.query(text, toParameters(values));
        this.#writers.release(client, { isLost: false });
        return rows as Row[];
      } catch (error) {
        this.#writers.release(client, { isLost: isLost(error), isReadOnly: isReadOnly(error) });
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#writers.end(), this.#readers.end()]);
  }
}

const BEGIN_SNAPSHOT = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY';
const BEGIN = 'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE';

const isRepeatable = (error: unknown) => isInTheWay(error) || isLost(error);

function patiently<T>(
  isRepeated: (error: unknown) => boolean,
  act: () => Promise<T>,
  { ms, pauseMs }: Patience = PATIENCE,
): Promise<T> {
  return guarded(async () => {
    const untilMs = performance.now() + ms;
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (!isRepeated(error) || performance.now() > untilMs) throw error;
        await delay(pauseMs);
      }
    }
  });
}

/** Take a connection and begin. One that was lost while it was idle has done nothing: the next one is tried. */
async function begin(pool: PrimaryPool, statement: string): Promise<PoolClient> {
  for (let tried = 1; ; tried++) {
    const client = await pool.connect();
    try {
      await client.query(statement);
      return client;
    } catch (error) {
      pool.release(client, { isLost: true, isReadOnly: isReadOnly(error) });
      if (!isLost(error) || tried > WRITERS_MAX) throw error;
    }
  }
}

/** `statementMs`: longest wait for the answer to a statement, in place of the pool's. */
async function inTransaction<T>(
  pool: PrimaryPool,
  statement: string,
  act: (sql: Sql) => Promise<T>,
  statementMs?: number,
): Promise<T> {
  const client = await begin(pool, statement);
  try {
    const result = await act(async (text, values = []) => {
      const query = { text, values: toParameters(values), ...(statementMs ? { query_timeout: statementMs } : {}) };
      const { rows } = await client.query(query);
      return rows as never[];
    });
    // A transaction in which a statement failed is rolled back by COMMIT, without an error.
    const { command } = await client.query('COMMIT');
    if (command !== 'COMMIT') throw new AppError('STORE_FAILED', { why: 'the transaction was rolled back' });
    pool.release(client, { isLost: false });
    return result;
  } catch (error) {
    const isUsable = !isLost(error) && (await rollBack(client));
    pool.release(client, { isLost: !isUsable, isReadOnly: isReadOnly(error) });
    throw error;
  }
}

const rollBack = (client: PoolClient) =>
  client.query('ROLLBACK').then(
    () => true,
    () => false,
  );
