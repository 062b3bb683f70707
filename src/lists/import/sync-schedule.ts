/** Syncs lists from their sources at their intervals, a few side by side, while a service runs. */

import pLimit from 'p-limit';
import { type Audit, ZEEF } from '../../audit/audit.js';
import { boundedWork } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { type HeldDuty, isDueAgain, withDuty } from '../../duties/with-duty.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { auditedImport } from '../audited-lists.js';
import type { ImportJobs } from './import-jobs.js';
import type { ThreadedImport } from './import-task.js';
import { createPageReader, SYNCS_AT_ONCE } from './page-reader.js';
import { inTurns, isAsked, type SyncOptions, syncDuty, syncList } from './sync-list.js';
import type { SyncRequests } from './sync-requests.js';

/** Pause between two searches for due lists: intervals are in minutes. */
const LOOK_MS = 60_000;

interface ScheduleParts {
  readonly audit: Audit;
  readonly imports: ImportJobs;
  readonly metrics: Metrics;
  readonly syncs: SyncRequests;
  readonly config: Pick<SyncOptions, 'dataDir' | 'radiusBits' | 'detail'>;
}

/**
 * Sync due lists at once, and again whenever they are due. `stopped`: running syncs stop then, before the service drains.
 * Result: stops it, and waits for the running syncs; one that is being imported ends with `ImportJobs.close`.
 */
export function startSyncSchedule(
  parts: ScheduleParts,
  log: Logger,
  env: SyncOptions['env'],
  {
    lookMs = LOOK_MS,
    bounds = {},
    stopped,
  }: { readonly lookMs?: number; readonly bounds?: SyncOptions['bounds']; readonly stopped?: Promise<void> } = {},
): () => Promise<void> {
  const store = parts.audit.as(ZEEF);
  const startedMs = Date.now();
  const stopping = new AbortController();
  void stopped?.then(() => stopping.abort());
  const pages = createPageReader();
  const atOnce = pLimit(SYNCS_AT_ONCE);
  /** By list. */
  const running = new Map<string, Promise<unknown>>();

  const isDue = (list: string) => isListDue(store, list, { startedMs, lookMs });
  const sync = async (list: string, isContinued: boolean): Promise<'ended' | null> => {
    // Asked again: another process may have ended a sync before this one took the duty.
    const done = await withDuty(store.duties, syncDuty(list), async (duty) => {
      if (stopping.signal.aborted || !(isContinued || (await isDue(list)))) return 'ended';
      return syncAsDuty(list, duty, { ...parts, store, log, env, pages, bounds, stopped: stopping.signal });
    });
    return done === null ? 'ended' : done.result;
  };
  const syncInTurns = (list: string) => {
    let turns = 0;
    return inTurns(atOnce, () => sync(list, turns++ > 0));
  };
  // Does not wait for the syncs: a long one keeps no other list waiting.
  const look = async (): Promise<void> => {
    for (const { list } of await store.lists.lists()) {
      if (stopping.signal.aborted) return;
      if (running.has(list) || !(await isDue(list))) continue;
      const ended = syncInTurns(list)
        .catch((error: unknown) => log.error({ list, err: error }, 'list sync failed; list unchanged'))
        .finally(() => running.delete(list));
      running.set(list, ended);
    }
  };
  const looking = repeat(look, lookMs, log);
  const forgetRequests = parts.syncs.onRequest(looking.now);
  return async () => {
    stopping.abort();
    forgetRequests();
    await looking.stop();
    await Promise.all(running.values());
    await pages.close();
  };
}

/** Sync one list for a turn as the holder of its duty, and report its end in the log and the metrics. Result: null: it continues. */
async function syncAsDuty(
  list: string,
  duty: HeldDuty,
  {
    audit,
    imports,
    metrics,
    config,
    store,
    log,
    stopped,
    env,
    pages,
    bounds,
  }: Omit<ScheduleParts, 'syncs'> &
    Pick<SyncOptions, 'env' | 'pages' | 'bounds'> & {
      readonly store: Store;
      readonly log: Logger;
      readonly stopped: AbortSignal;
    },
): Promise<'ended' | null> {
  const lost = new AbortController();
  duty.onLost(() => lost.abort());
  const runImport = (request: ThreadedImport): Promise<ImportReport> =>
    auditedImport(audit, ZEEF, { origin: 'sync', ...request }, async () => {
      const report = await imports.run({ ...request, lease: duty.lease });
      await duty.require();
      return report;
    });
  try {
    const report = await boundedWork({ signals: [stopped, lost.signal] }, (signal) =>
      syncList(store, list, {
        dataDir: config.dataDir,
        radiusBits: config.radiusBits,
        detail: config.detail,
        env,
        pages,
        ...(bounds === undefined ? {} : { bounds }),
        runImport,
        signal,
        // A lease that could not be extended is not lost yet.
        onPage: () => {
          if (duty.isLost()) lost.abort();
        },
      }),
    );
    if (report === null) {
      log.info({ list }, 'list sync continues at its next turn');
      return null;
    }
    const { version, added, removed, held } = report;
    metrics.add('zeef_list_sync_total', { outcome: held.length > 0 ? 'held' : 'synced' });
    if (held.length > 0) log.warn({ list, version, held }, 'list synced; version held for approval');
    else log.info({ list, version, added, removed }, 'list synced');
  } catch (error) {
    if (stopped.aborted && error instanceof AppError && error.code === 'SHUTTING_DOWN') return 'ended';
    metrics.add('zeef_list_sync_total', { outcome: 'failed' });
    log.error({ list, err: error }, 'list sync failed; list unchanged');
  }
  return 'ended';
}

/** Return whether a list is due: a sync was requested, or it was neither synced nor tried, by any process, within its interval. */
async function isListDue(
  { lists, duties }: Pick<Store, 'lists' | 'duties'>,
  list: string,
  { startedMs, lookMs }: { readonly startedMs: number; readonly lookMs: number },
): Promise<boolean> {
  const source = await lists.source(list);
  if (!source) return false;
  if (isAsked(source)) return true;
  if (source.everyMinutes === null) return false;
  const everyMs = source.everyMinutes * 60_000;
  const syncedMs = source.syncedAt === null ? null : Date.parse(source.syncedAt);
  const { endedMs } = await duties.state(syncDuty(list));
  // A new process tries a failed source at once.
  const wasTried = endedMs !== null && endedMs >= startedMs;
  return isDueAgain(syncedMs, everyMs) && isDueAgain(endedMs, wasTried ? everyMs : Math.min(everyMs, lookMs));
}

/** Call `look` now and repeatedly, one call at a time. `now`: once more, at once. `stop` waits for the running call. */
function repeat(
  look: () => Promise<void>,
  everyMs: number,
  log: Logger,
): { readonly now: () => void; readonly stop: () => Promise<void> } {
  let running: Promise<void> | null = null;
  let isAskedAgain = false;
  const begin = () => {
    isAskedAgain = running !== null;
    running ??= look()
      .catch((error: unknown) => log.error({ err: error }, 'sync schedule read failed'))
      .finally(() => {
        running = null;
        // The running call may have passed the list of the request.
        if (isAskedAgain) begin();
      });
  };
  begin();
  const timer = setInterval(begin, everyMs);
  timer.unref();
  return {
    now: begin,
    async stop() {
      clearInterval(timer);
      isAskedAgain = false;
      await running;
    },
  };
}
