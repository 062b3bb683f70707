/** One delivery attempt of one event. Only a 2xx status counts as delivered. */
import { AppError } from '../../core/errors.js';
import { URL_CHARACTERS_MAX } from '../../core/limits.js';
import { PACKAGE_VERSION } from '../../core/package-root.js';
import { fetchFailure, retryAfterMs } from '../../core/retry.js';
import { secretFrom } from '../../core/secret.js';
import type { WebhookEvent, WebhookInfo } from '../../store/webhooks-contract.js';
import { signedHeaders } from './sign.js';

/** A receiver should record the event and process it later; one that processes it first delays the outbox. */
export const ANSWER_MS_MAX = 10_000;

/** Validate a webhook's address. Errors REQUEST_INVALID. */
export function requireUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '') {
    throw new AppError('REQUEST_INVALID', { field: 'url', expected: 'http or https URL without credentials' });
  }
  if (parsed.href.length > URL_CHARACTERS_MAX)
    throw new AppError('REQUEST_INVALID', { field: 'url', charactersMax: URL_CHARACTERS_MAX });
  return parsed.href;
}

/** Validate a variable's name; Zeef's own variables hold no receiver's secret. Errors REQUEST_INVALID. */
export function requireSecretEnv(name: string): string {
  if (/^[A-Z][A-Z0-9_]{0,99}$/.test(name) && !name.startsWith('ZEEF_')) return name;
  throw new AppError('REQUEST_INVALID', {
    field: 'secretEnv',
    expected: 'name of an environment variable, not beginning with ZEEF_',
  });
}

export interface DeliverOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
  readonly answerMsMax?: number;
}

interface Undelivered {
  /** Contains nothing of the response but its status. */
  readonly why: string;
  /** Pause that the receiver asks for; null: the usual one. */
  readonly waitMs: number | null;
}

/** Return null on delivery. */
export async function deliver(
  { url, secretEnv }: Pick<WebhookInfo, 'url' | 'secretEnv'>,
  { id, kind, body }: Pick<WebhookEvent, 'id' | 'kind' | 'body'>,
  { env, nowMs, answerMsMax = ANSWER_MS_MAX }: DeliverOptions,
): Promise<Undelivered | null> {
  const read = secretFrom(env, secretEnv);
  if ('why' in read) return { why: read.why, waitMs: null };
  let signature: Record<string, string>;
  try {
    signature = signedHeaders(read.secret, { id, body, nowMs });
  } catch {
    return { why: `the whsec_ secret in ${secretEnv} is not base64`, waitMs: null };
  }
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      // Only the administrator's address gets events: a redirect is a status like any other.
      redirect: 'manual',
      signal: AbortSignal.timeout(answerMsMax),
      headers: {
        'content-type': 'application/json',
        'user-agent': `zeef/${PACKAGE_VERSION}`,
        'zeef-event': kind,
        ...signature,
      },
    });
    // The body is not needed, and may be endless.
    await response.body?.cancel();
    return response.ok ? null : { why: `status ${response.status}`, waitMs: retryAfterMs(response.headers, nowMs) };
  } catch (error) {
    return { why: fetchFailure(error), waitMs: null };
  }
}
