/**
 * The chain of this process. One link at a time; a link whose connection was lost is looked for under the lock of the
 * writer's row, and sent again only if it is not there, so a group is on record once. If the row stands elsewhere, the
 * database has lost commits, as a failover to a standby that lags behind does: this process then refuses to record.
 */
import { AppError } from '../../core/errors.js';
import { newId } from '../../core/new-id.js';
import { DAY_MS } from '../../core/period.js';
import type { Database, Sql } from '../database.js';
import type { SqlValue } from '../values.js';
import { type Link, linkHash, type Position, startOfWriter } from './chain.js';

/** A writer that was idle for longer begins a new chain: a fold forgets one after `WRITER_IDLE_MS_MAX` (`fold.ts`). */
const RENEW_MS = DAY_MS;

/** A link that is to be sent. */
interface Sent extends Position {
  readonly at: number;
  readonly body: string;
}

/** Where a transaction puts its link; its events name it. */
export interface LinkPlace {
  readonly writer: string;
  readonly seq: number;
}

/** Changes of the statement that writes the link: parts of its WITH, whose parameters begin with `$FIRST_OF_CHANGES`. */
export interface Changes {
  readonly parts: readonly string[];
  readonly values: readonly SqlValue[];
}
export const FIRST_OF_CHANGES = 7;
const NO_CHANGES: Changes = { parts: [], values: [] };

/** What a transaction did. Without a link it has changed nothing that may not be repeated. */
interface Done<T> {
  readonly result: T;
  readonly link: (Link & { readonly at: number }) | null;
  readonly changes?: Changes;
}

const LINK = [
  `head AS (
    UPDATE ledger_writer SET seq = $2, hash = decode($5, 'hex')
    WHERE id = $1 AND seq = $2 - 1 AND hash = decode($6, 'hex') RETURNING id
  )`,
  `link AS (
    INSERT INTO ledger_link (writer, seq, at, body, hash) SELECT id, $2, $3, $4, decode($5, 'hex') FROM head
  )`,
];
const send = ({ parts }: Changes) => `WITH ${[...LINK, ...parts].join(', ')} SELECT id FROM head`;
const SEND = send(NO_CHANGES);
const HEAD = `SELECT seq, encode(hash, 'hex') AS hash FROM ledger_writer WHERE id = $1`;
/** A row written as it is, so that the commit is one. */
const TOUCH = `UPDATE ledger_writer SET seq = seq WHERE id = $1 RETURNING seq, encode(hash, 'hex') AS hash`;

const isAt = (found: Position | null, { seq, hash }: Position) => found?.seq === seq && found.hash === hash;

export class LedgerWriter {
  readonly #database: Database;
  #id = newId();
  #isRegistered = false;
  #head: Position = startOfWriter(this.#id);
  /** Its outcome is unknown. */
  #sent: Position | null = null;
  #lost: AppError | null = null;
  /** Time of the newest link, or of the beginning. */
  #usedMs = performance.now();
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Null: it has written nothing. */
  get id(): string | null {
    return this.#isRegistered ? this.#id : null;
  }

  /** Append a link without events: one round trip. */
  append(link: Link & { readonly at: number }): Promise<void> {
    return this.#alone(async () => {
      const next = this.#after(link);
      this.#sent = next;
      const found = await this.#database.statement(SEND, this.#parameters(next));
      // An earlier try was committed, or the head is lost.
      if (found.length === 0) await this.#settle();
      else this.#take(next);
      if (this.#head !== next) throw this.#lostAt(null);
    });
  }

  /**
   * Run `act` as one transaction with its link. `tenant`: whose rows it sees; null: those of all. Errors those of `act`: nothing
   * changed.
   */
  transact<T>(tenant: string | null, act: (sql: Sql, place: LinkPlace) => Promise<Done<T>>): Promise<T> {
    return this.#alone(async () => {
      let sent: { readonly link: Sent; readonly result: T } | null = null;
      const result = await this.#database.forFilter(tenant).writeOnce(async (sql) => {
        if (sent) {
          const [found = null] = await sql<Position>(`${HEAD} FOR UPDATE`, [this.#id]);
          if (isAt(found, sent.link)) return sent.result;
          if (!isAt(found, this.#head)) throw this.#lostAt(found);
          sent = this.#sent = null;
        }
        const done = await act(sql, { writer: this.#id, seq: this.#head.seq + 1 });
        if (!done.link) return done.result;
        const link = this.#after(done.link);
        sent = { link, result: done.result };
        this.#sent = link;
        const { changes = NO_CHANGES } = done;
        const [head] = await sql(send(changes), [...this.#parameters(link), ...changes.values]);
        if (head === undefined) throw this.#lostAt((await sql<Position>(HEAD, [this.#id]))[0] ?? null);
        return done.result;
      });
      if (this.#sent) this.#take(this.#sent);
      return result;
    });
  }

  /** Commit without a change, in the row that the next link changes. */
  probe(): Promise<void> {
    return this.#alone(async () => {
      const [found = null] = await this.#database.statement<Position>(TOUCH, [this.#id]);
      if (!isAt(found, this.#head)) throw this.#lostAt(found);
    });
  }

  /** Run `act` after all links, with none during it. */
  rest<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Run `act` alone, from a known head. */
  #alone<T>(act: () => Promise<T>): Promise<T> {
    return this.rest(async () => {
      if (this.#lost) throw this.#lost;
      await this.#settle();
      if (performance.now() - this.#usedMs > RENEW_MS) this.#renew();
      await this.#register();
      return act();
    });
  }

  /** Find out whether the link whose outcome is unknown was committed. */
  async #settle(): Promise<void> {
    if (!this.#sent) return;
    const [found = null] = await this.#database.writeOnce((sql) => sql<Position>(`${HEAD} FOR UPDATE`, [this.#id]));
    if (isAt(found, this.#sent)) this.#head = this.#sent;
    else if (!isAt(found, this.#head)) throw this.#lostAt(found);
    this.#sent = null;
  }

  #renew(): void {
    this.#id = newId();
    this.#head = startOfWriter(this.#id);
    this.#isRegistered = false;
  }

  /** The row is there before its first link, so that there is one to lock. */
  async #register(): Promise<void> {
    if (this.#isRegistered) return;
    await this.#database.statement(
      `INSERT INTO ledger_writer (id, seq, hash) VALUES ($1, 0, decode($2, 'hex')) ON CONFLICT (id) DO NOTHING`,
      [this.#id, this.#head.hash],
    );
    this.#isRegistered = true;
    this.#usedMs = performance.now();
  }

  #after({ at, tallies, events, news }: Link & { readonly at: number }): Sent {
    const seq = this.#head.seq + 1;
    const body = JSON.stringify({ tallies, events, news } satisfies Link);
    const hash = linkHash(this.#head.hash, { writer: this.#id, seq, at, body }).toString('hex');
    return { seq, at, body, hash };
  }

  #parameters({ seq, at, body, hash }: Sent): SqlValue[] {
    return [this.#id, seq, at, body, hash, this.#head.hash];
  }

  #take(sent: Position): void {
    this.#head = sent;
    this.#sent = null;
    this.#usedMs = performance.now();
  }

  #lostAt(found: Position | null): AppError {
    const stands = found ? `stands at link ${found.seq}` : 'is not there';
    this.#lost = new AppError('LEDGER_INVALID', {
      why:
        `the database has lost answers that were on record: the chain ${this.#id} of this process ${stands}, ` +
        `expected link ${this.#head.seq}`,
      action: 'find out which server it is and what it lost; a restarted process records again',
    });
    return this.#lost;
  }
}
