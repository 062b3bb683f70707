/**
 * List sources with pages over HTTP: addresses of the first and the next page, and the checkpoint from which the next sync
 * resumes. Pure: addresses and bodies in, addresses out.
 */
import { AppError } from '../core/errors.js';
import type { SourceType } from '../core/vocabulary.js';
import { asText, BoundedJson, JsonFault, TokenType } from './formats/json-records.js';
import { BoundedXml, XmlFault } from './formats/xml.js';

export interface PageFacts {
  /** Link to the next page, as written in the page; null on the last. `nextAddress` resolves it. */
  readonly next: string | null;
  /** Start of the next sync; null if the page has none. */
  readonly checkpoint: string | null;
}

/** Query parameter for changes since a checkpoint. */
const SINCE: Readonly<Record<SourceType, string>> = {
  ncmec: 'from',
  stopncii: 'startTimestamp',
  'tech-against-terrorism': 'checkpoint',
};

export function firstPage(type: SourceType, url: string, checkpoint: string | null): string {
  const address = new URL(url);
  if (checkpoint !== null) address.searchParams.set(SINCE[type], checkpoint);
  return address.href;
}

class PageFault extends JsonFault {}

/** Pages have a thousand records; a page of 64 MB could have millions that say nothing. */
const SOURCE_PAGE_RECORDS_MAX = 1_000_000;
/** Characters of a link, a token or a checkpoint. */
const LINK_CHARS_MAX = 8_192;

/** Counts records. Errors PageFault. */
function recordCounter(): () => void {
  let records = 0;
  return () => {
    records++;
    if (records > SOURCE_PAGE_RECORDS_MAX) throw new PageFault(`more than ${SOURCE_PAGE_RECORDS_MAX} records`);
  };
}

function bounded(link: string | null): string | null {
  if (link !== null && link.length > LINK_CHARS_MAX) throw new PageFault(`a link exceeds ${LINK_CHARS_MAX} characters`);
  return link;
}

/** An element directly below the list of entries. */
const RECORD_DEPTH = 3;

function ncmecFacts(body: Uint8Array): PageFacts {
  let depth = 0;
  let text = '';
  let next: string | null = null;
  let checkpoint: string | null = null;
  const countRecord = recordCounter();
  const xml = new BoundedXml({
    opened({ attributes: { maxTimestamp } }) {
      text = '';
      depth++;
      if (depth === RECORD_DEPTH) countRecord();
      if (maxTimestamp && (checkpoint === null || maxTimestamp > checkpoint)) checkpoint = bounded(maxTimestamp);
    },
    text(piece) {
      // Only a link is read, and `bounded` refuses a longer one.
      if (text.length <= LINK_CHARS_MAX) text += piece;
    },
    closed(local) {
      depth--;
      if (local === 'next') next = bounded(text.trim() || null);
    },
  });
  xml.write(body);
  xml.close();
  return { next, checkpoint };
}

/** Members of a page that are read; the records are only counted. */
const MEMBERS = ['next', 'checkpoint', 'nextPageToken', 'nextSetTimestamp', 'hasMoreRecords'] as const;
const RECORD_PATHS = ['$.hashRecords.*', '$.results.*'];

type JsonPage = Partial<Record<(typeof MEMBERS)[number], unknown>>;

function readJsonPage(body: Uint8Array): JsonPage {
  const page: { [name: string]: unknown } = {};
  const countRecord = recordCounter();
  let isObject: boolean | null = null;
  const json = new BoundedJson({
    paths: [...MEMBERS.map((name) => `$.${name}`), ...RECORD_PATHS],
    onToken: (token) => {
      isObject ??= token === TokenType.LEFT_BRACE;
      if (!isObject) throw new PageFault('not a JSON object');
    },
    onValue: (value, key) => {
      if (typeof key === 'string' && (MEMBERS as readonly string[]).includes(key)) page[key] = value;
      else countRecord();
    },
  });
  for (let at = 0; at < body.length; at += PIECE_BYTES) json.write(body.subarray(at, at + PIECE_BYTES));
  json.end();
  return page;
}

/** Bytes given to the parser at once: its bounds are checked between two pieces. */
const PIECE_BYTES = 65_536;

function jsonFacts(type: SourceType, page: JsonPage, pageUrl: string): PageFacts {
  const text = (value: unknown) => bounded(asText(value) ?? null);
  if (type !== 'stopncii') return { next: text(page.next), checkpoint: text(page.checkpoint) };
  const checkpoint = text(page.nextSetTimestamp);
  if (page.hasMoreRecords !== true) return { next: null, checkpoint };
  const token = text(page.nextPageToken);
  if (token === null) throw new PageFault('nextPageToken is missing');
  const next = new URL(pageUrl);
  next.searchParams.set('pageToken', token);
  return { next: next.href, checkpoint };
}

/**
 * Read the links of a page. Its time is linear in its bytes; a caller that answers others reads it in another thread.
 * Errors SOURCE_FAILED: not a page of this source, truncated, or beyond a bound. The error quotes nothing of the page.
 */
export function pageFacts(type: SourceType, body: Uint8Array, pageUrl: string): PageFacts {
  try {
    return type === 'ncmec' ? ncmecFacts(body) : jsonFacts(type, readJsonPage(body), pageUrl);
  } catch (error) {
    const isOwn = error instanceof XmlFault || error instanceof JsonFault;
    throw new AppError('SOURCE_FAILED', { why: isOwn ? `invalid page: ${error.message}` : 'invalid page' });
  }
}

/**
 * Return the address of the next page. It must be on the configured host, since credentials are sent only there.
 *
 * Errors  SOURCE_FAILED: another host, or an invalid address.
 */
export function nextAddress(next: string, pageUrl: string): string {
  const address = URL.canParse(next, pageUrl) ? new URL(next, pageUrl) : null;
  if (address === null || address.origin !== new URL(pageUrl).origin) {
    throw new AppError('SOURCE_FAILED', { why: 'next page on another host' });
  }
  return address.href;
}

/** Return the later checkpoint of two pages, given in order: only NCMEC's pages are not chronological. */
export function laterCheckpoint(type: SourceType, before: string | null, now: string | null): string | null {
  if (before === null || now === null) return now ?? before;
  return type === 'ncmec' && before > now ? before : now;
}
