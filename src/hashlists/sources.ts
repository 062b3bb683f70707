/**
 * Sources that give a list page by page over HTTP: where the first page is, where the next one, and from where to go on
 * the next time. Pure: addresses and bodies in, addresses out.
 */
import { SaxesParser } from 'saxes';
import { AppError } from '../core/errors.js';
import type { SourceType } from '../core/vocabulary.js';
import { asObject, asText } from './formats/json-records.js';

export interface PageFacts {
  /** Of the next page, as the page has it; null on the last. `nextAddress` says where that is. */
  readonly next: string | null;
  /** From where to ask the next time; null where the page does not say. */
  readonly checkpoint: string | null;
}

/** The query that asks for what is new since a checkpoint. */
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
  if (token === undefined) throw new Error('more records, and no token');
  const next = new URL(pageUrl);
  next.searchParams.set('pageToken', token);
  return { next: next.href, checkpoint };
}

/** Errors  SOURCE_FAILED: the body is no such page, or was cut short. */
export function pageFacts(type: SourceType, body: Uint8Array, pageUrl: string): PageFacts {
  try {
    if (type === 'ncmec') return ncmecFacts(body);
    const page = asObject(JSON.parse(Buffer.from(body).toString('utf8')));
    if (!page) throw new Error('no object');
    if (type === 'stopncii') return stopNciiFacts(page, pageUrl);
    return { next: asText(page.next) ?? null, checkpoint: asText(page.checkpoint) ?? null };
  } catch (error) {
    throw new AppError('SOURCE_FAILED', { why: 'the page cannot be read' }, error);
  }
}

/**
 * A next page is only ever on the host that the provider named: credentials go nowhere else.
 * Errors  SOURCE_FAILED: it is elsewhere, or no address.
 */
export function nextAddress(next: string, pageUrl: string): string {
  const address = URL.canParse(next, pageUrl) ? new URL(next, pageUrl) : null;
  if (address === null || address.origin !== new URL(pageUrl).origin) {
    throw new AppError('SOURCE_FAILED', { why: 'the next page is on another host' });
  }
  return address.href;
}

/** Of two pages' checkpoints, the earlier page's first: NCMEC's pages come in no order of time, the others' do. */
export function laterCheckpoint(type: SourceType, before: string | null, now: string | null): string | null {
  if (before === null || now === null) return now ?? before;
  return type === 'ncmec' && before > now ? before : now;
}
