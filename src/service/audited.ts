/**
 * The store as somebody changes it: every change that goes through here is in the audit log, with who made it. What is
 * not a change passes. A change is written down before it is made, so that whatever happens none is made without a row;
 * and how it ended, before it is answered.
 */
import type { Clock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import type { AuditAction, AuditDetails } from '../store/audit-contract.js';
import type { EntryFilter, ImportReport, ListStore } from '../store/contract.js';
import type { KeyInfo, KeyStore, TenantFilter } from '../store/keys-contract.js';
import type { Store } from '../store/store.js';
import type { TenantStore } from '../store/tenants-contract.js';
import type { WebhookStore } from '../store/webhooks-contract.js';

/** Zeef itself: what it does without being asked. */
export const ZEEF = 'zeef';

export interface Audit {
  /**
   * Does it, between the two rows that tell of it. Errors of `act`, which is then told as failed; STORE_FAILED: it could
   * not be written down, before it was done, or once it was: then the first row stands alone.
   */
  doing<T>(actor: string, deed: Deed<T>, act: () => Promise<T>): Promise<T>;
  /** `actor`: as in `AuditEvent`. */
  as(actor: string): Store;
  /** An import that is made elsewhere, such as in a thread of its own. Errors as `doing`. */
  importing(actor: string, what: ImportDeed, act: () => Promise<ImportReport>): Promise<ImportReport>;
}

export interface AuditAbout {
  readonly tenant?: string | null;
  readonly target?: string | null;
  readonly details?: AuditDetails;
}

/** What is known before it is done, and what only its result tells. */
export interface Deed<T> extends AuditAbout {
  readonly action: AuditAction;
  readonly told?: (result: T) => AuditAbout;
}

export interface ImportDeed {
  readonly list: string;
  readonly mode?: 'replace' | 'add' | undefined;
  readonly origin?: string | null | undefined;
}

type Doing = <T>(deed: Deed<T>, act: () => Promise<T>) => Promise<T>;

export function createAudit(store: Store, clock: Clock): Audit {
  const { lists, keys, tenants, webhooks, audit } = store;
  const doing = async <T>(actor: string, { action, told, ...about }: Deed<T>, act: () => Promise<T>): Promise<T> => {
    const { tenant = null, target = null, details = {} } = about;
    const event = () => ({ at: new Date(clock.nowMs()).toISOString(), actor, action, tenant, target });
    const begun = await audit.append({ ...event(), details, outcome: 'begun', ends: null });
    let result: T;
    try {
      result = await act();
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'INTERNAL';
      await audit
        .append({ ...event(), details: { ...details, code }, outcome: 'failed', ends: begun.seq })
        // The caller must hear what went wrong first; the row before stands for what nobody knows the end of.
        .catch(() => {});
      throw error;
    }
    const { details: facts, ...after } = told?.(result) ?? {};
    await audit.append({ ...event(), ...after, details: { ...details, ...facts }, outcome: 'done', ends: begun.seq });
    return result;
  };
  const importing: Audit['importing'] = (actor, what, act) => doing(actor, importDeed(what), act);
  return {
    doing,
    importing,
    as(actor) {
      const doingAs: Doing = (deed, act) => doing(actor, deed, act);
      return {
        ...store,
        lists: auditedLists(lists, doingAs),
        keys: auditedKeys(keys, doingAs),
        tenants: auditedTenants(tenants, doingAs),
        webhooks: auditedWebhooks(webhooks, doingAs),
      };
    },
  };
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

const importDeed = ({ list, mode = 'replace', origin = null }: ImportDeed): Deed<ImportReport> => ({
  action: `list.${mode}`,
  target: list,
  details: { origin },
  told: ({ version, accepted, rejected, added, removed, held }) => ({
    details: { version, accepted, rejected, added, removed, held: held.map(({ rule }) => rule).join(' ') || null },
  }),
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

function auditedLists(lists: ListStore, doing: Doing): ListStore {
  const changed: Partial<ListStore> = {
    createList(list) {
      const { kind, radiusBits } = list;
      return doing({ action: 'list.create', target: list.list, details: { kind, radiusBits } }, () =>
        lists.createList(list),
      );
    },
    updateList: (name, change) =>
      doing({ action: 'list.update', target: name, details: flat(change) }, () => lists.updateList(name, change)),
    removeList: (name) => doing({ action: 'list.remove', target: name }, () => lists.removeList(name)),
    replaceEntries: (name, rows, options = {}) =>
      doing(importDeed({ list: name, mode: 'replace', ...options }), () => lists.replaceEntries(name, rows, options)),
    addEntries: (name, rows, options = {}) =>
      doing(importDeed({ list: name, mode: 'add', ...options }), () => lists.addEntries(name, rows, options)),
    async setSource(name, source) {
      const before = await lists.source(name);
      // A sync that moves its checkpoint changes nothing that anybody decided.
      const place = (one: typeof source) => one && { ...one, checkpoint: null, syncedAt: null };
      if (JSON.stringify(place(before)) === JSON.stringify(place(source))) return lists.setSource(name, source);
      const details = source
        ? { type: source.type, host: new URL(source.url).host, everyMinutes: source.everyMinutes }
        : {};
      return doing({ action: 'list.source', target: name, details }, () => lists.setSource(name, source));
    },
    dropHeld: (name) => doing({ action: 'list.reject', target: name }, () => lists.dropHeld(name)),
    changeEntries: (name, which, change) =>
      doing(
        {
          action: `entries.${change}`,
          target: name,
          // What is no entry's id may be a value that somebody took for one.
          told: (entries) => ({ details: entries > 0 ? { ...filterDetails(which), entries } : { entries } }),
        },
        () => lists.changeEntries(name, which, change),
      ),
  };
  return passing(lists, changed);
}

const keyDetails = ({ name, scopes, expiresAt, line }: KeyInfo): AuditDetails => ({
  name,
  scopes: scopes.join(' '),
  expiresAt,
  line,
});

function auditedKeys(keys: KeyStore, doing: Doing): KeyStore {
  /** Null where there is none: then it is not written down either, since what was meant as an id may be a key. */
  const known = async (tenant: TenantFilter, id: string) =>
    (await keys.keys(tenant)).find((key) => key.id === id) ?? null;
  const changed: Partial<KeyStore> = {
    createKey(about) {
      const { tenant, name = null, scopes, expiresAt } = about;
      const details = { name, scopes: scopes.join(' '), expiresAt };
      return doing(
        {
          action: 'key.create',
          tenant,
          details,
          told: ({ info }) => ({ target: info.id, details: keyDetails(info) }),
        },
        () => keys.createKey(about),
      );
    },
    async rotateKey(tenant, id, rotation) {
      const before = await known(tenant, id);
      if (!before) return keys.rotateKey(tenant, id, rotation);
      return doing(
        {
          action: 'key.rotate',
          tenant: before.tenant,
          target: id,
          told: ({ info, old }) => ({
            target: info.id,
            details: { ...keyDetails(info), old: id, oldExpiresAt: old.expiresAt },
          }),
        },
        () => keys.rotateKey(tenant, id, rotation),
      );
    },
    async revokeKey(tenant, id) {
      const before = await known(tenant, id);
      if (!before) return keys.revokeKey(tenant, id);
      return doing({ action: 'key.revoke', tenant: before.tenant, target: id }, () => keys.revokeKey(tenant, id));
    },
  };
  return passing(keys, changed);
}

function auditedTenants(tenants: TenantStore, doing: Doing): TenantStore {
  const changed: Partial<TenantStore> = {
    setTenant(name, change) {
      const { limits, alarm, disabled } = change;
      const details = {
        ...(disabled === undefined ? {} : { disabled }),
        ...limits,
        ...(alarm === undefined ? {} : { alarm: alarm?.kind ?? null, queries: alarm?.queries ?? null }),
      };
      return doing({ action: alarm ? 'tenant.alarm' : 'tenant.set', tenant: name, target: name, details }, () =>
        tenants.setTenant(name, change),
      );
    },
  };
  return passing(tenants, changed);
}

function auditedWebhooks(webhooks: WebhookStore, doing: Doing): WebhookStore {
  /** Whose it is, so that the tenant's part of the log has both rows. */
  const tenantOf = async (tenant: TenantFilter, id: string) =>
    (await webhooks.webhooks(tenant)).find((hook) => hook.id === id)?.tenant ?? tenant;
  const changed: Partial<WebhookStore> = {
    addWebhook(about) {
      const { tenant, url, secretEnv } = about;
      const details = { host: new URL(url).host, secretEnv };
      return doing({ action: 'webhook.add', tenant, details, told: ({ id }) => ({ target: id }) }, () =>
        webhooks.addWebhook(about),
      );
    },
    removeWebhook: async (tenant, id) =>
      doing(
        {
          action: 'webhook.remove',
          tenant: await tenantOf(tenant, id),
          target: id,
          told: ({ waiting, dead }) => ({ details: { waiting, dead } }),
        },
        () => webhooks.removeWebhook(tenant, id),
      ),
    retry: async (tenant, id, nowMs) =>
      doing(
        {
          action: 'webhook.retry',
          tenant: await tenantOf(tenant, id),
          target: id,
          told: (events) => ({ details: { events } }),
        },
        () => webhooks.retry(tenant, id, nowMs),
      ),
  };
  return passing(webhooks, changed);
}
