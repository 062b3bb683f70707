/** One attempt to hand one event over. Only a status of 2xx is taken for an answer. */
import { AppError } from '../../core/errors.js';
import { PACKAGE_VERSION } from '../../core/package-root.js';
import type { WebhookEvent, WebhookInfo } from '../../store/webhooks-contract.js';
import { SIGNATURE_HEADER, signatureOf } from './sign.js';

/** A receiver notes the event and works later; one that works first holds us up. */
export const ANSWER_MS_MAX = 10_000;

/** An address that an administrator may name. Errors REQUEST_INVALID. */
export function requireUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '') {
    throw new AppError('REQUEST_INVALID', { field: 'url', expected: 'http or https, without a password in it' });
  }
  return parsed.href;
}

/** The name of a variable; not one of Zeef's own, whose values are no secrets of a receiver. Errors REQUEST_INVALID. */
export function requireSecretEnv(name: string): string {
  if (/^[A-Z][A-Z0-9_]{0,99}$/.test(name) && !name.startsWith('ZEEF_')) return name;
  throw new AppError('REQUEST_INVALID', {
    field: 'secretEnv',
    expected: 'the name of an environment variable that does not begin with ZEEF_',
  });
}

export interface DeliverOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
  readonly answerMsMax?: number;
}

/** Null where it was taken; otherwise why not, in words without anything of the answer but its status. */
export async function deliver(
  { url, secretEnv }: Pick<WebhookInfo, 'url' | 'secretEnv'>,
  { id, kind, body }: Pick<WebhookEvent, 'id' | 'kind' | 'body'>,
  { env, nowMs, answerMsMax = ANSWER_MS_MAX }: DeliverOptions,
): Promise<string | null> {
  const secret = env[secretEnv];
  if (!secret) return `the variable ${secretEnv} is not set`;
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      // Another address than the administrator's gets nothing: a redirect is a status like any other.
      redirect: 'manual',
      signal: AbortSignal.timeout(answerMsMax),
      headers: {
        'content-type': 'application/json',
        'user-agent': `zeef/${PACKAGE_VERSION}`,
        'zeef-event': kind,
        'zeef-event-id': id,
        [SIGNATURE_HEADER]: signatureOf(body, secret, nowMs),
      },
    });
    // What it says is nobody's business here, and may be endless.
    await response.body?.cancel();
    return response.ok ? null : `status ${response.status}`;
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : reasonOf(error);
  }
}

/** `fetch failed`, and what is behind it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  return typeof cause?.code === 'string' ? cause.code : 'the connection failed';
}
