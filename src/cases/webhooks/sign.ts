/** Headers of a signed event, by Standard Webhooks (standardwebhooks.com): a receiver verifies the sender and the time. */
import { createHmac } from 'node:crypto';
import { lazily } from '../../core/lazily.js';

const standard = lazily<typeof import('standardwebhooks')>('standardwebhooks');

/** What identifies a secret in the notation of Standard Webhooks, base64 after it; any other text is the key itself. */
const ENCODED_SECRET = 'whsec_';

interface Signed {
  readonly id: string;
  readonly body: string;
  readonly nowMs: number;
}

/** Errors: Error, where a `whsec_` secret is empty or not base64. */
export function signedHeaders(secret: string, { id, body, nowMs }: Signed): Record<string, string> {
  const { Webhook } = standard();
  const webhook = secret.startsWith(ENCODED_SECRET)
    ? new Webhook(secret)
    : new Webhook(Buffer.from(secret), { format: 'raw' });
  const seconds = Math.floor(nowMs / 1000);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': webhook.sign(id, new Date(nowMs), body),
    ...formerHeaders(secret, { id, body, seconds }),
  };
}

/** The headers of version 0.1.0, sent by 0.2 too. */
function formerHeaders(
  secret: string,
  { id, body, seconds }: { readonly id: string; readonly body: string; readonly seconds: number },
): Record<string, string> {
  const hmac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return { 'zeef-event-id': id, 'zeef-signature': `t=${seconds},v1=${hmac}` };
}
