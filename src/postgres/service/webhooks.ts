/** Webhooks and their events in PostgreSQL, by its clock. */
import { AppError } from '../../core/errors.js';
import { newId } from '../../core/new-id.js';
import type { TenantFilter } from '../../store/keys-contract.js';
import { type EventRow, type HookRow, toEvent, toHook } from '../../store/webhook-rows.js';
import {
  type DeliveryFailure,
  type DueWebhook,
  HELD,
  type NewsReceiver,
  type NewWebhook,
  type NewWebhookEvent,
  type WebhookEvent,
  type WebhookEventKind,
  type WebhookInfo,
  type WebhookStore,
} from '../../store/webhooks-contract.js';
import type { Database, Sql } from '../database.js';

interface NumberedRow extends EventRow {
  readonly number: number;
}

const HOOKS = `SELECT webhook.*,
    (SELECT count(*) FROM webhook_event WHERE webhook_id = webhook.id AND state = 'waiting') AS waiting,
    (SELECT count(*) FROM webhook_event WHERE webhook_id = webhook.id AND state = 'dead') AS dead
  FROM webhook`;
/** Parameters: the tenant, or null for all. */
const OF_TENANT = '($1::text IS NULL OR tenant = $1)';

/** Neither a claimant's lease nor a pause is to end. One that ends later than it can is from before the clock was set back. */
const IS_DUE = `state = 'waiting' AND NOT (until > clock_timestamp()
  AND until <= clock_timestamp() + length_ms * interval '1 millisecond')`;
/** The end of a lease or pause of `$2` milliseconds. */
const UNTIL = `until = clock_timestamp() + $2::int8 * interval '1 millisecond', length_ms = $2`;
/** A later claimant is not disturbed. Parameters 1, 3: the event and its claims. */
const IF_CLAIMED = `WHERE id = $1 AND claims = $3 AND state = 'waiting'`;

const timeOf = (ms: number) => new Date(ms).toISOString();

/** Return a webhook of the tenant. Errors NOT_FOUND. */
async function requireHook(sql: Sql, tenant: TenantFilter, id: string): Promise<WebhookInfo> {
  const [row] = await sql<HookRow>(`${HOOKS} WHERE ${OF_TENANT} AND id = $2`, [tenant, id]);
  if (!row) throw new AppError('NOT_FOUND', { webhook: id });
  return toHook(row);
}

