/**
 * Syncs a list from its source over HTTP: pages are spooled, imported together after the last one, and only then does the
 * checkpoint move. Syncs share a few slots in turns: a source that is slow, or hangs, keeps the others waiting for one
 * turn at most.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LimitFunction } from 'p-limit';
import { AppError } from '../../core/errors.js';
import type { Detail } from '../../core/window.js';
import type { ImportReport, SourceInfo, SourceTry } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import { changeSource } from '../change-source.js';
import type { FetchOptions } from './fetch-page.js';
import { importList } from './import-list.js';
import type { ThreadedImport } from './import-task.js';
import { readSecrets } from './source-secrets.js';
import { openSession } from './source-session.js';
import { pageName, placeOf, type SpoolOptions, SYNC_FOLDER, spoolPages } from './spool-pages.js';

export interface SyncOptions extends FetchOptions, SpoolOptions {
  readonly dataDir: string;
  /** Of a list that is missing, as is the detail. */
  readonly radiusBits: number;
  readonly detail?: Detail | undefined;
  /** A service imports in another thread; by default the import runs in the caller's. */
  readonly runImport?: (request: ThreadedImport) => Promise<ImportReport>;
}

/** The duty of a list's sync: one process holds it at a time. */
export const syncDuty = (list: string) => `sync ${list}`;

/** Return whether a requested sync waits: none that ended began after the request. */
export const isAsked = ({ requestedAt, lastTry }: SourceInfo): boolean =>
  requestedAt !== null && (lastTry === null || lastTry.startedAt < requestedAt);

/** Take turns in the slots, behind all that wait, until one has a result. Errors: those of a turn. */
export async function inTurns<T>(slots: LimitFunction, turn: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const result = await slots(turn);
    if (result !== null) return result;
  }
}

/**
 * Sync a list for one turn, as the holder of its duty: everything the first time, changes afterwards. Where the review holds
 * the version, the checkpoint stays: the next sync requests the same pages. The source's row keeps how it ended.
 * Result  null: the turn brought pages, and there are more; the next turn continues behind them.
 * Errors  LIST_NOT_FOUND; NOT_FOUND: the list has no source; SOURCE_FAILED, also where a whole turn brings no page;
 *         HASHLIST_INVALID; SHUTTING_DOWN; STORE_FAILED.
 */
export async function syncList(store: Store, list: string, options: SyncOptions): Promise<ImportReport | null> {
  const source = await store.lists.source(list);
  if (!source) throw new AppError('NOT_FOUND', { list, what: 'source' });
  const startedAt = new Date().toISOString();
  const note = (outcome: SourceTry['outcome'], why: string | null, moved: Partial<SourceInfo> = {}) => {
    const lastTry = { startedAt, endedAt: new Date().toISOString(), outcome, why };
    return changeSource(store.lists, list, (now) =>
      placeOf(now) === placeOf(source) ? { ...now, ...moved, lastTry } : null,
    );
  };
  try {
    const done = await syncTurn(store, { list, source }, options);
    if (done === null) return null;
    const { report, checkpoint } = done;
    if (report.held.length > 0) await note('held', null);
    else await note('synced', null, { checkpoint, syncedAt: new Date().toISOString() });
    return report;
  } catch (error) {
    // A stopped sync resumes, and a request for it stands.
    if (error instanceof AppError && error.code === 'SHUTTING_DOWN') throw error;
    await note('failed', whyOf(error)).catch(() => {});
    throw error;
  }
}

/** Other errors may quote anything. */
function whyOf(error: unknown): string {
  if (!(error instanceof AppError)) return 'internal error';
  const { why, page } = error.details;
  return [error.code, ...(page === undefined ? [] : [`page ${page}`]), ...(why === undefined ? [] : [why])].join(': ');
}

async function syncTurn(
  store: Store,
  { list, source }: { readonly list: string; readonly source: SourceInfo },
  options: SyncOptions,
): Promise<{ readonly report: ImportReport; readonly checkpoint: string | null } | null> {
  const { vault, lists } = store;
  const folder = join(options.dataDir, SYNC_FOLDER, list);
  const forget = () => rm(folder, { recursive: true, force: true });
  const requireSame = async () => {
    const now = await lists.source(list);
    if (now !== null && placeOf(now) === placeOf(source)) return;
    await forget();
    throw new AppError('SOURCE_FAILED', { why: 'the source was changed or removed', list });
  };
  const session = openSession(source, readSecrets(list, source, { env: options.env, vault }));
  const state = await spoolPages({ list, folder, session, vault, requireSame }, options);
  if (state.next !== null) return null;
  const { signal, radiusBits, detail } = options;
  const inHere = (request: ThreadedImport) =>
    importList(store, { ...request, shouldStop: () => signal?.aborted === true });
  try {
    const report = await (options.runImport ?? inHere)({
      paths: Array.from({ length: state.pages }, (_, at) => join(folder, pageName(at))),
      format: source.type,
      list,
      kind: 'match',
      radiusBits,
      detail,
      mode: state.from === null ? 'replace' : 'add',
      mayBeEmpty: state.from !== null,
      origin: `sync of ${new URL(source.url).host}`,
    });
    await forget();
    return { report, checkpoint: state.checkpoint ?? source.checkpoint };
  } catch (error) {
    // The same pages would fail again: the next sync fetches them.
    if (error instanceof AppError && error.code === 'HASHLIST_INVALID') await forget();
    throw error;
  }
}
