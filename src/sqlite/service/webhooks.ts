/** Webhooks and their events in SQLite. */
import { AppError } from '../../core/errors.js';
import { newId } from '../../core/new-id.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { TenantFilter } from '../../store/keys-contract.js';
import { type EventRow, toEvent as eventOf, type HookRow, toHook as hookOf } from '../../store/webhook-rows.js';
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
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { sound, wholeTable } from '../sums.js';
import { WEBHOOK, WEBHOOK_EVENT } from './database.js';
import { IS_TO_COME, storeMs } from './store-clock.js';

const HOOKS = `SELECT webhook.*,
    (SELECT count(*) FROM webhook_event WHERE webhook_id = webhook.id AND state = 'waiting') AS waiting,
    (SELECT count(*) FROM webhook_event WHERE webhook_id = webhook.id AND state = 'dead') AS dead
  FROM webhook`;
const toHook = (row: HookRow): WebhookInfo => hookOf(sound(WEBHOOK, row));
const toEvent = (row: EventRow): WebhookEvent => eventOf(sound(WEBHOOK_EVENT, row));

/** Neither a claimant's lease nor a pause is to end. */
const IS_DUE = `state = 'waiting' AND NOT ${IS_TO_COME}`;

const timeOf = (ms: number) => new Date(ms).toISOString();

