/** Syncs lists from their sources at their intervals, one after the other, while a service runs. */

import { type Audit, ZEEF } from '../../audit/audit.js';
import { AppError } from '../../core/errors.js';
import { type HeldDuty, isDueAgain, withDuty } from '../../duties/with-duty.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { auditedImport } from '../audited-lists.js';
import type { ImportJobs } from './import-jobs.js';
import type { ThreadedImport } from './import-task.js';
import { type SyncOptions, syncList } from './sync-list.js';

/** Pause between two searches for due lists: intervals are in minutes. */
const LOOK_MS = 60_000;

const dutyOf = (list: string) => `sync ${list}`;

/** Sync due lists at once, and again whenever they are due. Result: stops it, after the running sync. */
export function startSyncSchedule(
  parts: {
    readonly audit: Audit;
    readonly imports: ImportJobs;
    readonly metrics: Metrics;
    readonly config: Pick<SyncOptions, 'dataDir' | 'radiusBits'>;
  },
  log: Logger,
  env: SyncOptions['env'],
  lookMs = LOOK_MS,
): () => Promise<void> {
  const { audit, imports, metrics } = parts;
  const store = audit.as(ZEEF);
  const { lists } = store;
  const { dataDir, radiusBits } = parts.config;
  const { duties } = store;
  const startedMs = Date.now();
  let isStopped = false;

  const runImport =
    (duty: HeldDuty) =>
    (request: ThreadedImport): Promise<ImportReport> =>
      auditedImport(audit, ZEEF, { origin: 'sync', ...request }, async () => {
        const report = await imports.run({ ...request, lease: duty.lease });
        await duty.require();
        return report;
      });
  const isDue = (list: string) => isListDue(store, list, { startedMs, lookMs });
  const look = async (): Promise<void> => {
    for (const { list } of await lists.lists()) {
      if (isStopped || !(await isDue(list))) continue;
      // Asked again: another process may have ended a sync before this one took the duty.
      await withDuty(duties, dutyOf(list), async (duty) => {
        if (await isDue(list)) await sync(list, duty);
      });
    }
  };
  const sync = async (list: string, duty: HeldDuty): Promise<void> => {
    try {
      const { version, added, removed, held } = await syncList(store, list, {
        dataDir,
        radiusBits,
        env,
        runImport: runImport(duty),
        shouldStop: () => isStopped || duty.isLost(),
      });
      metrics.add('zeef_list_sync_total', { outcome: held.length > 0 ? 'held' : 'synced' });
      if (held.length > 0) log.warn({ list, version, held }, 'list synced; version held for approval');
      else log.info({ list, version, added, removed }, 'list synced');
    } catch (error) {
      if (isStopped && error instanceof AppError && error.code === 'SHUTTING_DOWN') return;
      metrics.add('zeef_list_sync_total', { outcome: 'failed' });
      log.error({ list, err: error }, 'list sync failed; list unchanged');
    }
  };
  const stopLooking = repeat(look, lookMs, log);
  return async () => {
    isStopped = true;
    await stopLooking();
  };
}

/** Return whether a list is due: neither synced nor tried, by any process, within its interval. */
async function isListDue(
  { lists, duties }: Pick<Store, 'lists' | 'duties'>,
  list: string,
  { startedMs, lookMs }: { readonly startedMs: number; readonly lookMs: number },
): Promise<boolean> {
  const source = await lists.source(list);
  if (!source || source.everyMinutes === null) return false;
  const everyMs = source.everyMinutes * 60_000;
  const syncedMs = source.syncedAt === null ? null : Date.parse(source.syncedAt);
  const { endedMs } = await duties.state(dutyOf(list));
  // A new process tries a failed source at once.
  const wasTried = endedMs !== null && endedMs >= startedMs;
  return isDueAgain(syncedMs, everyMs) && isDueAgain(endedMs, wasTried ? everyMs : Math.min(everyMs, lookMs));
}

/** Call `look` now and repeatedly, one call at a time. Result: stops it, after the running call. */
function repeat(look: () => Promise<void>, everyMs: number, log: Logger): () => Promise<void> {
  let running: Promise<void> | null = null;
  const begin = () => {
    running ??= look()
      .catch((error: unknown) => log.error({ err: error }, 'sync schedule read failed'))
      .finally(() => {
        running = null;
      });
  };
  begin();
  const timer = setInterval(begin, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
