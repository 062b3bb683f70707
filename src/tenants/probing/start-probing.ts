/** What an alarm does: it is counted, logged, written down, and stands with the tenant until somebody takes it back. */
import type { Clock } from '../../core/clock.js';
import type { ListSnapshot } from '../../lists/snapshot.js';
import type { Store } from '../../store/store.js';
import type { AlarmKind } from '../../store/tenants-contract.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { TenantGates } from '../tenant-gates.js';
import { EDGE_BITS } from './edge-watch.js';
import { nearMisses } from './near-miss.js';
import { Probing } from './probing.js';

interface ProbingWatch {
  readonly probing: Probing;
  /** Once every alarm is written down. */
  settled(): Promise<void>;
}

export function startProbing(parts: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly gates: TenantGates;
  /** As Zeef itself changes it. */
  readonly store: Pick<Store, 'tenants'>;
  readonly snapshot: () => ListSnapshot;
}): ProbingWatch {
  const { clock, log, metrics, gates, store, snapshot } = parts;
  let writing: Promise<void> = Promise.resolve();

  async function write(tenant: string, kind: AlarmKind, queries: number): Promise<void> {
    await store.tenants.setTenant(tenant, { alarm: { at: new Date(clock.nowMs()).toISOString(), kind, queries } });
    gates.forget(tenant);
  }
  const onAlarm = (tenant: string, kind: AlarmKind, queries: number): void => {
    metrics.add('zeef_probing_alarms_total', { kind });
    log.warn({ tenant, kind, queries }, 'a tenant asks as one who searches for the value of an entry (docs/keys.md)');
    writing = writing
      .then(() => write(tenant, kind, queries))
      .catch((error: unknown) => log.error({ err: error, tenant }, 'an alarm could not be written down'));
  };
  const probing = new Probing({
    clock,
    nearMisses: (algorithm, hash256) => nearMisses(snapshot(), algorithm, hash256, EDGE_BITS),
    onAlarm,
  });
  return { probing, settled: () => writing };
}
