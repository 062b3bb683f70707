/**
 * The chain of this process. One link at a time; a link whose connection was lost is looked for under the lock of the
 * writer's row, and sent again only if it is not there, so a group is on record once. If the row stands elsewhere, the
 * database has lost commits, as a failover to a standby that lags behind does: this process then refuses to record.
 *
 * With `ZEEF_LEDGER_SYNC=hits` a link of counts alone is committed before the server has flushed it (`synchronous_commit=off`),
 * and flushed soon after. Until then this process keeps it, and sends it again where a server that crashed has lost it. A
 * commit that waits for its flush flushes all before it: the log of the server is one.
 */
import { AppError } from '../../core/errors.js';
import { newId } from '../../core/new-id.js';
import { DAY_MS } from '../../core/period.js';
import type { LedgerStoreOptions } from '../../store/ledger-contract.js';
import type { Database, Sql } from '../database.js';
import type { SqlValue } from '../values.js';
import { type Link, linkHash, type Position, startOfWriter } from './chain.js';

/** A writer that was idle for longer begins a new chain: a fold forgets one after `WRITER_IDLE_MS_MAX` (`fold.ts`). */
const RENEW_MS = DAY_MS;

/** Links may be lost for 100 ms. A flush begins after half of that, and has the other half. */
const FLUSH_AFTER_MS = 50;

/** A link that is to be sent. */
interface Sent extends Position {
  readonly at: number;
  readonly body: string;
  /** Hash of the link before it; hex. */
  readonly before: string;
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
/** Until the end of this statement's own transaction: what a commit waits for is decided when it begins. */
const SEND_LATE = SEND.replace(
  /SELECT id FROM head$/,
  "SELECT id, set_config('synchronous_commit', 'off', true) FROM head",
);
/** A commit that has written something, beside the row that the next link locks: it waits until all that was committed is flushed. */
const FLUSH = `SELECT seq, pg_logical_emit_message(true, 'zeef', '') FROM ledger_writer WHERE id = $1`;
const HEAD = `SELECT seq, encode(hash, 'hex') AS hash FROM ledger_writer WHERE id = $1`;
/** A row written as it is, so that the commit is one. */
const TOUCH = `UPDATE ledger_writer SET seq = seq WHERE id = $1 RETURNING seq, encode(hash, 'hex') AS hash`;

const isAt = (found: Position | null, { seq, hash }: Position) => found?.seq === seq && found.hash === hash;

export class LedgerWriter {
  readonly #database: Database;
  readonly #options: LedgerStoreOptions;
  #id = newId();
  #isRegistered = false;
  #head: Position = startOfWriter(this.#id);
  /** Its outcome is unknown. */
  #sent: Sent | null = null;
  /** Links up to the head that the server may not have flushed; `#flushed` is the one before them. */
  #unflushed: Sent[] = [];
  #flushed: Position = this.#head;
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;
  /** The last flush has failed: the next link waits for its own. */
  #isFailing = false;
  /** The row of this chain did not stand where it was left. */
  #astray: AppError | null = null;
  #lost: AppError | null = null;
  /** Time of the newest link, or of the beginning. */
  #usedMs = performance.now();
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: Database, options: LedgerStoreOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** Null: it has written nothing. */
  get id(): string | null {
    return this.#isRegistered ? this.#id : null;
  }

  /** Append a link without events: one round trip. */
  append(link: Link & { readonly at: number }): Promise<void> {
    return this.#alone(async () => {
      const next = this.#after(link);
      for (let isAgain = false; ; isAgain = true) {
        const isLate = this.#options.sync === 'hits' && !this.#isFailing;
        this.#sent = next;
        const found = await this.#database.statement(isLate ? SEND_LATE : SEND, this.#parameters(next));
        if (found.length > 0) return this.#take(next, { isFlushed: !isLate });
        // An earlier try was committed, or the database has lost links.
        await this.#settle();
        if (this.#head === next) return;
        if (isAgain) throw this.#lostAt(null);
      }
    });
  }

