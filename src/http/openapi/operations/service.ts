/** Keys, tenants, webhooks and the audit log; the service itself. */
import { EMPTY, LEDGER, type Operation } from './operation.js';

const ADMINISTRATION: Readonly<Record<string, Operation>> = {
  'GET /v1/keys': {
    tag: 'Keys and tenants',
    id: 'listKeys',
    about: 'Only the hash of a key is stored, so it cannot be shown again.',
    answers: { 200: 'The keys of all tenants, or of one.' },
    errors: ['STORE_FAILED'],
  },
  'POST /v1/keys': {
    tag: 'Keys and tenants',
    id: 'createKey',
    about:
      'From the first key on, every request needs one. The first key with `admin` is made on the machine of the service: `zeef keys create`.',
    answers: { 201: 'The key, which is not shown again.' },
    errors: ['STORE_FAILED'],
  },
  'POST /v1/keys/{id}/rotate': {
    tag: 'Keys and tenants',
    id: 'rotateKey',
    about: 'Both keys work during `graceHours`. A line of keys has two live ones at most (`KEYS_LIVE_MAX`).',
    answers: { 201: 'The new key, which is not shown again, and the old one with the end of its grace period.' },
    errors: ['NOT_FOUND', 'KEYS_LIVE_MAX', 'STORE_FAILED'],
  },
  'DELETE /v1/keys/{id}': {
    tag: 'Keys and tenants',
    id: 'revokeKey',
    about: 'The key stays in the list of keys, as revoked.',
    answers: { 204: EMPTY },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
  'GET /v1/tenants': {
    tag: 'Keys and tenants',
    id: 'listTenants',
    about: 'A tenant is made by its first key or by its first limit.',
    answers: { 200: 'The tenants.' },
    errors: ['STORE_FAILED'],
  },
  'GET /v1/tenants/{tenant}': {
    tag: 'Keys and tenants',
    id: 'getTenant',
    about: 'Its limits, its use of them today, and its alarm, if it queries in the manner of probing.',
    answers: { 200: 'The tenant.' },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
  'PATCH /v1/tenants/{tenant}': {
    tag: 'Keys and tenants',
    id: 'changeTenant',
    about:
      'Fields that are not sent stay as they are. In `limits`, 0 is no limit, and null the default of the service. `"alarm": null` clears an alarm.',
    answers: { 200: 'The tenant after the change.' },
    errors: ['STORE_FAILED'],
  },
  'GET /v1/audit': {
    tag: 'Audit log',
    id: 'listAuditEntries',
    about:
      'Who changed what, when, and how it ended. Each entry has the hash of itself and of the one before it. Pages: send the `cursor` of an answer for the next page.',
    answers: { 200: 'One page of entries, newest first.' },
    errors: ['STORE_FAILED'],
  },
  'GET /v1/webhooks': {
    tag: 'Webhooks',
    id: 'listWebhooks',
    about: 'The webhooks of all tenants, or of one.',
    answers: { 200: 'The webhooks.' },
    errors: ['STORE_FAILED'],
  },
  'POST /v1/webhooks': {
    tag: 'Webhooks',
    id: 'addWebhook',
    about:
      'Events are signed as Standard Webhooks have it (`webhook-id`, `webhook-timestamp`, `webhook-signature`), with the secret in the variable `secretEnv` of the service. ' +
      'An event that is not accepted is sent 14 times, within some 17 hours, and then kept as undelivered.',
    answers: { 201: 'The webhook.' },
    errors: ['STORE_FAILED', ...LEDGER],
  },
  'DELETE /v1/webhooks/{id}': {
    tag: 'Webhooks',
    id: 'removeWebhook',
    about: 'Events that were not delivered are lost.',
    answers: { 204: EMPTY },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
  'GET /v1/webhooks/{id}/dead': {
    tag: 'Webhooks',
    id: 'listDeadEvents',
    about: 'Events that were sent often enough, and never accepted; 1,000 at most.',
    answers: { 200: 'The events.' },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
  'POST /v1/webhooks/{id}/retry': {
    tag: 'Webhooks',
    id: 'retryDeadEvents',
    about: 'All undelivered events of the webhook are due at once.',
    answers: { 200: 'How many events are sent again.' },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
  'POST /v1/webhooks/{id}/ping': {
    tag: 'Webhooks',
    id: 'pingWebhook',
    about: 'The event is of the type `ping`, signed like every other.',
    answers: { 202: 'How many events were added: 1.' },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
};

const SERVICE: Readonly<Record<string, Operation>> = {
  'GET /v1/whoami': {
    tag: 'Service',
    id: 'whoAmI',
    about: 'Says whether a key is needed at all, and what the key of the request may do. A good first request.',
    answers: { 200: 'The tenant and the scopes of the caller.' },
    errors: ['KEY_INVALID', 'STORE_FAILED'],
    isKeyOptional: true,
  },
  'GET /v1/status': {
    tag: 'Service',
    id: 'getStatus',
    about: 'For the dashboard of an operator; `GET /metrics` has more, for monitoring.',
    answers: { 200: 'Throughput and latency of this process.' },
  },
  'GET /v1/replicas': {
    tag: 'Service',
    id: 'listReplicas',
    about: 'Compare `generation` and `codeVersion`: processes that stay behind answer by older lists.',
    answers: { 200: 'The processes.' },
    errors: ['STORE_FAILED'],
  },
  'GET /livez': {
    tag: 'Service',
    id: 'getLiveness',
    about: 'For the liveness probe of an orchestrator: restart the process where it does not answer.',
    answers: { 200: 'The process runs.' },
    isProbe: true,
  },
  'GET /readyz': {
    tag: 'Service',
    id: 'getReadiness',
    about: 'For the readiness probe of a load balancer: send no checks here while the status is 503.',
    answers: { 200: 'Checks are answered.', 503: 'Checks are not answered now, for the reasons in `notReady`.' },
    isProbe: true,
  },
  'GET /metrics': {
    tag: 'Service',
    id: 'getMetrics',
    about: 'In the text format of Prometheus. It needs no key: do not expose it to the internet.',
    answers: { 200: 'The metrics.' },
  },
  'GET /openapi.json': {
    tag: 'Service',
    id: 'getOpenApi',
    about: 'For generators of clients. The page at `/docs/` is made from it.',
    answers: { 200: 'The document, in OpenAPI 3.1.' },
  },
};

/** By method and path. */
export const SERVICE_OPERATIONS: Readonly<Record<string, Operation>> = { ...ADMINISTRATION, ...SERVICE };
