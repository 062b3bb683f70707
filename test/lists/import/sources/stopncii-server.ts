/**
 * StopNCII, from the clients in python-threatexchange (exchanges/clients/stopncii) and hasher-matcher-actioner
 * (hmalib, StopNciiOrgAPI), both of facebook/ThreatExchange, and the sample answers of their tests. Rules taken from there:
 * - The base is `https://host/v1`, the endpoint `FetchHashes` behind it.
 * - Two headers with each request: `x-functions-key` of the endpoint, and `Ocp-Apim-Subscription-Key`.
 * - `startTimestamp`, by default 10, and `pageSize` with each request; the page is asked for by `nextPageToken`, besides them.
 * - An answer has `count`, `hashRecords`, `hasMoreRecords`, `nextPageToken` (also on the last page, or null) and `nextSetTimestamp`.
 * - The endpoint `SubmitFeedback` takes JSON by POST: `count`, and `hashFeedbacks` of `hashValue`, `feedbackValue` (`Blocked`,
 *   `NotBlocked` and others) and `tags`. Each endpoint has a function key of its own.
 * - `caseNumbers` is an object, and an empty array where there is none. Feedback may have values that no client knows.
 * Assumed, not seen: either header missing gets 401; feedback on an unknown hash gets 404, of another form 400, and its answer is `{}`; an unknown token gets 400; `startTimestamp` is included.
 */
import { md5, PAGE, type Publisher, type Reply } from './publisher.js';

/** Feedback that the service took. */
interface Taken {
  readonly n: number;
  readonly says: string;
}

const SAYS = ['Blocked', 'NotBlocked', 'PendingReview', 'QualityUnknown', 'None', 'Withdrawn', 'Deleted'];

export interface StopNciiServer extends Publisher {
  readonly taken: Taken[];
  /** The function key of `SubmitFeedback`. */
  feedbackKey: string;
  /** Add a record as it is. */
  add(record: object): void;
}

export function stopNciiServer(): StopNciiServer {
  const records: { readonly [name: string]: unknown }[] = [];
  const put = (n: number, lastModtimestamp: number, hashStatus: string) => {
    const known = records.findIndex(({ hashValue }) => hashValue === md5(n));
    if (known >= 0) records.splice(known, 1);
    const caseNumbers = n % 2 === 0 ? [] : { [`27664732-76e1-4a17-8099-${String(n).padStart(12, '0')}`]: hashStatus };
    const feedback = { source: 'Somebody', feedbackValue: 'Undefined', tags: ['Nude'] };
    records.push({
      lastModtimestamp,
      signalType: 'ImageMD5',
      hashValue: md5(n),
      hashStatus,
      caseNumbers,
      CSPFeedbacks: [feedback],
    });
  };
  const taken: Taken[] = [];
  const feedbackReply = (body: string): Reply => {
    const { count, hashFeedbacks } = JSON.parse(body) as {
      readonly count: number;
      readonly hashFeedbacks: readonly { readonly hashValue: string; readonly feedbackValue: string; tags: unknown }[];
    };
    if (count !== hashFeedbacks.length || !hashFeedbacks.every((one) => SAYS.includes(one.feedbackValue)))
      return { status: 400 };
    if (!hashFeedbacks.every((one) => Array.isArray(one.tags))) return { status: 400 };
    const isKnown = (value: string) =>
      records.some(({ hashValue, hashStatus }) => hashValue === value && hashStatus === 'Active');
    // Quotes the value, as services do.
    if (!hashFeedbacks.every((one) => isKnown(one.hashValue))) return { status: 404, body };
    for (const { hashValue, feedbackValue } of hashFeedbacks)
      taken.push({ n: Number.parseInt(hashValue, 16), says: feedbackValue });
    return { headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{}' };
  };
  const tokenOf = (at: number) => Buffer.from(`[{"token":"+RID:~${at}#RT:1"}]`).toString('base64');
  const server: StopNciiServer = {
    type: 'stopncii',
    taken,
    feedbackKey: 'funct10n==',
    base: '/v1',
    settings: { secrets: { functionKey: { env: 'SOURCE_FUNCTION' }, subscriptionKey: { env: 'SOURCE_SUBSCRIPTION' } } },
    env: { SOURCE_FUNCTION: 'funct10n==', SOURCE_SUBSCRIPTION: 'subscr1pt10n' },
    hidden: ['funct10n', 'subscr1pt10n'],
    publish: (n, at) => put(n, at, 'Active'),
    withdraw: (n, at) => put(n, at, 'Withdrawn'),
    add: (record) => void records.push({ ...record }),
    isPage: ({ url }) => url.pathname.endsWith('/FetchHashes'),
    answer({ method, url, headers, body: asked }): Reply {
      const isFeedback = url.pathname === '/v1/SubmitFeedback';
      if (url.pathname !== '/v1/FetchHashes' && !isFeedback) return { status: 404 };
      const key = isFeedback ? server.feedbackKey : 'funct10n==';
      if (headers['x-functions-key'] !== key || headers['ocp-apim-subscription-key'] !== 'subscr1pt10n')
        return { status: 401, body: '{"statusCode":401}' };
      if (method !== (isFeedback ? 'POST' : 'GET')) return { status: 405 };
      if (isFeedback) return headers['content-type'] === 'application/json' ? feedbackReply(asked) : { status: 415 };
      const since = Number(url.searchParams.get('startTimestamp'));
      const size = Number(url.searchParams.get('pageSize'));
      if (!(since > 0 && size > 0)) return { status: 400 };
      const token = url.searchParams.get('nextPageToken');
      const begin =
        token === null ? 0 : Array.from({ length: 100 }, (_, at) => at).findIndex((at) => tokenOf(at) === token);
      if (begin < 0) return { status: 400 };
      const changed = records.filter(({ lastModtimestamp }) => Number(lastModtimestamp) >= since);
      const page = changed.slice(begin, begin + PAGE);
      const hasMoreRecords = begin + PAGE < changed.length;
      const latest = Math.max(since, ...changed.map(({ lastModtimestamp }) => Number(lastModtimestamp)));
      const body = JSON.stringify({
        count: page.length,
        nextSetTimestamp: latest,
        nextPageToken: hasMoreRecords ? tokenOf(begin + PAGE) : null,
        hasMoreRecords,
        hashRecords: page,
      });
      return { headers: { 'content-type': 'application/json; charset=utf-8' }, body };
    },
  };
  return server;
}
