/**
 * The store as somebody changes it: every change that goes through here is in the audit log, with who made it. What is
 * not a change passes. A change that failed is not written down; one that was made, before it is answered.
 */
import type { Clock } from '../core/clock.js';
import type { AuditAction, AuditDetails, AuditStore } from '../store/audit-contract.js';
import type { EntryFilter, ImportReport, ListStore, Store, WriteOptions } from '../store/contract.js';
import type { KeyInfo, KeyStore } from '../store/keys-contract.js';
import type { TenantStore } from '../store/tenants-contract.js';
import type { WebhookStore } from '../store/webhooks-contract.js';

/** Zeef itself: what it does without being asked. */
export const ZEEF = 'zeef';

export interface Audit {
  /** Errors STORE_FAILED. */
  note(actor: string, action: AuditAction, about: AuditAbout): Promise<void>;
  /** `actor`: as in `AuditEvent`. */
  as(actor: string): Store;
  /** An import that was made elsewhere, such as in a thread of its own. Errors STORE_FAILED. */
  noteImport(actor: string, mode: 'replace' | 'add', report: ImportReport, origin: string): Promise<void>;
}

export interface AuditAbout {
  readonly tenant?: string | null;
  readonly target?: string | null;
  readonly details?: AuditDetails;
}

type Note = (action: AuditAction, about: AuditAbout) => Promise<void>;

export function createAudit(store: Store, clock: Clock): Audit {
  const { lists, keys, tenants, webhooks, audit } = store;
  const note = async (actor: string, action: AuditAction, about: AuditAbout) => {
    await writeDown(audit, clock, actor, action, about);
  };
  return {
    note,
    noteImport: (actor, mode, report, origin) =>
      note(actor, `list.${mode}`, { target: report.list, details: importDetails(report, { origin }) }),
    as(actor) {
      const noteAs: Note = (action, about) => note(actor, action, about);
      return {
        ...store,
        lists: auditedLists(lists, noteAs),
        keys: auditedKeys(keys, noteAs),
        tenants: auditedTenants(tenants, noteAs),
        webhooks: auditedWebhooks(webhooks, noteAs),
      };
    },
  };
}

async function writeDown(
  store: AuditStore,
  clock: Clock,
  actor: string,
  action: AuditAction,
  { tenant = null, target = null, details = {} }: AuditAbout,
): Promise<void> {
  await store.append({ at: new Date(clock.nowMs()).toISOString(), actor, action, tenant, target, details });
}

