/**
 * NCMEC Hash Sharing v2, from the client in python-threatexchange (facebook/ThreatExchange, exchanges/clients/ncmec) and
 * the sample answers of its tests. Rules taken from there:
 * - The base is `https://host/hashsharing` (other environments: `/npo`, `/exploitative`); the entries are at `/v2/entries` behind it.
 * - Basic authentication with each request.
 * - `from` and `to` as `2017-10-20T00:00:00Z`; the client always sends both, and none with a link.
 * - `paging/next` is a path behind the base, with `from`, `to`, `start`, `size` and `max`; missing on the last page.
 * - Entries are not in the order of time; `maxTimestamp` is of one page. Deletions have no fingerprints.
 * - Feedback of members follows the fingerprints. The service has no filter for members.
 * - `GET /v2/feedback/MD5/reasons` lists the reasons of negative feedback, as elements with `guid` and `name` below `availableFeedbackReasons`.
 * - `PUT /v2/entries/42/image1/MD5/feedback` with `feedbackSubmission` as `application/xml; charset=utf-8`: `affirmative`, empty, or
 *   `negative` with `reasonIds` of one `guid`. Types are in capitals.
 * Assumed, not seen: `from` is included, `to` is not; unknown paths, entries and fingerprints get 404, an unknown reason and a body of
 * another form 400; the answer to feedback is `submissionResult` without content, which the samples call undocumented.
 */
import { type Asked, md5, PAGE, type Publisher, type Reply } from './publisher.js';

const NAMESPACE = 'https://hashsharing.ncmec.org/hashsharing/v2';
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;
const BASIC = `Basic ${Buffer.from('testington:pa55word').toString('base64')}`;

interface Entry {
  readonly n: number;
  readonly at: number;
  readonly member: number;
  readonly isDeleted: boolean;
}

const timeOf = (seconds: number) => `${new Date(seconds * 1000).toISOString().slice(0, -5)}Z`;
const escaped = (text: string) => text.replaceAll('&', '&amp;');

function written({ n, at, member, isDeleted }: Entry): string {
  const who = `<member id="${member}">Member &amp; ${member}</member>`;
  const when = `<timestamp>${timeOf(at)}</timestamp>`;
  if (isDeleted) return `<deletedImage>${who}<id>image${n}</id>${when}</deletedImage>`;
  return `<image>${who}${when}<id>image${n}</id><classification>A1</classification>
    <fingerprints><md5>${md5(n)}</md5><videntifier rel="self" href="/v2/entries/${n}/fingerprints/VIDENTIFIER"/></fingerprints>
    <feedback lastUpdateTimestamp="${timeOf(at)}"><affirmativeFeedback type="Md5" lastUpdateTimestamp="${timeOf(at)}">
    <members timestamp="${timeOf(at)}"><member id="${member}">Member &amp; ${member}</member></members></affirmativeFeedback></feedback></image>`;
}