export class SqliteWebhooks implements WebhookStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  addWebhook({ tenant, url, secretEnv, mark, nowMs }: NewWebhook): Promise<WebhookInfo> {
    const id = newId(nowMs);
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare('INSERT INTO webhook (id, tenant, url, secret_env, created_at, mark) VALUES (?, ?, ?, ?, ?, ?)')
        .run(id, tenant, url, secretEnv, timeOf(nowMs), mark);
      return toHook(this.#hook(tenant, id));
    });
  }

  async webhooks(tenant: TenantFilter): Promise<readonly WebhookInfo[]> {
    return guarded(() => {
      wholeTable(this.#db, WEBHOOK);
      return this.#db
        .prepare<[TenantFilter, TenantFilter], HookRow>(`${HOOKS} WHERE ? IS NULL OR tenant = ? ORDER BY rowid`)
        .all(tenant, tenant)
        .map(toHook);
    });
  }

  removeWebhook(tenant: TenantFilter, id: string): Promise<WebhookInfo> {
    return writeWithRetry(this.#db, () => {
      const hook = toHook(this.#hook(tenant, id));
      this.#db.prepare('DELETE FROM webhook_event WHERE webhook_id = ?').run(id);
      this.#db.prepare('DELETE FROM webhook WHERE id = ?').run(id);
      return hook;
    });
  }

  async receivers(): Promise<readonly NewsReceiver[]> {
    return guarded(() => wholeTable<HookRow>(this.#db, WEBHOOK).map(({ id, tenant, mark }) => ({ id, tenant, mark })));
  }

  addEvents(id: string, events: readonly NewWebhookEvent[], nowMs: number): Promise<number> {
    return writeWithRetry(this.#db, () => {
      if (!this.#db.prepare('SELECT 1 FROM webhook WHERE id = ?').get(id)) return 0;
      const add = this.#db.prepare(
        `INSERT OR IGNORE INTO webhook_event (id, webhook_id, kind, subject, body, created_at, state)
         VALUES (?, ?, ?, ?, ?, ?, 'waiting')`,
      );
      let added = 0;
      for (const { kind, subject, body } of events) {
        added += add.run(newId(nowMs), id, kind, subject, body, timeOf(nowMs)).changes;
      }
      return added;
    });
  }

  async due(): Promise<readonly DueWebhook[]> {
    return guarded(() => {
      const isDue = this.#db.prepare(`SELECT 1 FROM webhook_event WHERE webhook_id = @id AND ${IS_DUE} LIMIT 1`);
      return wholeTable<HookRow>(this.#db, WEBHOOK)
        .filter(({ id }) => isDue.get({ id, storeMs: storeMs() }))
        .map(({ id, tenant, url, secret_env: secretEnv }) => ({ id, tenant, url, secretEnv }));
    });
  }

  claim(
    webhookId: string,
    { leaseMs, limit }: { readonly leaseMs: number; readonly limit: number },
  ): Promise<readonly WebhookEvent[]> {
    // Its mark is cleared: an event in flight must not be woken.
    const due = `UPDATE webhook_event
      SET claims = claims + 1, until_ms = @storeMs + @leaseMs, length_ms = @leaseMs, last_error = nullif(last_error, @held)
      WHERE rowid IN
        (SELECT rowid FROM webhook_event WHERE webhook_id = @webhookId AND ${IS_DUE} ORDER BY until_ms, rowid LIMIT @limit)
      RETURNING *, rowid`;
    return writeWithRetry(this.#db, () =>
      this.#db
        .prepare<[object], EventRow & { readonly rowid: number }>(due)
        .all({ webhookId, storeMs: storeMs(), leaseMs, held: HELD, limit })
        .sort((a, b) => a.rowid - b.rowid)
        .map(toEvent),
    );
  }

  done(eventId: string, nowMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(`UPDATE webhook_event SET state = 'done', body = '', last_error = NULL, done_ms = ? WHERE id = ?`)
        .run(nowMs, eventId);
    });
  }

  hold({ id, claims }: Pick<WebhookEvent, 'id' | 'claims'>, pauseMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE webhook_event SET last_error = ?, until_ms = ?, length_ms = ?
             WHERE id = ? AND claims = ? AND state = 'waiting'`,
        )
        .run(HELD, storeMs() + pauseMs, pauseMs, id, claims);
    });
  }

  wake(webhookId: string): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE webhook_event SET last_error = NULL, until_ms = 0
             WHERE webhook_id = ? AND state = 'waiting' AND last_error = ?`,
        )
        .run(webhookId, HELD);
    });
  }

  failed({ id, claims }: Pick<WebhookEvent, 'id' | 'claims'>, { error, pauseMs }: DeliveryFailure): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE webhook_event SET attempts = attempts + 1, last_error = ?, state = ?, until_ms = ?, length_ms = ?
             WHERE id = ? AND claims = ? AND state = 'waiting'`,
        )
        .run(error, pauseMs === null ? 'dead' : 'waiting', storeMs() + (pauseMs ?? 0), pauseMs ?? 0, id, claims);
    });
  }

  async dead(tenant: TenantFilter, id: string, limit: number): Promise<readonly WebhookEvent[]> {
    return guarded(() => {
      this.#hook(tenant, id);
      return this.#db
        .prepare<[string, number], EventRow>(
          `SELECT * FROM webhook_event WHERE webhook_id = ? AND state = 'dead' ORDER BY rowid LIMIT ?`,
        )
        .all(id, limit)
        .map(toEvent);
    });
  }

  retry(tenant: TenantFilter, id: string): Promise<number> {
    return writeWithRetry(this.#db, () => {
      this.#hook(tenant, id);
      return this.#db
        .prepare(
          `UPDATE webhook_event SET state = 'waiting', attempts = 0, until_ms = 0 WHERE webhook_id = ? AND state = 'dead'`,
        )
        .run(id).changes;
    });
  }

  async ping(tenant: TenantFilter, id: string, event: NewWebhookEvent, nowMs: number): Promise<number> {
    guarded(() => this.#hook(tenant, id));
    return this.addEvents(id, [event], nowMs);
  }

  forget(kinds: readonly WebhookEventKind[], beforeMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      const forget = this.#db.prepare(`DELETE FROM webhook_event WHERE kind = ? AND state = 'done' AND done_ms < ?`);
      for (const kind of kinds) forget.run(kind, beforeMs);
    });
  }

  #hook(tenant: TenantFilter, id: string): HookRow {
    const read = this.#db.prepare<[string, TenantFilter, TenantFilter], HookRow>(
      `${HOOKS} WHERE id = ? AND (? IS NULL OR tenant = ?)`,
    );
    const row = read.get(id, tenant, tenant);
    if (!row) throw new AppError('NOT_FOUND', { webhook: id });
    return sound(WEBHOOK, row);
  }
}
