/** Connections to the primary of several hosts. */
import { Pool, type PoolClient } from 'pg';
import { AppError } from '../core/errors.js';
import { urlsOf } from './hosts.js';
import { prepareSession, STANDBY, STATEMENT_MS_MAX } from './session.js';
import { parsers } from './values.js';

/** Also the longest wait for a free connection: a caller gets a 503 rather than a place in a long queue. */
const CONNECT_MS_MAX = 2_000;
/** The server's own timeout is first; this one is for a server that does not answer at all. */
const QUERY_MS_MAX = STATEMENT_MS_MAX + 1_000;
/** What the driver says after waiting for a free connection, and nowhere else. */
const ALL_IN_USE = 'timeout exceeded when trying to connect';
const NO_PRIMARY = 'none of the hosts accepts writes';
const KEEP_ALIVE_MS = 5_000;
/** A burst is followed by another one within this time, or its connections are not needed. */
const IDLE_MS_MAX = 30_000;

export class PrimaryPool {
  readonly #urls: readonly string[];
  readonly #connectionsMax: number;
  readonly #poolOf = new WeakMap<PoolClient, Pool>();
  #at = 0;
  #pool: Pool;

  /** Errors CONFIG_INVALID: the URL is malformed. No connection is opened yet. */
  constructor(url: string, connectionsMax: number) {
    this.#urls = urlsOf(url);
    this.#connectionsMax = connectionsMax;
    this.#pool = this.#open();
  }

  /** Take a connection to the first host, from the last one that worked, that accepts writes. Errors of the last host; plain where all are standbys. */
  async connect(): Promise<PoolClient> {
    for (let tried = 1; ; tried++) {
      const pool = this.#pool;
      try {
        const client = await pool.connect();
        this.#poolOf.set(client, pool);
        return client;
      } catch (error) {
        // A pool whose connections are all in use says nothing about its host.
        const isBusy = error instanceof Error && error.message === ALL_IN_USE;
        if (isBusy) throw error;
        if (tried >= this.#urls.length) throw this.#isInFailover(error) ? new Error(NO_PRIMARY) : error;
        this.#leave(pool);
      }
    }
  }

  /** Of several hosts, one that is a standby now may be the primary soon: that passes, as a lost connection does. */
  #isInFailover(error: unknown): boolean {
    return this.#urls.length > 1 && error instanceof AppError && error.details.why === STANDBY;
  }

  /** Give a connection back. `isLost`: it is of no further use, as are the others of its server if it is no primary now. */
  release(client: PoolClient, { isLost, isReadOnly = false }: { isLost: boolean; isReadOnly?: boolean }): void {
    client.release(isLost);
    if (isReadOnly) this.#leave(this.#poolOf.get(client)!);
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  #open(): Pool {
    const pool = new Pool({
      connectionString: this.#urls[this.#at]!,
      application_name: 'zeef',
      max: this.#connectionsMax,
      connectionTimeoutMillis: CONNECT_MS_MAX,
      query_timeout: QUERY_MS_MAX,
      idleTimeoutMillis: IDLE_MS_MAX,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      types: parsers,
      onConnect: prepareSession,
    });
    // An idle connection that is lost has left the pool; without a listener it would end the process.
    pool.on('error', () => {});
    return pool;
  }

  /** Use the next host from now on, unless another caller has already left this pool. */
  #leave(pool: Pool): void {
    if (pool !== this.#pool) return;
    this.#at = (this.#at + 1) % this.#urls.length;
    this.#pool = this.#open();
    // Ends once its connections in use are given back.
    pool.end().catch(() => {});
  }
}
