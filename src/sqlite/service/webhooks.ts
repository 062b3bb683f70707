/** Webhooks and their events in SQLite. */
import { ulid } from 'ulid';
import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { TenantFilter } from '../../store/keys-contract.js';
import type {
  DeliveryFailure,
  DueWebhook,
  NewWebhook,
  NewWebhookEvent,
  WebhookEvent,
  WebhookEventKind,
  WebhookInfo,
  WebhookStore,
} from '../../store/webhooks-contract.js';
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { sound, wholeTable } from '../sums.js';
import { WEBHOOK, WEBHOOK_EVENT } from './database.js';
import { leaseNowMs } from './duties.js';

interface HookRow {
  readonly id: string;
  readonly tenant: string | null;
  readonly url: string;
  readonly secret_env: string;
  readonly created_at: string;
  readonly position_ms: number;
  readonly waiting: number;
  readonly dead: number;
}

interface EventRow {
  readonly id: string;
  readonly webhook_id: string;
  readonly kind: WebhookEventKind;
  readonly subject: string;
  readonly body: string;
  readonly created_at: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly claims: number;
}

const HOOKS = `SELECT webhook.*,
    (SELECT count(*) FROM webhook_event WHERE webhook_id = webhook.id AND state = 'waiting') AS waiting,
    (SELECT count(*) FROM webhook_event WHERE webhook_id = webhook.id AND state = 'dead') AS dead
  FROM webhook`;

const toHook = (row: HookRow): WebhookInfo => ({
  id: sound(WEBHOOK, row).id,
  tenant: row.tenant,
  url: row.url,
  secretEnv: row.secret_env,
  createdAt: row.created_at,
  waiting: row.waiting,
  dead: row.dead,
});

const toEvent = (row: EventRow): WebhookEvent => ({
  id: sound(WEBHOOK_EVENT, row).id,
  webhookId: row.webhook_id,
  kind: row.kind,
  subject: row.subject,
  body: row.body,
  createdAt: row.created_at,
  attempts: row.attempts,
  lastError: row.last_error,
  claims: row.claims,
});

/** Longest lease of an event: a later end is from before the machine's restart. */
const LEASE_MS_MAX = 3_600_000;
/** A failure that is later than now is from before the clock was set back. */
const IS_DUE = `state = 'waiting' AND (due_ms <= @nowMs OR failed_ms > @nowMs)
  AND (lease_until_ms <= @leaseMs OR lease_until_ms > @leaseMs + ${LEASE_MS_MAX})`;

/** What marks an event that waits for a person, in the place of an error. */
const HELD = 'waits for a decision on the entry';

const timeOf = (ms: number) => new Date(ms).toISOString();

export class SqliteWebhooks implements WebhookStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  addWebhook({ tenant, url, secretEnv, nowMs }: NewWebhook): Promise<WebhookInfo> {
    const id = ulid(nowMs);
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare('INSERT INTO webhook (id, tenant, url, secret_env, created_at, position_ms) VALUES (?, ?, ?, ?, ?, ?)')
        .run(id, tenant, url, secretEnv, timeOf(nowMs), nowMs);
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

  async position(id: string): Promise<number> {
    return guarded(() => this.#hook(null, id).position_ms);
  }

  addEvents(id: string, events: readonly NewWebhookEvent[], positionMs: number | null, nowMs: number): Promise<number> {
    return writeWithRetry(this.#db, () => {
      const moved = this.#db
        .prepare('UPDATE webhook SET position_ms = max(position_ms, ?) WHERE id = ?')
        .run(positionMs ?? 0, id);
      if (moved.changes === 0) return 0;
      const add = this.#db.prepare(
        `INSERT OR IGNORE INTO webhook_event (id, webhook_id, kind, subject, body, created_at, due_ms, state)
         VALUES (?, ?, ?, ?, ?, ?, 0, 'waiting')`,
      );
      let added = 0;
      for (const { kind, subject, body } of events) {
        added += add.run(ulid(nowMs), id, kind, subject, body, timeOf(nowMs)).changes;
      }
      return added;
    });
  }

  async due(nowMs: number): Promise<readonly DueWebhook[]> {
    return guarded(() => {
      const isDue = this.#db.prepare(`SELECT 1 FROM webhook_event WHERE webhook_id = @id AND ${IS_DUE} LIMIT 1`);
      const leaseMs = leaseNowMs();
      return wholeTable<HookRow>(this.#db, WEBHOOK)
        .filter(({ id }) => isDue.get({ id, nowMs, leaseMs }))
        .map(({ id, tenant, url, secret_env: secretEnv }) => ({ id, tenant, url, secretEnv }));
    });
  }

  claim(
    webhookId: string,
    { nowMs, leaseMs, limit }: { readonly nowMs: number; readonly leaseMs: number; readonly limit: number },
  ): Promise<readonly WebhookEvent[]> {
    const due = `UPDATE webhook_event SET claims = claims + 1, lease_until_ms = @untilMs WHERE rowid IN
      (SELECT rowid FROM webhook_event WHERE webhook_id = @webhookId AND ${IS_DUE} ORDER BY due_ms, rowid LIMIT @limit)
      RETURNING *, rowid`;
    return writeWithRetry(this.#db, () =>
      this.#db
        .prepare<[object], EventRow & { readonly rowid: number }>(due)
        .all({ webhookId, nowMs, leaseMs: leaseNowMs(), untilMs: leaseNowMs() + leaseMs, limit })
        .sort((a, b) => a.rowid - b.rowid)
        .map(toEvent),
    );
  }

  done(eventId: string, nowMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(`UPDATE webhook_event SET state = 'done', body = '', last_error = NULL, due_ms = ? WHERE id = ?`)
        .run(nowMs, eventId);
    });
  }

  hold({ id, claims }: Pick<WebhookEvent, 'id' | 'claims'>, untilMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE webhook_event SET last_error = ?, due_ms = ?, lease_until_ms = 0
             WHERE id = ? AND claims = ? AND state = 'waiting'`,
        )
        .run(HELD, untilMs, id, claims);
    });
  }

  wake(webhookId: string): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE webhook_event SET last_error = NULL, due_ms = 0
             WHERE webhook_id = ? AND state = 'waiting' AND last_error = ?`,
        )
        .run(webhookId, HELD);
    });
  }

  failed(
    { id, claims }: Pick<WebhookEvent, 'id' | 'claims'>,
    { error, nowMs, pauseMs }: DeliveryFailure,
  ): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE webhook_event SET attempts = attempts + 1, last_error = ?, state = ?, due_ms = ?, failed_ms = ?,
             lease_until_ms = 0 WHERE id = ? AND claims = ? AND state = 'waiting'`,
        )
        .run(error, pauseMs === null ? 'dead' : 'waiting', nowMs + (pauseMs ?? 0), nowMs, id, claims);
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
          `UPDATE webhook_event SET state = 'waiting', attempts = 0, due_ms = 0 WHERE webhook_id = ? AND state = 'dead'`,
        )
        .run(id).changes;
    });
  }

  async ping(tenant: TenantFilter, id: string, event: NewWebhookEvent, nowMs: number): Promise<number> {
    guarded(() => this.#hook(tenant, id));
    return this.addEvents(id, [event], null, nowMs);
  }

  forget(kinds: readonly WebhookEventKind[], beforeMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      const forget = this.#db.prepare(`DELETE FROM webhook_event WHERE kind = ? AND state = 'done' AND due_ms < ?`);
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
