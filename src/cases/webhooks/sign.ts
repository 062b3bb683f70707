/** Webhook signatures, in the common `t=,v1=` form: a receiver verifies the sender and the time. */
import { createHmac } from 'node:crypto';

export const SIGNATURE_HEADER = 'zeef-signature';

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
export function signatureOf(body: string, secret: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}