function pageOf(entries: readonly Entry[], next: string | null): string {
  const latest = Math.max(...entries.map(({ at }) => at));
  const images =
    entries.length === 0
      ? '<images count="0"/>'
      : `<images count="${entries.length}" maxTimestamp="${timeOf(latest)}">${entries.map(written).join('')}</images>`;
  const paging = next === null ? '' : `<paging><next>${escaped(next)}</next></paging>`;
  return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<queryResult xmlns="${NAMESPACE}">${images}${paging}</queryResult>`;
}

/** Feedback that the service took. */
interface Taken {
  readonly path: string;
  readonly vote: string;
}

/** NCMEC's names of fingerprints of which the entries here have one. */
const TYPES = ['MD5', 'PDNA', 'PDQ', 'SHA1'];
const SUBMISSION =
  /^<\?xml version="1.0" encoding="UTF-8"\?><feedbackSubmission xmlns="https:\/\/hashsharing\.ncmec\.org\/hashsharing\/v2">(?:<affirmative\/>|<negative><reasonIds><guid>([\w-]+)<\/guid><\/reasonIds><\/negative>)<\/feedbackSubmission>$/;

export interface NcmecServer extends Publisher {
  /** Names of the reasons, each with the GUID `guid-N`. */
  reasons: readonly string[];
  readonly taken: Taken[];
  publish(n: number, at: number, member?: number): void;
  withdraw(n: number, at: number, member?: number): void;
}

export function ncmecServer(base = '/hashsharing'): NcmecServer {
  const entries: Entry[] = [];
  const taken: Taken[] = [];
  const xml = { 'content-type': 'application/xml' };
  const reasonsReply = (type: string, reasons: readonly string[]): Reply => {
    if (!TYPES.includes(type)) return { status: 404 };
    const each = reasons.map((name, n) => `<reason guid="guid-${n}" name="${escaped(name)}" type="${type}"/>`).join('');
    const list = `<availableFeedbackReasons>${each}</availableFeedbackReasons>`;
    return { headers: xml, body: `<feedback xmlns="${NAMESPACE}">${list}</feedback>` };
  };
  const feedbackReply = ({ url, headers, body }: Asked, reasons: readonly string[]): Reply => {
    const [, member, id, type] = /\/v2\/entries\/(\d+)\/([^/]+)\/([A-Z0-9]+)\/feedback$/.exec(url.pathname) ?? [];
    const known = entries.find((one) => `${one.member}` === member && `image${one.n}` === decodeURIComponent(id ?? ''));
    if (known === undefined || known.isDeleted || type !== 'MD5') return { status: 404 };
    const [whole, guid] = SUBMISSION.exec(body) ?? [];
    const isReason = guid === undefined || reasons.some((_, n) => guid === `guid-${n}`);
    if (whole === undefined || !isReason || headers['content-type'] !== 'application/xml; charset=utf-8')
      return { status: 400 };
    taken.push({ path: url.pathname.slice(base.length), vote: guid ?? 'affirmative' });
    return { headers: xml, body: `<submissionResult xmlns="${NAMESPACE}"/>` };
  };
  const put = (entry: Entry) => {
    const known = entries.findIndex(({ n, member }) => n === entry.n && member === entry.member);
    if (known >= 0) entries.splice(known, 1);
    entries.push(entry);
  };
  const server: NcmecServer = {
    type: 'ncmec',
    base,
    reasons: ['Not what it says'],
    taken,
    settings: { user: 'testington', secrets: { password: { env: 'SOURCE_PASSWORD' } } },
    env: { SOURCE_PASSWORD: 'pa55word' },
    hidden: ['pa55word', BASIC.slice('Basic '.length)],
    publish: (n, at, member = 42) => put({ n, at, member, isDeleted: false }),
    withdraw: (n, at, member = 42) => put({ n, at, member, isDeleted: true }),
    isPage: ({ url }) => url.pathname.endsWith('/v2/entries'),
    linkingTo: (address) => pageOf([{ n: 1, at: 1_000, member: 42, isDeleted: false }], address),
    answer(asked: Asked): Reply {
      const { method, url, headers } = asked;
      const [, ofReasons] = /^\/v2\/feedback\/([^/]+)\/reasons$/.exec(url.pathname.slice(base.length)) ?? [];
      const isFeedback = url.pathname.startsWith(`${base}/v2/entries/`) && url.pathname.endsWith('/feedback');
      if (url.pathname !== `${base}/v2/entries` && ofReasons === undefined && !isFeedback) return { status: 404 };
      if (headers.authorization !== BASIC) return { status: 401, headers: { 'www-authenticate': 'Basic' } };
      if (method !== (isFeedback ? 'PUT' : 'GET')) return { status: 405 };
      if (ofReasons !== undefined) return reasonsReply(ofReasons, server.reasons);
      if (isFeedback) return feedbackReply(asked, server.reasons);
      const [from, to] = ['from', 'to'].map((name) => url.searchParams.get(name) ?? '') as [string, string];
      if (!TIME.test(from) || !TIME.test(to)) return { status: 400 };
      const inRange = entries.filter(({ at }) => at * 1000 >= Date.parse(from) && at * 1000 < Date.parse(to));
      const start = Number(url.searchParams.get('start') ?? 1);
      const rest = inRange.length - (start - 1) - PAGE;
      const query = new URLSearchParams({
        from: from.replace(/(\.000)?Z$/, '.000Z'),
        to: to.replace(/(\.000)?Z$/, '.000Z'),
        start: String(start + PAGE),
        size: String(PAGE),
        max: String(inRange.length),
      });
      const page = inRange.slice(start - 1, start - 1 + PAGE);
      const body = pageOf(page, rest > 0 ? `/v2/entries?${query}` : null);
      return { headers: xml, body };
    },
  };
  return server;
}