export class PostgresWebhooks implements WebhookStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  addWebhook({ tenant, url, secretEnv, mark, nowMs }: NewWebhook): Promise<WebhookInfo> {
    const id = newId(nowMs);
    return this.#database.forFilter(tenant).write(async (sql) => {
      await sql('INSERT INTO webhook (id, tenant, url, secret_env, created_at, mark) VALUES ($1, $2, $3, $4, $5, $6)', [
        id,
        tenant,
        url,
        secretEnv,
        timeOf(nowMs),
        mark,
      ]);
      return requireHook(sql, tenant, id);
    });
  }

  async webhooks(tenant: TenantFilter): Promise<readonly WebhookInfo[]> {
    return (
      await this.#database.forFilter(tenant).read<HookRow>(`${HOOKS} WHERE ${OF_TENANT} ORDER BY number`, [tenant])
    ).map(toHook);
  }

  removeWebhook(tenant: TenantFilter, id: string): Promise<WebhookInfo> {
    return this.#database.forFilter(tenant).write(async (sql) => {
      // Locked first: events that another process adds are there, and counted.
      await sql('SELECT 1 FROM webhook WHERE id = $1 FOR UPDATE', [id]);
      const hook = await requireHook(sql, tenant, id);
      await sql('DELETE FROM webhook WHERE id = $1', [id]);
      return hook;
    });
  }

  receivers(): Promise<readonly NewsReceiver[]> {
    return this.#database.forAll().read<NewsReceiver>('SELECT id, tenant, mark FROM webhook ORDER BY number');
  }

  /** Of news, whose tenants are not yet known. */
  addEvents(id: string, events: readonly NewWebhookEvent[], nowMs: number): Promise<number> {
    return addEvents(this.#database.forAll(), id, events, nowMs);
  }

  due(): Promise<readonly DueWebhook[]> {
    return this.#database.forAll().read<DueWebhook>(
      `SELECT id, tenant, url, secret_env AS "secretEnv" FROM webhook
       WHERE EXISTS (SELECT 1 FROM webhook_event WHERE webhook_id = webhook.id AND ${IS_DUE}) ORDER BY number`,
    );
  }

  async claim(
    webhookId: string,
    { leaseMs, limit }: { readonly leaseMs: number; readonly limit: number },
  ): Promise<readonly WebhookEvent[]> {
    // Those that another process claims at this moment are passed over. The mark of one that waited for a person is cleared: an
    // event in flight must not be woken.
    const rows = await this.#database.forAll().write((sql) =>
      sql<NumberedRow>(
        `WITH due AS MATERIALIZED (
           SELECT id FROM webhook_event WHERE webhook_id = $1 AND ${IS_DUE} ORDER BY until, number LIMIT $3
           FOR UPDATE SKIP LOCKED
         )
         UPDATE webhook_event SET claims = claims + 1, ${UNTIL}, last_error = nullif(last_error, $4)
         FROM due WHERE webhook_event.id = due.id RETURNING webhook_event.*`,
        [webhookId, leaseMs, limit, HELD],
      ),
    );
    return rows.sort((a, b) => a.number - b.number).map(toEvent);
  }

  async done(eventId: string, nowMs: number): Promise<void> {
    await this.#database
      .forAll()
      .write((sql) =>
        sql(`UPDATE webhook_event SET state = 'done', body = '', last_error = NULL, done_ms = $2 WHERE id = $1`, [
          eventId,
          nowMs,
        ]),
      );
  }

  async hold({ id, claims }: Pick<WebhookEvent, 'id' | 'claims'>, pauseMs: number): Promise<void> {
    await this.#database
      .forAll()
      .write((sql) =>
        sql(`UPDATE webhook_event SET last_error = $4, ${UNTIL} ${IF_CLAIMED}`, [id, pauseMs, claims, HELD]),
      );
  }

  async wake(webhookId: string): Promise<void> {
    await this.#database.forAll().write((sql) =>
      sql(
        `UPDATE webhook_event SET last_error = NULL, until = '-infinity'
         WHERE webhook_id = $1 AND state = 'waiting' AND last_error = $2`,
        [webhookId, HELD],
      ),
    );
  }

  async failed(
    { id, claims }: Pick<WebhookEvent, 'id' | 'claims'>,
    { error, pauseMs }: DeliveryFailure,
  ): Promise<void> {
    await this.#database
      .forAll()
      .write((sql) =>
        sql(`UPDATE webhook_event SET attempts = attempts + 1, last_error = $4, state = $5, ${UNTIL} ${IF_CLAIMED}`, [
          id,
          pauseMs ?? 0,
          claims,
          error,
          pauseMs === null ? 'dead' : 'waiting',
        ]),
      );
  }

  dead(tenant: TenantFilter, id: string, limit: number): Promise<readonly WebhookEvent[]> {
    return this.#database.forFilter(tenant).snapshot(async (sql) => {
      await requireHook(sql, tenant, id);
      const rows = await sql<EventRow>(
        `SELECT * FROM webhook_event WHERE webhook_id = $1 AND state = 'dead' ORDER BY number LIMIT $2`,
        [id, limit],
      );
      return rows.map(toEvent);
    });
  }

  retry(tenant: TenantFilter, id: string): Promise<number> {
    return this.#database.forFilter(tenant).write(async (sql) => {
      await requireHook(sql, tenant, id);
      const rows = await sql(
        `UPDATE webhook_event SET state = 'waiting', attempts = 0, until = '-infinity'
         WHERE webhook_id = $1 AND state = 'dead' RETURNING id`,
        [id],
      );
      return rows.length;
    });
  }

  async ping(tenant: TenantFilter, id: string, event: NewWebhookEvent, nowMs: number): Promise<number> {
    await this.#database.forFilter(tenant).snapshot((sql) => requireHook(sql, tenant, id));
    return addEvents(this.#database.forFilter(tenant), id, [event], nowMs);
  }

  async forget(kinds: readonly WebhookEventKind[], beforeMs: number): Promise<void> {
    await this.#database.forAll().write(async (sql) => {
      for (const kind of kinds)
        await sql(`DELETE FROM webhook_event WHERE kind = $1 AND state = 'done' AND done_ms < $2`, [kind, beforeMs]);
    });
  }
}

async function addEvents(
  database: Database,
  id: string,
  events: readonly NewWebhookEvent[],
  nowMs: number,
): Promise<number> {
  return database.write(async (sql) => {
    // Until the commit it is not removed.
    const [hook] = await sql('SELECT 1 FROM webhook WHERE id = $1 FOR KEY SHARE', [id]);
    if (hook === undefined) return 0;
    let added = 0;
    for (const { kind, subject, body } of events) {
      const rows = await sql(
        `INSERT INTO webhook_event (id, webhook_id, kind, subject, body, created_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting')
         ON CONFLICT (webhook_id, kind, subject) DO NOTHING RETURNING id`,
        [newId(nowMs), id, kind, subject, body, timeOf(nowMs)],
      );
      added += rows.length;
    }
    return added;
  });
}
