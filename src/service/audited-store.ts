/** The audited store: every contract with changes, each change between its two rows of the audit log. */

import { type Audit, createAudit } from '../audit/audit.js';
import { auditedWebhooks } from '../cases/webhooks/audited-webhooks.js';
import type { Clock } from '../core/clock.js';
import { auditedLists } from '../lists/audited-lists.js';
import type { Store } from '../store/store.js';
import { auditedKeys, auditedTenants } from '../tenants/audited-keys.js';

export function auditStore(store: Store, clock: Clock): Audit {
  const { lists, keys, tenants, webhooks, audit } = store;
  return createAudit(audit, clock, (withAudit) => ({
    ...store,
    lists: auditedLists(lists, withAudit),
    keys: auditedKeys(keys, withAudit),
    tenants: auditedTenants(tenants, withAudit),
    webhooks: auditedWebhooks(webhooks, withAudit),
  }));
}
