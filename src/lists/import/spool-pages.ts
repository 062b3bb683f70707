/** Pages of a sync, spooled to sealed files, so that an interrupted sync resumes behind them. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../core/atomic-file.js';
import { boundedWork, isOverdue } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import { makeFolder } from '../../core/make-folder.js';
import { beginOf, firstPage, laterCheckpoint, nextAddress } from '../../hashlists/source-addresses.js';
import type { SourceInfo } from '../../store/lists-contract.js';
import { sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';
import { type FetchOptions, fetchPage } from './fetch-page.js';
import type { SourceSession } from './source-session.js';

/** Bounds of one sync: a source may never end. */
interface SyncBounds {
  readonly pages: number;
  readonly bytes: number;
  /** Time of one turn to fetch pages; the import after the last page is not in it. */
  readonly turnMs: number;
}

const BOUNDS: SyncBounds = {
  /** A hundred million entries. */
  pages: 100_000,
  /** As an uploaded list. */
  bytes: IMPORT_BYTES_MAX,
  /** Longer than a page with all its retries takes, unless the source asks for long pauses. */
  turnMs: 600_000,
};

export interface SpoolOptions extends Pick<FetchOptions, 'pages' | 'firstPauseMs'> {
  readonly onPage?: (pages: number) => void;
  /** Aborted once the sync is to stop; its pages stay, for the next one. */
  readonly signal?: AbortSignal;
  readonly bounds?: Partial<SyncBounds>;
}

/** In the data folder: spooled pages of unfinished syncs. */
export const SYNC_FOLDER = 'sync';

interface State {
  /** The source, and the checkpoint of this sync's start; pages spooled from another are useless. */
  readonly of: string;
  readonly from: string | null;
  readonly pages: number;
  readonly bytes: number;
  readonly next: string | null;
  readonly checkpoint: string | null;
}

export const pageName = (at: number) => `page-${String(at).padStart(6, '0')}`;

/** An address has up to 8,192 characters, and a sync many of them. */
const digestOf = (text: string) => createHash('sha256').update(text).digest('base64');

/** Return what a source's pages depend on; another place is another list. */
export const placeOf = ({ type, url, members, privacyGroup }: SourceInfo): string =>
  JSON.stringify([type, url, members, privacyGroup]);

async function readState(folder: string): Promise<State | null> {
  try {
    const state = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as State;
    const laid = new Set(await readdir(folder));
    const isWhole = Array.from({ length: state.pages }, (_, at) => pageName(at)).every((name) => laid.has(name));
    return isWhole && Number.isSafeInteger(state.bytes) ? state : null;
  } catch {
    return null;
  }
}

/** Return the number of pages that an unfinished sync of a list has, or an interrupted one left. */
export async function spooledPages(dataDir: string, list: string): Promise<number> {
  return (await readState(join(dataDir, SYNC_FOLDER, list)))?.pages ?? 0;
}

interface Spool {
  readonly list: string;
  readonly folder: string;
  readonly session: SourceSession;
  readonly vault: Vault;
  /** Errors: the source is another one by now. */
  readonly requireSame: () => Promise<void>;
}

/**
 * Fetch the pages of one turn, within the bounds. Result: `next` is null after the last page.
 * Errors SOURCE_FAILED, with the page's number; SHUTTING_DOWN; those of `requireSame`.
 */
export async function spoolPages(spool: Spool, options: SpoolOptions): Promise<State> {
  const bounds = { ...BOUNDS, ...options.bounds };
  const signals = options.signal ? [options.signal] : [];
  return boundedWork({ signals, ms: bounds.turnMs }, (signal) => spoolTurn(spool, { ...options, bounds, signal }));
}

type TurnOptions = Omit<SpoolOptions, 'bounds' | 'signal'> & {
  readonly bounds: SyncBounds;
  readonly signal: AbortSignal;
};

async function spoolTurn(spool: Spool, options: TurnOptions): Promise<State> {
  const { bounds, signal } = options;
  let state = await beginSpool(spool);
  const { pages: pagesBefore } = state;
  const seen = new Set<string>();
  try {
    while (state.next !== null) {
      if (signal.aborted) throw new AppError('SHUTTING_DOWN');
      seen.add(digestOf(state.next));
      state = await spoolPage(spool, { state, next: state.next, seen }, options);
      options.onPage?.(state.pages);
    }
    return state;
  } catch (error) {
    if (!isOverdue(signal)) {
      // A link that is no longer valid: the next sync begins at the checkpoint, and would otherwise fail for ever.
      if (state.pages > 0 && GONE.has(statusOf(error))) await rm(spool.folder, { recursive: true, force: true });
      throw numbered(error, state.pages + 1);
    }
    if (state.pages > pagesBefore) return state;
    const why = `no page within ${bounds.turnMs} ms; the next sync resumes after page ${state.pages}`;
    throw new AppError('SOURCE_FAILED', { why, list: spool.list });
  }
}

/** Statuses of links that ended: malformed, unknown or gone. */
const GONE: ReadonlySet<unknown> = new Set([400, 404, 410]);
const statusOf = (error: unknown): unknown => (error instanceof AppError ? error.details.status : undefined);

/** Name the page that failed. */
function numbered(error: unknown, page: number): unknown {
  if (!(error instanceof AppError) || error.code !== 'SOURCE_FAILED') return error;
  return new AppError('SOURCE_FAILED', { ...error.details, page }, error.cause);
}

async function spoolPage(
  { list, folder, session, vault, requireSame }: Spool,
  at: { readonly state: State; readonly next: string; readonly seen: ReadonlySet<string> },
  options: TurnOptions,
): Promise<State> {
  const { state, seen } = at;
  const { bounds, signal } = options;
  const { source } = session;
  const { body, facts } = await fetchPage(session, at.next, signal, options);
  await requireSame();
  const next = facts.next === null ? null : nextAddress(source, facts.next, at.next);
  const bytes = state.bytes + body.length;
  const endless = endlessWhy({ ...state, bytes, next }, seen, bounds);
  if (endless !== null) {
    // The next sync begins at the checkpoint again, and the disk is free.
    await rm(folder, { recursive: true, force: true });
    throw new AppError('SOURCE_FAILED', { why: endless, list });
  }
  await writeAtomically(join(folder, pageName(state.pages)), sealStream(vault, [body]));
  const checkpoint = laterCheckpoint(source.type, state.checkpoint, facts.checkpoint);
  const after = { of: state.of, from: state.from, pages: state.pages + 1, bytes, next, checkpoint };
  await writeAtomically(join(folder, 'state.json'), [Buffer.from(JSON.stringify(after))]);
  return after;
}

async function beginSpool({ session: { source }, folder }: Spool): Promise<State> {
  const nowMs = Date.now();
  const from = beginOf(source, nowMs);
  const of = digestOf(placeOf(source));
  const begun = await readState(folder);
  if (begun !== null && begun.of === of && begun.from === from) return begun;
  await rm(folder, { recursive: true, force: true });
  makeFolder(folder);
  return { of, from, pages: 0, bytes: 0, next: firstPage(source, from, nowMs), checkpoint: null };
}

/** Return why a source is taken for endless after a page; null if it is not. `seen`: the pages of this run. */
function endlessWhy({ next, pages, bytes }: State, seen: ReadonlySet<string>, bounds: SyncBounds): string | null {
  if (bytes > bounds.bytes) return `pages exceed ${bounds.bytes} bytes`;
  if (next === null) return null;
  if (seen.has(digestOf(next))) return `page ${pages + 1} links to a page that was read before`;
  return pages + 1 >= bounds.pages ? `more than ${bounds.pages} pages` : null;
}
