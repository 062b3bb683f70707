/**
 * `threat_updates` of ThreatExchange, from the client in python-threatexchange (facebook/ThreatExchange,
 * exchanges/clients/fb_threatexchange and exchanges/impl/fb_threatexchange_api). Rules taken from there:
 * - `GET {base}/{privacy group}/threat_updates/`, the base being `https://graph.facebook.com/v9.0`.
 * - Parameters `access_token`, `start_time` (missing at first), `limit`, and `fields` with nested ones in braces.
 * - An answer has `data`, and `paging.next` where there is more: a whole URL that the client follows without parameters of its own.
 * - Updates are in the order of `last_updated`, in seconds. `should_delete`, or an update without descriptors, is a deletion.
 * - Statuses are those of descriptors: MALICIOUS, NON_MALICIOUS.
 * Assumed, not seen: the link contains the token (the client follows it as it is); `start_time` is included; a bad token gets 400.
 */
import { md5, PAGE, type Publisher, type Reply } from './publisher.js';

interface Update {
  readonly n: number;
  readonly last_updated: number;
  readonly should_delete: boolean;
}

const TOKEN = '12345678|t0kenOfAnAppThatIsLong';
const NEEDED = ['id', 'indicator', 'type', 'last_updated', 'should_delete'];

function dataOf({ n, ...update }: Update, fields: string): object {
  const descriptor = {
    id: `9${n}`,
    owner: { id: '555' },
    status: 'MALICIOUS',
    tags: { data: [{ id: '1', text: 'seen' }] },
  };
  const has = fields.includes('descriptors{') && !update.should_delete;
  return {
    id: String(n),
    indicator: md5(n),
    type: 'HASH_MD5',
    ...update,
    ...(has ? { descriptors: { data: [descriptor] } } : {}),
  };
}

export function threatExchangeServer(): Publisher {
  const updates: Update[] = [];
  const put = (update: Update) => {
    const known = updates.findIndex(({ n }) => n === update.n);
    if (known >= 0) updates.splice(known, 1);
    updates.push(update);
    updates.sort((a, b) => a.last_updated - b.last_updated);
  };
  return {
    type: 'threatexchange',
    base: '/v9.0',
    settings: { privacyGroup: '1012185296055235', secrets: { accessToken: { env: 'SOURCE_TOKEN' } } },
    env: { SOURCE_TOKEN: TOKEN },
    hidden: ['t0kenOfAnApp', 'access_token'],
    publish: (n, at) => put({ n, last_updated: at, should_delete: false }),
    withdraw: (n, at) => put({ n, last_updated: at, should_delete: true }),
    isPage: ({ url }) => url.pathname.endsWith('/threat_updates/'),
    linkingTo: (address) =>
      JSON.stringify({
        data: [dataOf({ n: 1, last_updated: 1_000, should_delete: false }, 'descriptors{')],
        paging: { next: address },
      }),
    answer({ url }): Reply {
      if (url.pathname !== '/v9.0/1012185296055235/threat_updates/') return { status: 404 };
      if (url.searchParams.get('access_token') !== TOKEN)
        return {
          status: 400,
          body: '{"error":{"message":"Invalid OAuth access token.","type":"OAuthException","code":190}}',
        };
      const fields = url.searchParams.get('fields') ?? '';
      if (NEEDED.some((name) => !fields.split(',').includes(name)) || !url.searchParams.has('limit'))
        return { status: 400 };
      const since = Number(url.searchParams.get('start_time') ?? 0);
      const changed = updates.filter(({ last_updated }) => last_updated >= since);
      const begin = Number(url.searchParams.get('after') ?? 0);
      const page = changed.slice(begin, begin + PAGE);
      const next = new URL(url);
      next.searchParams.set('after', String(begin + PAGE));
      const paging = begin + PAGE < changed.length ? { paging: { cursors: { after: 'QVFI' }, next: next.href } } : {};
      const body = JSON.stringify({ data: page.map((update) => dataOf(update, fields)), ...paging });
      return { headers: { 'content-type': 'application/json; charset=UTF-8' }, body };
    },
  };
}
