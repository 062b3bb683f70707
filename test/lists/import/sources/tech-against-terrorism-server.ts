/**
 * Tech Against Terrorism's hash list v2, from the client in python-threatexchange (facebook/ThreatExchange,
 * exchanges/clients/techagainstterrorism) and the samples of its tests. Rules taken from there:
 * - `POST token-auth/tcap/` with the form fields `username`, `password` and `resend` answers `{user, token}`.
 * - `GET api/hash-list/v2/all` with `Authorization: Bearer` and the token; `order` and `after`, which is empty at first.
 * - An answer has `count`, `next`, `previous`, `checkpoint` and `results`. The client asks for the next page by `after` with the
 *   checkpoint of the page, and only tests whether `next` is empty; that link counts by `limit` and `offset`.
 * - A checkpoint is the time and the id of the last record, as `1724856487.709035,10594`.
 * Assumed, not seen: a token that ended gets 401; the checkpoint of an empty page is null.
 */
import { md5, PAGE, type Publisher, type Reply } from './publisher.js';

interface Row {
  readonly n: number;
  readonly at: number;
  readonly deleted: boolean;
}

const positionOf = ({ at, n }: Row) => `${at}.709035,${n}`;

export interface TatServer extends Publisher {
  /** Requests that a token is good for. */
  uses: number;
  /** Tokens that were given. */
  readonly tokens: string[];
}

export function tatServer(): TatServer {
  const rows: Row[] = [];
  let usesLeft = 0;
  const put = (row: Row) => {
    const known = rows.findIndex(({ n }) => n === row.n);
    if (known >= 0) rows.splice(known, 1);
    rows.push(row);
    rows.sort((a, b) => a.at - b.at || a.n - b.n);
  };
  const server: TatServer = {
    type: 'tech-against-terrorism',
    base: '/',
    settings: { user: 'valid_user', secrets: { password: { env: 'SOURCE_PASSWORD' } } },
    env: { SOURCE_PASSWORD: 'pa55word&more' },
    hidden: ['pa55word', 'eyJ'],
    uses: Number.POSITIVE_INFINITY,
    tokens: [],
    publish: (n, at) => put({ n, at, deleted: false }),
    withdraw: (n, at) => put({ n, at, deleted: true }),
    isPage: ({ url }) => url.pathname.startsWith('/api/hash-list'),
    answer({ method, url, headers, body }): Reply {
      if (url.pathname === '/token-auth/tcap/') {
        const form = new URLSearchParams(body);
        const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') && method === 'POST';
        if (!isForm) return { status: 415 };
        if (
          form.get('username') !== 'valid_user' ||
          form.get('password') !== 'pa55word&more' ||
          form.get('resend') === null
        )
          return { status: 400, body: '{"non_field_errors":["Unable to log in with provided credentials."]}' };
        server.tokens.push(`eyJ${server.tokens.length}`);
        usesLeft = server.uses;
        return { body: JSON.stringify({ user: { username: 'valid_user' }, token: server.tokens.at(-1) }) };
      }
      if (url.pathname !== '/api/hash-list/v2/all') return { status: 404 };
      if (headers.authorization !== `Bearer ${server.tokens.at(-1)}` || usesLeft-- <= 0) return { status: 401 };
      const after = url.searchParams.get('after');
      if (url.searchParams.get('order') !== 'asc' || after === null) return { status: 400 };
      const [at, n] = after === '' ? [0, 0] : after.split(',').map(Number);
      const left = rows.filter((row) => row.at > Math.floor(at!) || (row.at === Math.floor(at!) && row.n > n!));
      const page = left.slice(0, PAGE);
      const results = page.map(({ n: id, at: updated, deleted }) => ({
        id,
        hash_digest: md5(id),
        algorithm: 'MD5',
        ideology: 'far-right',
        file_type: 'mp4',
        deleted,
        updated_on: updated + 0.709035,
        created_on: '2025-03-03 23:05:22,587',
      }));
      const next = 'https://beta.terrorismanalytics.org/api/hash-list/v2/all?limit=2&offset=2';
      const last = page.at(-1);
      return {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          count: rows.length,
          next: left.length > PAGE ? next : null,
          previous: null,
          checkpoint: last ? positionOf(last) : null,
          results,
        }),
      };
    },
  };
  return server;
}
