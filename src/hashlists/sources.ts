/**
 * List sources with pages over HTTP: addresses of the first and the next page, and the checkpoint from which the next sync
 * resumes. Pure: addresses and bodies in, addresses out.
 */
import { SaxesParser } from 'saxes';
import { AppError } from '../core/errors.js';
import type { SourceType } from '../core/vocabulary.js';
import { asObject, asText } from './formats/json-records.js';

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

function ncmecFacts(body: Uint8Array): PageFacts {
  const parser = new SaxesParser({ xmlns: true });
  let text = '';
  let next: string | null = null;
  let checkpoint: string | null = null;
  parser.on('opentag', ({ attributes }) => {
    text = '';
    const maxTimestamp = attributes.maxTimestamp?.value;
    if (maxTimestamp && (checkpoint === null || maxTimestamp > checkpoint)) checkpoint = maxTimestamp;
  });
  parser.on('text', (piece) => {
    text += piece;
  });
  parser.on('closetag', ({ local }) => {
    if (local === 'next') next = text.trim() || null;
  });
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(Buffer.from(body).toString('utf8')).close();
  return { next, checkpoint };
}

function stopNciiFacts(page: Readonly<Record<string, unknown>>, pageUrl: string): PageFacts {
  const token = asText(page.nextPageToken);
  const checkpoint = asText(page.nextSetTimestamp) ?? null;
  if (page.hasMoreRecords !== true) return { next: null, checkpoint };
  if (token === undefined) throw new Error('nextPageToken is missing');
  const next = new URL(pageUrl);
  next.searchParams.set('pageToken', token);
  return { next: next.href, checkpoint };
}

/** Read the links of a page. Errors SOURCE_FAILED: not a page of this source, or truncated. */
export function pageFacts(type: SourceType, body: Uint8Array, pageUrl: string): PageFacts {
  try {
    if (type === 'ncmec') return ncmecFacts(body);
    const page = asObject(JSON.parse(Buffer.from(body).toString('utf8')));
    if (!page) throw new Error('not a JSON object');
    if (type === 'stopncii') return stopNciiFacts(page, pageUrl);
    return { next: asText(page.next) ?? null, checkpoint: asText(page.checkpoint) ?? null };
  } catch (error) {
    throw new AppError('SOURCE_FAILED', { why: 'invalid page' }, error);
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
