/** Marks entries that suddenly match at many places: they count until a person decides, and the log names them. */
import { type Audit, ZEEF } from '../audit/audit.js';
import { type FloodedEntry, FloodGuard } from '../check/flood-guard.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** `placesMax`: places of one tenant where one entry may match within the time window. */
export function startFloodGuard(
  placesMax: number,
  parts: {
    readonly audit: Audit;
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly reload: () => Promise<void>;
  },
): FloodGuard {
  const { audit, clock, log, metrics, reload } = parts;
  const mark = async ({ list, entryId }: FloodedEntry, tenant: string, places: number): Promise<void> => {
    const { lists } = audit.as(ZEEF);
    // Another process may have seen the same flood, or a person may have decided.
    if ((await lists.quarantined()).some((one) => one.list === list && one.entryId === entryId)) return reload();
    metrics.add('zeef_floods_total', {});
    log.warn(
      { list, entryId, tenant, places },
      'entry marked: matched at too many places (see docs/hashlists.md#quarantine)',
    );
    await lists.changeEntries(list, { entryId }, 'flood');
    await reload();
  };
  return new FloodGuard(placesMax, clock, (entry, tenant, places) => {
    mark(entry, tenant, places).catch((error: unknown) => log.error({ err: error }, 'flood mark failed'));
  });
}
