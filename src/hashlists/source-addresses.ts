/**
 * Addresses of list sources, as their public clients use them: of the first page, the next page, and the login. Pure.
 * A configured URL is the base of the service, or its list of entries; its own parameters stay.
 */
import { AppError } from '../core/errors.js';
import type { SourceType } from '../core/vocabulary.js';

export interface SourcePlace {
  readonly type: SourceType;
  readonly url: string;
  readonly privacyGroup: string | null;
}

/** The path of the entries behind the base, and how the end of a configured path is recognised as one. */
const LISTS: Readonly<Record<SourceType, { readonly path: string; readonly known: RegExp }>> = {
  ncmec: { path: '/v2/entries', known: /\/v2(\/entries)?$/ },
  stopncii: { path: '/FetchHashes', known: /\/FetchHashes$/i },
  'tech-against-terrorism': { path: '/api/hash-list/v2/all', known: /\/api\/hash-list(\/.*)?$/ },
  threatexchange: { path: '/threat_updates/', known: /(\/[^/]+)?\/threat_updates$/ },
};

/** Without a slash at its end. */
function baseOf({ type, url }: SourcePlace): URL {
  const base = new URL(url);
  base.pathname = base.pathname.replace(/\/+$/, '').replace(LISTS[type].known, '');
  base.hash = '';
  return base;
}

const behind = ({ pathname }: URL, path: string) => pathname.replace(/\/$/, '') + path;

/** NCMEC's newest entries may still change their order. */
const SETTLED_MS = 5_000;
/** Whole seconds, as NCMEC's clients send times. */
const inSeconds = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
/** StopNCII's clients begin with it. */
const STOPNCII_BEGIN = '10';
const STOPNCII_PAGE = '800';
/** Records with all descriptors are long. */
const THREATEXCHANGE_PAGE = '100';
/** What the format `threatexchange` reads. */
const THREATEXCHANGE_FIELDS =
  'id,indicator,type,last_updated,should_delete,descriptors{id,owner{id},status,tags,reactions}';

type Parameters = Readonly<Record<string, string>>;

const PARAMETERS: Readonly<Record<SourceType, (since: string | null, nowMs: number) => Parameters>> = {
  // The end of the period is set, so that a slow sync reads one period on all of its pages.
  ncmec: (since, nowMs) => ({ from: since ?? inSeconds(0), to: inSeconds(nowMs - SETTLED_MS) }),
  stopncii: (since) => ({ startTimestamp: since ?? STOPNCII_BEGIN, pageSize: STOPNCII_PAGE }),
  'tech-against-terrorism': (since) => ({ order: 'asc', after: since ?? '' }),
  threatexchange: (since) => ({
    ...(since === null ? {} : { start_time: since }),
    limit: THREATEXCHANGE_PAGE,
    fields: THREATEXCHANGE_FIELDS,
  }),
};
/** Parameters that a configured URL may set itself. */
const CHOSEN = new Set(['pageSize', 'limit']);

/** Return the address of a path behind the base; the parameters of the configured URL stay. */
export function addressBehind(place: SourcePlace, path: string): string {
  const address = baseOf(place);
  address.pathname = behind(address, path);
  return address.href;
}

/** Return the base without its parameters: the environment of a service. */
export function environmentOf(place: SourcePlace): string {
  const base = baseOf(place);
  base.search = '';
  return base.href;
}

/** Return the address of everything since a checkpoint; null: of the whole list. */
export function firstPage(place: SourcePlace, checkpoint: string | null, nowMs: number): string {
  const address = baseOf(place);
  const { type, privacyGroup } = place;
  const group = type === 'threatexchange' ? `/${privacyGroup}` : '';
  address.pathname = behind(address, group + LISTS[type].path);
  for (const [name, value] of Object.entries(PARAMETERS[type](checkpoint, nowMs))) {
    if (!(CHOSEN.has(name) && address.searchParams.has(name))) address.searchParams.set(name, value);
  }
  return address.href;
}

/**
 * Return the address of the next page. It must be on the configured host, since credentials are sent only there.
 *
 * Errors  SOURCE_FAILED: another host, or an invalid address.
 */
export function nextAddress(place: SourcePlace, next: string, pageUrl: string): string {
  const base = baseOf(place);
  // NCMEC writes paths behind its base, as `/v2/entries?...` of `https://host/hashsharing`.
  const isBehind = place.type === 'ncmec' && /^\/(?!\/)/.test(next) && !next.startsWith(behind(base, '/'));
  const link = isBehind ? behind(base, next) : next;
  const address = URL.canParse(link, pageUrl) ? new URL(link, pageUrl) : null;
  if (address === null || address.origin !== base.origin) {
    throw new AppError('SOURCE_FAILED', { why: 'next page on another host' });
  }
  return address.href;
}

/** Return where a user and a password are exchanged for a token; null: the source takes them with each request. */
export function loginAddress(place: SourcePlace): string | null {
  if (place.type !== 'tech-against-terrorism') return null;
  const address = baseOf(place);
  address.pathname = behind(address, '/token-auth/tcap/');
  address.search = '';
  return address.href;
}

/** Return the later checkpoint of two pages, given in order: only NCMEC's pages are not chronological. */
export function laterCheckpoint(type: SourceType, before: string | null, now: string | null): string | null {
  if (before === null || now === null) return now ?? before;
  return type === 'ncmec' && before > now ? before : now;
}

/** Days after which a source may have forgotten its withdrawals: ThreatExchange keeps them for 90. */
const DAYS_MAX: Readonly<Partial<Record<SourceType, number>>> = { stopncii: 30, threatexchange: 85 };
const DAY_MS = 86_400_000;

/** Return the checkpoint from which a sync begins; null: the list is fetched as a whole. */
export function beginOf(
  { type, checkpoint, syncedAt }: { type: SourceType; checkpoint: string | null; syncedAt: string | null },
  nowMs: number,
): string | null {
  const days = DAYS_MAX[type];
  const isForgotten = days !== undefined && syncedAt !== null && nowMs - Date.parse(syncedAt) > days * DAY_MS;
  return isForgotten ? null : checkpoint;
}
