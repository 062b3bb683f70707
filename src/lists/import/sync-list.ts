/**
 * Syncs a list from its source over HTTP: pages are spooled to sealed files, so that an interrupted sync resumes;
 * they are imported together after the last one, and only then does the checkpoint move. Syncs share a few slots in turns: a
 * source that is slow, or hangs, keeps the others waiting for one turn at most.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LimitFunction } from 'p-limit';
import { writeAtomically } from '../../core/atomic-file.js';
import { AppError } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import { firstPage, laterCheckpoint, nextAddress } from '../../hashlists/sources.js';
import type { ImportReport, SourceInfo } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import { sealStream } from '../../vault/sealed-stream.js';
import { type FetchOptions, fetchPage } from './fetch-page.js';
import { importList } from './import-list.js';
import type { ThreadedImport } from './import-task.js';

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

export interface SyncOptions extends FetchOptions {
  readonly dataDir: string;
  readonly radiusBits: number;
  readonly onPage?: (pages: number) => void;
  /** Aborted once the sync is to stop; its pages stay, for the next one. */
  readonly signal?: AbortSignal;
  /** A service imports in another thread; by default the import runs in the caller's. */
  readonly runImport?: (request: ThreadedImport) => Promise<ImportReport>;
  readonly bounds?: Partial<SyncBounds>;
}

/** In the data folder: spooled pages of unfinished syncs. */
export const SYNC_FOLDER = 'sync';

interface State {
  /** The checkpoint of this sync's start; pages spooled from another are useless. */
  readonly from: string | null;
  readonly pages: number;
  readonly bytes: number;
  readonly next: string | null;
  readonly checkpoint: string | null;
}

const pageName = (at: number) => `page-${String(at).padStart(6, '0')}`;

async function readState(folder: string, from: string | null): Promise<State | null> {
  try {
    const state = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as State;
    const laid = new Set(await readdir(folder));
    const isWhole = Array.from({ length: state.pages }, (_, at) => pageName(at)).every((name) => laid.has(name));
    return state.from === from && isWhole && Number.isSafeInteger(state.bytes) ? state : null;
  } catch {
    return null;
  }
}

/** Take turns in the slots, behind all that wait, until one has a result. Errors: those of a turn. */
export async function inTurns<T>(slots: LimitFunction, turn: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const result = await slots(turn);
    if (result !== null) return result;
  }
}

/**
 * Sync a list for one turn: everything the first time, changes afterwards. Where the review holds the version, the checkpoint
 * stays: the next sync requests the same pages.
 * Result  null: the turn brought pages, and there are more; the next turn continues behind them.
 * Errors  LIST_NOT_FOUND; NOT_FOUND: the list has no source; SOURCE_FAILED, also where a whole turn brings no page;
 *         HASHLIST_INVALID; SHUTTING_DOWN; STORE_FAILED.
 */
export async function syncList(store: Store, list: string, options: SyncOptions): Promise<ImportReport | null> {
  const { lists } = store;
  const source = await lists.source(list);
  if (!source) throw new AppError('NOT_FOUND', { list, what: 'source' });
  const folder = join(options.dataDir, SYNC_FOLDER, list);
  const state = await spoolPages(store, { list, source, folder }, options);
  if (state.next !== null) return null;
  const { signal, radiusBits } = options;
  const inHere = (request: ThreadedImport) =>
    importList(store, { ...request, shouldStop: () => signal?.aborted === true });
  const report = await (options.runImport ?? inHere)({
    paths: Array.from({ length: state.pages }, (_, at) => join(folder, pageName(at))),
    format: source.type,
    list,
    kind: 'match',
    radiusBits,
    mode: source.checkpoint === null ? 'replace' : 'add',
    mayBeEmpty: source.checkpoint !== null,
    origin: `sync of ${new URL(source.url).host}`,
  });
  if (report.held.length === 0) {
    const checkpoint = state.checkpoint ?? source.checkpoint;
    await lists.setSource(list, { ...source, checkpoint, syncedAt: new Date().toISOString() });
  }
  await rm(folder, { recursive: true, force: true });
  return report;
}

interface Spool {
  readonly list: string;
  readonly source: SourceInfo;
  readonly folder: string;
}

/** Fetch the pages of one turn, within the bounds. Errors SOURCE_FAILED, SHUTTING_DOWN. */
async function spoolPages(store: Pick<Store, 'vault'>, spool: Spool, options: SyncOptions): Promise<State> {
  const { list, source, folder } = spool;
  const bounds = { ...BOUNDS, ...options.bounds };
  const inTime = AbortSignal.timeout(bounds.turnMs);
  const signal = AbortSignal.any([inTime, ...(options.signal ? [options.signal] : [])]);
  let state = await beginSpool(spool);
  const { pages: pagesBefore } = state;
  const seen = new Set<string>();
  try {
    while (state.next !== null) {
      if (signal.aborted) throw new AppError('SHUTTING_DOWN');
      seen.add(digestOf(state.next));
      const { body, facts } = await fetchPage(source, state.next, signal, options);
      const next = facts.next === null ? null : nextAddress(facts.next, state.next);
      const bytes = state.bytes + body.length;
      const endless = endlessWhy({ ...state, bytes, next }, seen, bounds);
      if (endless !== null) {
        // The next sync begins at the checkpoint again, and the disk is free.
        await rm(folder, { recursive: true, force: true });
        throw new AppError('SOURCE_FAILED', { why: endless, list });
      }
      await writeAtomically(join(folder, pageName(state.pages)), sealStream(store.vault, [body]));
      const checkpoint = laterCheckpoint(source.type, state.checkpoint, facts.checkpoint);
      state = { from: state.from, pages: state.pages + 1, bytes, next, checkpoint };
      await writeAtomically(join(folder, 'state.json'), [Buffer.from(JSON.stringify(state))]);
      options.onPage?.(state.pages);
    }
    return state;
  } catch (error) {
    if (!inTime.aborted || options.signal?.aborted) throw error;
    if (state.pages > pagesBefore) return state;
    const why = `no page within ${bounds.turnMs} ms; the next sync resumes after page ${state.pages}`;
    throw new AppError('SOURCE_FAILED', { why, list });
  }
}

async function beginSpool({ source, folder }: Spool): Promise<State> {
  const begun = await readState(folder, source.checkpoint);
  if (!begun) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const next = firstPage(source.type, source.url, source.checkpoint);
  return begun ?? { from: source.checkpoint, pages: 0, bytes: 0, next, checkpoint: null };
}

/** An address has up to 8,192 characters, and a sync many of them. */
const digestOf = (address: string) => createHash('sha256').update(address).digest('base64');

/** Return why a source is taken for endless after a page; null if it is not. `seen`: the pages of this run. */
function endlessWhy({ next, pages, bytes }: State, seen: ReadonlySet<string>, bounds: SyncBounds): string | null {
  if (bytes > bounds.bytes) return `pages exceed ${bounds.bytes} bytes`;
  if (next === null) return null;
  if (seen.has(digestOf(next))) return `page ${pages + 1} links to a page that was read before`;
  return pages + 1 >= bounds.pages ? `more than ${bounds.pages} pages` : null;
}
