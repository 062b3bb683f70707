/** The store as somebody changes it: every contract that can change anything, between the rows of the audit log. */
import type { Clock } from '../core/clock.js';
import type { Store } from '../store/store.js';
import { type Audit, createAudit } from './audited.js';
import { auditedKeys, auditedTenants } from './audited-keys.js';
import { auditedLists } from './audited-lists.js';
import { auditedWebhooks } from './webhooks/audited-webhooks.js';

export function auditStore(store: Store, clock: Clock): Audit {
  const { lists, keys, tenants, webhooks, audit } = store;
  return createAudit(audit, clock, (doing) => ({
    ...store,
    lists: auditedLists(lists, doing),
    keys: auditedKeys(keys, doing),
    tenants: auditedTenants(tenants, doing),
    webhooks: auditedWebhooks(webhooks, doing),
  }));
}