/** A class's methods are not its own properties, so a spread would lose them. */
function passing<T extends object>(store: T, changes: Partial<T>): T {
  return new Proxy(store, {
    get(target, name) {
      const changed = changes[name as keyof T];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const importDetails = (report: ImportReport, { origin }: WriteOptions): AuditDetails => ({
  origin: origin ?? null,
  version: report.version,
  accepted: report.accepted,
  rejected: report.rejected,
  added: report.added,
  removed: report.removed,
  held: report.held.map(({ rule }) => rule).join(' ') || null,
});

/** Words of a provider's own as one text. */
const flat = (facts: object): AuditDetails =>
  Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [
      name,
      fact !== null && typeof fact === 'object' ? JSON.stringify(fact) : fact,
    ]),
  );

const filterDetails = (which: EntryFilter): AuditDetails => ({ ...which });

function auditedLists(lists: ListStore, note: Note): ListStore {
  const changed: Partial<ListStore> = {
    async createList(list) {
      const info = await lists.createList(list);
      await note('list.create', { target: list.list, details: { kind: info.kind, radiusBits: info.radiusBits } });
      return info;
    },
    async updateList(name, change) {
      const info = await lists.updateList(name, change);
      await note('list.update', { target: name, details: flat(change) });
      return info;
    },
    async removeList(name) {
      await lists.removeList(name);
      await note('list.remove', { target: name });
    },
    async replaceEntries(name, rows, options = {}) {
      const report = await lists.replaceEntries(name, rows, options);
      await note('list.replace', { target: name, details: importDetails(report, options) });
      return report;
    },
    async addEntries(name, rows, options = {}) {
      const report = await lists.addEntries(name, rows, options);
      await note('list.add', { target: name, details: importDetails(report, options) });
      return report;
    },
    async setSource(name, source) {
      const before = await lists.source(name);
      await lists.setSource(name, source);
      // A sync that moves its checkpoint changes nothing that anybody decided.
      const place = (one: typeof source) => one && { ...one, checkpoint: null, syncedAt: null };
      if (JSON.stringify(place(before)) === JSON.stringify(place(source))) return;
      const details = source
        ? { type: source.type, host: new URL(source.url).host, everyMinutes: source.everyMinutes }
        : {};
      await note('list.source', { target: name, details });
    },
    async dropHeld(name) {
      await lists.dropHeld(name);
      await note('list.reject', { target: name });
    },
    async changeEntries(name, which, change) {
      const entries = await lists.changeEntries(name, which, change);
      if (entries > 0) await note(`entries.${change}`, { target: name, details: { ...filterDetails(which), entries } });
      return entries;
    },
  };
  return passing(lists, changed);
}

const keyDetails = ({ name, scopes, expiresAt, line }: KeyInfo): AuditDetails => ({
  name,
  scopes: scopes.join(' '),
  expiresAt,
  line,
});

function auditedKeys(keys: KeyStore, note: Note): KeyStore {
  const changed: Partial<KeyStore> = {
    async createKey(about) {
      const told = await keys.createKey(about);
      await note('key.create', { tenant: about.tenant, target: told.info.id, details: keyDetails(told.info) });
      return told;
    },
    async rotateKey(tenant, id, rotation) {
      const told = await keys.rotateKey(tenant, id, rotation);
      const details = { ...keyDetails(told.info), old: id, oldExpiresAt: told.old.expiresAt };
      await note('key.rotate', { tenant: told.info.tenant, target: told.info.id, details });
      return told;
    },
    async revokeKey(tenant, id) {
      const info = await keys.revokeKey(tenant, id);
      await note('key.revoke', { tenant: info.tenant, target: id });
      return info;
    },
  };
  return passing(keys, changed);
}

function auditedTenants(tenants: TenantStore, note: Note): TenantStore {
  const changed: Partial<TenantStore> = {
    async setTenant(name, change) {
      const info = await tenants.setTenant(name, change);
      const { limits, alarm, disabled } = change;
      const details = {
        ...(disabled === undefined ? {} : { disabled }),
        ...limits,
        ...(alarm === undefined ? {} : { alarm: alarm?.kind ?? null, queries: alarm?.queries ?? null }),
      };
      await note(alarm ? 'tenant.alarm' : 'tenant.set', { tenant: name, target: name, details });
      return info;
    },
  };
  return passing(tenants, changed);
}

function auditedWebhooks(webhooks: WebhookStore, note: Note): WebhookStore {
  const changed: Partial<WebhookStore> = {
    async addWebhook(about) {
      const hook = await webhooks.addWebhook(about);
      const details = { host: new URL(hook.url).host, secretEnv: hook.secretEnv };
      await note('webhook.add', { tenant: hook.tenant, target: hook.id, details });
      return hook;
    },
    async removeWebhook(tenant, id) {
      const hook = await webhooks.removeWebhook(tenant, id);
      const details = { waiting: hook.waiting, dead: hook.dead };
      await note('webhook.remove', { tenant: hook.tenant, target: id, details });
      return hook;
    },
    async retry(tenant, id, nowMs) {
      const events = await webhooks.retry(tenant, id, nowMs);
      await note('webhook.retry', { tenant, target: id, details: { events } });
      return events;
    },
  };
  return passing(webhooks, changed);
}
