/** Requests to the service with the tab's key. A refusal is a value: one panel shows it and the rest keep working. */

/** Storage key; the tab alone keeps it: not the browser, not a cookie. */
const KEY_PLACE = 'zeef-key';

export interface Refusal {
  readonly ok: false;
  /** 0 without any answer. */
  readonly status: number;
  readonly code: string;
  readonly title: string;
  /** The missing scope, where that is the reason. */
  readonly scope: string | null;
  /** The answer as JSON; empty where it was not. */
  readonly body: object;
}
export type Answer<T> = { readonly ok: true; readonly data: T } | Refusal;

export const keptKey = (): string | null => sessionStorage.getItem(KEY_PLACE);
export function keepKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY_PLACE);
  else sessionStorage.setItem(KEY_PLACE, key);
}

export type Query = Readonly<Record<string, string | number | null | undefined>>;

function address(path: string, query: Query): string {
  const asked = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const text = new URLSearchParams(asked.map(([name, value]) => [name, String(value)])).toString();
  // Relative to the page: a proxy may serve it under a path of its own.
  return text ? `${path}?${text}` : path;
}

async function send(path: string, init: RequestInit): Promise<Answer<Response>> {
  const key = keptKey();
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      cache: 'no-store',
      headers: { ...init.headers, ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
    });
  } catch {
    return { ok: false, status: 0, code: 'UNREACHABLE', title: 'The service is unreachable.', scope: null, body: {} };
  }
  if (response.ok) return { ok: true, data: response };
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    title?: string;
    details?: { scope?: string };
  };
  return {
    ok: false,
    status: response.status,
    code: problem.code ?? 'UNKNOWN',
    title: problem.title ?? `The service answered ${response.status}.`,
    scope: problem.details?.scope ?? null,
    body: problem,
  };
}

async function json<T>(path: string, init: RequestInit): Promise<Answer<T>> {
  const answer = await send(path, init);
  return answer.ok ? { ok: true, data: (await answer.data.json()) as T } : answer;
}

export const get = <T>(path: string, query: Query = {}): Promise<Answer<T>> => json<T>(address(path, query), {});

export async function getText(path: string, query: Query = {}): Promise<Answer<string>> {
  const answer = await send(address(path, query), {});
  return answer.ok ? { ok: true, data: await answer.data.text() } : answer;
}

/** Get a page as CSV, with the cursor of the next one. */
export async function getCsvPage(
  path: string,
  query: Query,
): Promise<Answer<{ readonly text: string; readonly cursor: string | null }>> {
  const answer = await send(address(path, query), {});
  if (!answer.ok) return answer;
  return { ok: true, data: { text: await answer.data.text(), cursor: answer.data.headers.get('x-next-cursor') } };
}

export const patch = <T>(path: string, body: object): Promise<Answer<T>> =>
  json<T>(path, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** Send the bytes of a file. */
export const upload = <T>(path: string, file: Blob, query: Query = {}): Promise<Answer<T>> =>
  json<T>(address(path, query), {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  });

/** Send a change; the answer may be empty. */
export async function change<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Answer<T>> {
  const sent =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await send(path, { method, ...sent });
  if (!answer.ok) return answer;
  const text = await answer.data.text();
  return { ok: true, data: (text === '' ? null : JSON.parse(text)) as T };
}

export function refusalWords({ status, title, scope }: Refusal): readonly [title: string, hint: string] {
  if (status === 403 && scope !== null) {
    const needed = scope === 'admin' ? 'admin' : `${scope}, or with admin`;
    return [`The key does not have the scope ${scope}.`, `This panel needs a key with ${needed}.`];
  }
  if (status === 401) return ['This panel needs a key.', 'Enter one with the button Key at the top.'];
  if (status === 0) return [title, 'Retrying in a moment.'];
  return [title, ''];
}
