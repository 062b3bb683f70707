/**
 * Requests to a list source with its credentials, as the public clients of its publisher send them. A token that a login
 * gave is kept for the turn of a sync, in memory only.
 */
import { boundedWork } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { fetchFailure, isPassingStatus, PassingFailure, requestHeaders, retryAfterMs } from '../../core/retry.js';
import { loginAddress } from '../../hashlists/source-addresses.js';
import type { SourceInfo } from '../../store/lists-contract.js';
import type { Secrets } from './source-secrets.js';

const LOGIN_MS_MAX = 60_000;
/** A token has a thousand characters, and the user's facts come with it. */
const LOGIN_CHARS_MAX = 262_144;

export interface SourceSession {
  readonly source: SourceInfo;
  /** Errors SOURCE_FAILED; PassingFailure: the login failed, and may succeed later; the error of an aborted `signal`. */
  headers(signal: AbortSignal): Promise<Headers>;
  /** Return the address to send; it may contain a secret, so that no error or log may quote it. */
  addressOf(url: string): string;
  /** Forget a refused token. Result: whether another login may help. */
  renew(): boolean;
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Errors SOURCE_FAILED: a secret that cannot be sent. */
function sendable(values: Readonly<Record<string, string | undefined>>): Headers {
  const given = Object.entries(values).filter((one): one is [string, string] => one[1] !== undefined);
  const headers = requestHeaders(Object.fromEntries(given));
  if (headers === null) throw new AppError('SOURCE_FAILED', { why: 'the secret cannot be sent in a header' });
  return headers;
}

function authorization(user: string | null, password: string | undefined): string | undefined {
  if (password === undefined) return undefined;
  return user === null ? `Bearer ${password}` : basic(user, password);
}

export function openSession(source: SourceInfo, secrets: Secrets): SourceSession {
  const { type, user } = source;
  const { password, functionKey, subscriptionKey, accessToken } = secrets;
  const login = user === null || password === undefined ? null : loginAddress(source);
  let token: string | null = null;
  let isFresh = false;
  return {
    source,
    async headers(signal) {
      if (login !== null) {
        isFresh = token === null;
        token ??= await logIn(login, { user: user!, password: password! }, signal);
        return sendable({ authorization: `Bearer ${token}` });
      }
      if (type === 'stopncii')
        return sendable({ 'x-functions-key': functionKey, 'ocp-apim-subscription-key': subscriptionKey });
      return sendable({ authorization: authorization(user, password) });
    },
    addressOf(url) {
      if (accessToken === undefined) return url;
      const address = new URL(url);
      address.searchParams.set('access_token', accessToken);
      return address.href;
    },
    renew() {
      const mayHelp = token !== null && !isFresh;
      token = null;
      return mayHelp;
    },
  };
}

/** Exchange a user and a password for a token. Errors as `SourceSession.headers`. */
async function logIn(
  address: string,
  { user, password }: { readonly user: string; readonly password: string },
  signal: AbortSignal,
): Promise<string> {
  let response: Response;
  let text: string;
  try {
    ({ response, text } = await boundedWork({ signals: [signal], ms: LOGIN_MS_MAX }, async (inTime) => {
      const got = await fetch(address, {
        method: 'POST',
        body: new URLSearchParams({ username: user, password, resend: 'False' }),
        redirect: 'manual',
        signal: inTime,
      });
      return { response: got, text: got.ok ? await shortText(got) : '' };
    }));
  } catch (error) {
    if (signal.aborted || error instanceof AppError) throw error;
    throw new PassingFailure(`login: ${fetchFailure(error)}`, null, error);
  }
  if (!response.ok) {
    await response.body?.cancel();
    const why = `login: status ${response.status}`;
    if (isPassingStatus(response.status)) throw new PassingFailure(why, retryAfterMs(response.headers));
    throw new AppError('SOURCE_FAILED', { why });
  }
  const token = tokenOf(text);
  if (token === null) throw new AppError('SOURCE_FAILED', { why: 'login: the answer has no token' });
  return token;
}

/** Errors SOURCE_FAILED: the answer is longer than any. */
async function shortText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > LOGIN_CHARS_MAX)
      throw new AppError('SOURCE_FAILED', { why: `login: the answer exceeds ${LOGIN_CHARS_MAX} characters` });
  }
  return text;
}

function tokenOf(text: string): string | null {
  try {
    const { token } = JSON.parse(text) as { readonly token?: unknown };
    return typeof token === 'string' && token !== '' ? token : null;
  } catch {
    return null;
  }
}
