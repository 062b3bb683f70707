/** Audited changes of keys and tenants: each is between its two rows of the audit log. */

import { overrideMethods, type WithAudit } from '../audit/audit.js';
import type { AuditDetails } from '../store/audit-contract.js';
import type { KeyInfo, KeyStore, TenantFilter } from '../store/keys-contract.js';
import type { TenantStore } from '../store/tenants-contract.js';

const keyDetails = ({ name, scopes, expiresAt, line }: KeyInfo): AuditDetails => ({
  name,
  scopes: scopes.join(' '),
  expiresAt,
  line,
});

/** Noting a key's use is not an audited change. */
const KEY_READS = ['keys', 'findByKey', 'touchKey'] as const satisfies readonly (keyof KeyStore)[];
/** Usage is counted, not audited. */
const TENANT_READS = [
  'tenants',
  'tenant',
  'usage',
  'addUsage',
  'usageSeed',
] as const satisfies readonly (keyof TenantStore)[];

export function auditedKeys(keys: KeyStore, withAudit: WithAudit): KeyStore {
  /** Null for an unknown id, which is not recorded either: it may be a key that was sent in place of an id. */
  const known = async (tenant: TenantFilter, id: string) =>
    (await keys.keys(tenant)).find((key) => key.id === id) ?? null;
  const changed: Omit<KeyStore, (typeof KEY_READS)[number]> = {
    createKey(about) {
      const { tenant, name = null, scopes, expiresAt } = about;
      const details = { name, scopes: scopes.join(' '), expiresAt };
      return withAudit(
        {
          action: 'key.create',
          tenant,
          details,
          detailsOf: ({ info }) => ({ target: info.id, details: keyDetails(info) }),
        },
        () => keys.createKey(about),
      );
    },
    async rotateKey(tenant, id, rotation) {
      const before = await known(tenant, id);
      if (!before) return keys.rotateKey(tenant, id, rotation);
      return withAudit(
        {
          action: 'key.rotate',
          tenant: before.tenant,
          target: id,
          detailsOf: ({ info, old }) => ({
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
      return withAudit({ action: 'key.revoke', tenant: before.tenant, target: id }, () => keys.revokeKey(tenant, id));
    },
  };
  return overrideMethods(keys, KEY_READS, changed);
}

export function auditedTenants(tenants: TenantStore, withAudit: WithAudit): TenantStore {
  const changed: Omit<TenantStore, (typeof TENANT_READS)[number]> = {
    setTenant(name, change) {
      const { limits, alarm, disabled, referenceUrl, credentials } = change;
      const details = {
        ...(disabled === undefined ? {} : { disabled }),
        ...limits,
        ...(referenceUrl === undefined ? {} : { referenceUrl }),
        ...(credentials === undefined ? {} : { credentials: Object.keys(credentials).join(' ') }),
        ...(alarm === undefined ? {} : { alarm: alarm?.kind ?? null, queries: alarm?.queries ?? null }),
      };
      return withAudit({ action: alarm ? 'tenant.alarm' : 'tenant.set', tenant: name, target: name, details }, () =>
        tenants.setTenant(name, change),
      );
    },
  };
  return overrideMethods(tenants, TENANT_READS, changed);
}
