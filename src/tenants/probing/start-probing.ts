/** Handles an alarm: it is counted, logged, audited, and shown with the tenant until an administrator clears it. */
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
  /** Resolves once every alarm is stored. */
  settled(): Promise<void>;
}

export function startProbing(parts: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly gates: TenantGates;
  /** Audited with Zeef as the actor. */
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
    log.warn({ tenant, kind, queries }, 'possible list probing by tenant (see docs/keys.md#probing)');
    writing = writing
      .then(() => write(tenant, kind, queries))
      .catch((error: unknown) => log.error({ err: error, tenant }, 'alarm write failed'));
  };
  const probing = new Probing({
    clock,
    nearMisses: (algorithm, hash256) => nearMisses(snapshot(), algorithm, hash256, EDGE_BITS),
    onAlarm,
  });
  return { probing, settled: () => writing };
}
