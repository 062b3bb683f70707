/** Signatures of webhooks, in the form that others use too: a receiver checks that it was us, and that it was just now. */
import { createHmac } from 'node:crypto';

export const SIGNATURE_HEADER = 'zeef-signature';

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
export function signatureOf(body: string, secret: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}
