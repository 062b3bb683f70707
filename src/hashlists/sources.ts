/** Pages of list sources: the link to the next page, and the checkpoint from which the next sync resumes. */
import { AppError } from '../core/errors.js';
import type { SourceType } from '../core/vocabulary.js';
import { asObject, asText, BoundedJson, JsonFault, opensObject } from './formats/json-records.js';
import { BoundedXml, XmlFault } from './formats/xml.js';

export interface PageFacts {
  /** Link to the next page, without a token; null on the last. `nextAddress` resolves it. */
  readonly next: string | null;
  /** Start of the next sync; null if the page has none. */
  readonly checkpoint: string | null;
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
export const RECORD_DEPTH = 3;

function ncmecFacts(body: Uint8Array): PageFacts {
  let depth = 0;
  let text = '';
  let next: string | null = null;
  let checkpoint: string | null = null;
  const countRecord = recordCounter();
  const xml = new BoundedXml({
    opened({ local, attributes: { maxTimestamp } }) {
      text = '';
      depth++;
      // A page of HTML, such as that of a login, is no last page.
      if (depth === 1 && local !== 'queryResult') throw new PageFault('the root is no queryResult of NCMEC');
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

type JsonSource = Exclude<SourceType, 'ncmec'>;

/** The array of records in a page. */
const RECORDS: Readonly<Record<JsonSource, string>> = {
  stopncii: 'hashRecords',
  'tech-against-terrorism': 'results',
  threatexchange: 'data',
};
/** Members of a page that are read; the records are only counted. */
const MEMBERS = ['next', 'checkpoint', 'nextPageToken', 'nextSetTimestamp', 'hasMoreRecords', 'paging'] as const;

type JsonPage = Partial<Record<(typeof MEMBERS)[number], unknown>> & {
  /** The latest `last_updated` of the records, in seconds since 1970. */
  readonly updated: number | null;
};

function readJsonPage(type: JsonSource, body: Uint8Array): JsonPage {
  const page: { [name: string]: unknown } = {};
  const records = RECORDS[type];
  const countRecord = recordCounter();
  let isObject: boolean | null = null;
  let hasRecords = false;
  let updated: number | null = null;
  const json = new BoundedJson({
    paths: [...MEMBERS.map((name) => `$.${name}`), `$.${records}.*`, `$.${records}`],
    onToken: (token) => {
      isObject ??= opensObject(token);
      if (!isObject) throw new PageFault('not a JSON object');
    },
    onValue: (value, key) => {
      if (key === records) hasRecords = Array.isArray(value);
      else if (typeof key === 'string') page[key] = value;
      else {
        countRecord();
        const at = Number(asObject(value)?.last_updated);
        if (Number.isSafeInteger(at)) updated = Math.max(updated ?? 0, at);
      }
    },
  });
  for (let at = 0; at < body.length; at += PIECE_BYTES) json.write(body.subarray(at, at + PIECE_BYTES));
  json.end();
  if (!hasRecords) throw new PageFault(`${records} is missing`);
  return { ...page, updated };
}

/** Bytes given to the parser at once: its bounds are checked between two pieces. */
const PIECE_BYTES = 65_536;

/** The address of the page itself, with the cursor of the next. */
function pageAfter(pageUrl: string, parameter: string, member: string, cursor: string | null): string {
  if (cursor === null) throw new PageFault(`${member} is missing`);
  const next = new URL(pageUrl);
  next.searchParams.set(parameter, cursor);
  return next.href;
}

/** A link of ThreatExchange contains the access token. */
function withoutToken(link: string | null): string | null {
  if (link === null) return null;
  if (!URL.canParse(link)) throw new PageFault('invalid link');
  const address = new URL(link);
  address.searchParams.delete('access_token');
  return address.href;
}

const JSON_FACTS: Readonly<Record<JsonSource, (page: JsonPage, pageUrl: string) => PageFacts>> = {
  stopncii(page, pageUrl) {
    const next = page.hasMoreRecords === true;
    return {
      next: next ? pageAfter(pageUrl, 'nextPageToken', 'nextPageToken', textOf(page.nextPageToken)) : null,
      checkpoint: textOf(page.nextSetTimestamp),
    };
  },
  'tech-against-terrorism'(page, pageUrl) {
    const checkpoint = textOf(page.checkpoint);
    // Its link counts by offset, and the list changes meanwhile; the checkpoint is a position.
    return { next: page.next ? pageAfter(pageUrl, 'after', 'checkpoint', checkpoint) : null, checkpoint };
  },
  threatexchange(page) {
    const checkpoint = page.updated === null ? null : String(page.updated);
    return { next: withoutToken(textOf(asObject(page.paging)?.next)), checkpoint };
  },
};

/** Null for none: an empty text is no cursor. */
const textOf = (value: unknown) => bounded(asText(value) || null);

/**
 * Read the links of a page. Its time is linear in its bytes; a caller that answers others reads it in another thread.
 * Errors SOURCE_FAILED: not a page of this source, truncated, or beyond a bound. The error quotes nothing of the page.
 */
export function pageFacts(type: SourceType, body: Uint8Array, pageUrl: string): PageFacts {
  try {
    return type === 'ncmec' ? ncmecFacts(body) : JSON_FACTS[type](readJsonPage(type, body), pageUrl);
  } catch (error) {
    const isOwn = error instanceof XmlFault || error instanceof JsonFault;
    throw new AppError('SOURCE_FAILED', { why: isOwn ? `invalid page: ${error.message}` : 'invalid page' });
  }
}
