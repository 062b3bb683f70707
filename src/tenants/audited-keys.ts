/** Changes of keys and tenants, each between the two rows of the audit log that tell of it. */

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

/** That a key was used is no decision. */
const KEY_READS = ['keys', 'findByKey', 'touchKey'] as const satisfies readonly (keyof KeyStore)[];
/** What a tenant used is counted, not decided. */
const TENANT_READS = [
  'tenants',
  'tenant',
  'usage',
  'addUsage',
  'usageSeed',
] as const satisfies readonly (keyof TenantStore)[];

export function auditedKeys(keys: KeyStore, withAudit: WithAudit): KeyStore {
  /** Null where there is none: then it is not written down either, since what was meant as an id may be a key. */
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
      const { limits, alarm, disabled } = change;
      const details = {
        ...(disabled === undefined ? {} : { disabled }),
        ...limits,
        ...(alarm === undefined ? {} : { alarm: alarm?.kind ?? null, queries: alarm?.queries ?? null }),
      };
      return withAudit({ action: alarm ? 'tenant.alarm' : 'tenant.set', tenant: name, target: name, details }, () =>
        tenants.setTenant(name, change),
      );
    },
  };
  return overrideMethods(tenants, TENANT_READS, changed);
}
