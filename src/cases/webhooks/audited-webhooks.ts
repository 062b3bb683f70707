/** Audited changes of webhooks: each is between its two rows of the audit log. */

import { overrideMethods, type WithAudit } from '../../audit/audit.js';
import type { TenantFilter } from '../../store/keys-contract.js';
import type { WebhookStore } from '../../store/webhooks-contract.js';

/** Deliveries are not decisions: the outbox keeps them. */
const READS = [
  'webhooks',
  'receivers',
  'addEvents',
  'due',
  'claim',
  'done',
  'hold',
  'wake',
  'failed',
  'dead',
  'forget',
] as const satisfies readonly (keyof WebhookStore)[];

export function auditedWebhooks(webhooks: WebhookStore, withAudit: WithAudit): WebhookStore {
  /** Return the webhook's tenant, so that the tenant's part of the log has both rows. */
  const tenantOf = async (tenant: TenantFilter, id: string) =>
    (await webhooks.webhooks(tenant)).find((hook) => hook.id === id)?.tenant ?? tenant;
  const changed: Omit<WebhookStore, (typeof READS)[number]> = {
    addWebhook(about) {
      const { tenant, url, secretEnv } = about;
      const details = { host: new URL(url).host, secretEnv };
      return withAudit({ action: 'webhook.add', tenant, details, detailsOf: ({ id }) => ({ target: id }) }, () =>
        webhooks.addWebhook(about),
      );
    },
    removeWebhook: async (tenant, id) =>
      withAudit(
        {
          action: 'webhook.remove',
          tenant: await tenantOf(tenant, id),
          target: id,
          detailsOf: ({ waiting, dead }) => ({ details: { waiting, dead } }),
        },
        () => webhooks.removeWebhook(tenant, id),
      ),
    retry: async (tenant, id) =>
      withAudit(
        {
          action: 'webhook.retry',
          tenant: await tenantOf(tenant, id),
          target: id,
          detailsOf: (events) => ({ details: { events } }),
        },
        () => webhooks.retry(tenant, id),
      ),
    ping: async (tenant, id, event, nowMs) =>
      withAudit({ action: 'webhook.ping', tenant: await tenantOf(tenant, id), target: id }, () =>
        webhooks.ping(tenant, id, event, nowMs),
      ),
  };
  return overrideMethods(webhooks, READS, changed);
}
