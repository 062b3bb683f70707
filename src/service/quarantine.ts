/** Marks entries that suddenly match at many places: they count until a person decides, and the log names them. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Audit, ZEEF } from '../audit/audit.js';
import { type FloodedEntry, FloodGuard } from '../check/flood-guard.js';
import type { Outbox } from '../check/outbox.js';
import type { Clock } from '../core/clock.js';
import { withDuty } from '../duties/with-duty.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Between two tries while another process marks an entry, which takes some milliseconds. */
const TURN_MS = 100;

/** `placesMax`: places of one tenant where one entry may match within the time window. */
export function startFloodGuard(
  placesMax: number,
  parts: {
    readonly audit: Audit;
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly reload: () => Promise<void>;
    readonly outbox: Outbox;
  },
): FloodGuard {
  const { audit, clock, log, metrics, reload, outbox } = parts;
  const { lists, duties } = audit.as(ZEEF);
  /** Another process may have seen the same flood, or a person may have decided. */
  const isMarked = async ({ list, entryId }: FloodedEntry): Promise<boolean> =>
    (await lists.quarantined()).some((one) => one.list === list && one.entryId === entryId);
  async function mark(entry: FloodedEntry, tenant: string, places: number): Promise<void> {
    const { list, entryId } = entry;
    if (await isMarked(entry)) return;
    metrics.add('zeef_floods_total', {});
    log.warn(
      { list, entryId, tenant, places },
      'entry marked: matched at too many places (see docs/hashlists.md#quarantine)',
    );
    await lists.changeEntries(list, { entryId }, 'flood');
  }
  /** One at a time: many entries may flood together. */
  let marking: Promise<void> = Promise.resolve();
  /** All processes see a flood at about the same time: one of them marks, the next finds the mark. */
  async function markInTurn(entry: FloodedEntry, tenant: string, places: number): Promise<void> {
    while (!(await isMarked(entry)) && !(await withDuty(duties, 'flood', () => mark(entry, tenant, places))))
      await delay(TURN_MS, undefined, { ref: false });
    await reload();
  }
  const onFlood = (entry: FloodedEntry, tenant: string, places: number): void => {
    marking = marking
      .then(() => markInTurn(entry, tenant, places))
      .catch((error: unknown) => log.error({ err: error }, 'flood mark failed'));
  };
  return new FloodGuard(placesMax, clock, onFlood, (counted, weight) => outbox.add(counted, weight));
}