  /**
   * Run `act` as one transaction with its link. `tenant`: whose rows it sees; null: those of all. Errors those of `act`: nothing
   * changed.
   */
  transact<T>(tenant: string | null, act: (sql: Sql, place: LinkPlace) => Promise<Done<T>>): Promise<T> {
    return this.#alone(async () => {
      try {
        return await this.#transactOnce(tenant, act);
      } catch (error) {
        if (error !== this.#astray) throw error;
        await this.#settle();
        return this.#transactOnce(tenant, act);
      }
    });
  }

  async #transactOnce<T>(tenant: string | null, act: (sql: Sql, place: LinkPlace) => Promise<Done<T>>): Promise<T> {
    let sent: { readonly link: Sent; readonly result: T } | null = null;
    const result = await this.#database.forFilter(tenant).writeOnce(async (sql) => {
      if (sent) {
        const [found = null] = await sql<Position>(`${HEAD} FOR UPDATE`, [this.#id]);
        if (isAt(found, sent.link)) return sent.result;
        if (!isAt(found, this.#head)) throw this.#astrayAt(found);
        sent = this.#sent = null;
      }
      const done = await act(sql, { writer: this.#id, seq: this.#head.seq + 1 });
      if (!done.link) return done.result;
      const link = this.#after(done.link);
      sent = { link, result: done.result };
      this.#sent = link;
      const { changes = NO_CHANGES } = done;
      const [head] = await sql(send(changes), [...this.#parameters(link), ...changes.values]);
      if (head === undefined) throw this.#astrayAt((await sql<Position>(HEAD, [this.#id]))[0] ?? null);
      return done.result;
    });
    if (this.#sent) this.#take(this.#sent, { isFlushed: true });
    return result;
  }

  /** Commit without a change, in the row that the next link changes. */
  probe(): Promise<void> {
    return this.#alone(async () => {
      const [found = null] = await this.#database.statement<Position>(TOUCH, [this.#id]);
      if (!isAt(found, this.#head)) await this.#restore(found);
    });
  }

  /** End the flushes of this process; the caller commits once more. */
  async close(): Promise<void> {
    this.#nothingDue();
    await this.#flushing;
    this.#nothingDue();
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
      if (performance.now() - this.#usedMs > RENEW_MS && this.#unflushed.length === 0) this.#renew();
      await this.#register();
      return act();
    });
  }

  /** Find out whether the link whose outcome is unknown was committed. Errors LEDGER_INVALID: the database has lost others. */
  async #settle(): Promise<void> {
    if (!this.#sent) return;
    const [found = null] = await this.#database.writeOnce((sql) => sql<Position>(`${HEAD} FOR UPDATE`, [this.#id]));
    if (isAt(found, this.#sent)) return this.#take(this.#sent, { isFlushed: this.#options.sync !== 'hits' });
    if (!isAt(found, this.#head)) await this.#restore(found);
    this.#sent = null;
  }

  /** Send links again that were not flushed, and are lost; `found` is the last one that is there. Errors LEDGER_INVALID: more is lost. */
  async #restore(found: Position | null): Promise<void> {
    const links = [this.#flushed, ...this.#unflushed];
    const at = links.findIndex((link) => isAt(found, link));
    if (at < 0) throw this.#lostAt(found);
    for (const link of this.#unflushed.slice(at)) {
      const sent = await this.#database.statement(SEND, this.#parameters(link));
      // An earlier try of this statement was committed.
      if (sent.length === 0 && !isAt((await this.#database.statement<Position>(TOUCH, [this.#id]))[0] ?? null, link))
        throw this.#lostAt(null);
    }
    this.#allFlushed();
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => this.#flushSoon(), FLUSH_AFTER_MS);
  }

  #flushSoon(): void {
    this.#timer = null;
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null;
      if (this.#unflushed.length > 0) this.#flushLater();
    });
  }

  async #flush(): Promise<void> {
    const last = this.#unflushed.at(-1);
    if (!last) return;
    try {
      const [found] = await this.#database.statement<Pick<Position, 'seq'>>(FLUSH, [this.#id]);
      if (found !== undefined && found.seq >= last.seq) {
        const count = this.#unflushed.indexOf(last) + 1;
        if (count > 0) this.#flushed = last;
        this.#unflushed.splice(0, count);
      } else await this.probe();
      this.#isFailing = false;
    } catch {
      this.#isFailing = true;
    }
    this.#options.onSync?.(!this.#isFailing);
  }

  #nothingDue(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #allFlushed(): void {
    this.#unflushed = [];
    this.#flushed = this.#head;
    this.#isFailing = false;
    this.#nothingDue();
  }

  #renew(): void {
    this.#id = newId();
    this.#head = startOfWriter(this.#id);
    this.#isRegistered = false;
    this.#allFlushed();
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
    return { seq, at, body, hash, before: this.#head.hash };
  }

  #parameters({ seq, at, body, hash, before }: Sent): SqlValue[] {
    return [this.#id, seq, at, body, hash, before];
  }

  #take(sent: Sent, { isFlushed }: { readonly isFlushed: boolean }): void {
    this.#head = sent;
    this.#sent = null;
    this.#usedMs = performance.now();
    if (isFlushed) this.#allFlushed();
    else {
      this.#unflushed.push(sent);
      this.#flushLater();
    }
  }

  #astrayAt(found: Position | null): AppError {
    this.#astray = this.#errorAt(found);
    return this.#astray;
  }

  #lostAt(found: Position | null): AppError {
    this.#lost = this.#errorAt(found);
    return this.#lost;
  }

  #errorAt(found: Position | null): AppError {
    const stands = found ? `stands at link ${found.seq}` : 'is not there';
    return new AppError('LEDGER_INVALID', {
      why:
        `the database has lost answers that were on record: the chain ${this.#id} of this process ${stands}, ` +
        `expected link ${this.#head.seq}`,
      action: 'find out which server it is and what it lost; a restarted process records again',
    });
  }
}
