/** Quarantines entries that suddenly match many different files: they are still found, and not counted. */
import { type Audit, ZEEF } from '../audit/audit.js';
import { type FloodedEntry, FloodGuard } from '../check/flood-guard.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** `filesMax`: different files that one entry may match within the time window. */
export function startFloodGuard(
  filesMax: number,
  parts: {
    readonly audit: Audit;
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly reload: () => Promise<void>;
  },
): FloodGuard {
  const { audit, clock, log, metrics, reload } = parts;
  const quarantine = async ({ list, entryId }: FloodedEntry, files: number): Promise<void> => {
    const { lists } = audit.as(ZEEF);
    // Another process may have seen the same flood.
    if ((await lists.quarantined()).some((one) => one.list === list && one.entryId === entryId)) return reload();
    metrics.add('zeef_quarantined_total', {});
    log.warn({ list, entryId, files }, 'entry quarantined: matched too many different files');
    await lists.changeEntries(list, { entryId }, 'quarantine');
    await reload();
  };
  return new FloodGuard(filesMax, clock, (entry, files) => {
    quarantine(entry, files).catch((error: unknown) => log.error({ err: error }, 'entry quarantine failed'));
  });
}
