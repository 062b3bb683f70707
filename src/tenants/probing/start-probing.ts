/** Handles an alarm: it is counted, logged, audited, and shown with the tenant until an administrator clears it. */
import type { Outbox } from '../../check/outbox.js';
import type { Clock } from '../../core/clock.js';
import { DUTY_LEASE_MS } from '../../duties/with-duty.js';
import type { ListSnapshot } from '../../lists/snapshot.js';
import type { Store } from '../../store/store.js';
import type { AlarmKind } from '../../store/tenants-contract.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { TenantGates } from '../tenant-gates.js';
import { EDGE_BITS } from './edge-watch.js';
import { nearMisses } from './near-miss.js';
import { ALARM_PAUSE_MS, Probing } from './probing.js';

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
  readonly store: Pick<Store, 'tenants' | 'duties'>;
  /** `TenantStore.usageSeed`. */
  readonly seed: number;
  readonly outbox: Outbox;
  readonly snapshot: () => ListSnapshot;
}): ProbingWatch {
  const { clock, log, metrics, gates, store, snapshot, seed, outbox } = parts;
  let writing: Promise<void> = Promise.resolve();
  const toLog = (tenant: string) => (error: unknown) => log.error({ err: error, tenant }, 'alarm write failed');

  /** All processes see it at about the same time. The first one has the duty for the pause between two alarms. */
  async function raise(tenant: string, kind: AlarmKind, queries: number): Promise<void> {
    const duty = `alarm ${kind} ${tenant}`;
    const lease = await store.duties.take(duty, DUTY_LEASE_MS);
    if (!lease) {
      gates.forget(tenant);
      // Its holder extends it once the alarm is stored, and may die before that.
      const raiseIfFree = async () => {
        if (!(await store.duties.state(duty)).isHeld) onAlarm(tenant, kind, queries);
      };
      setTimeout(() => void raiseIfFree().catch(toLog(tenant)), 2 * DUTY_LEASE_MS).unref();
      return;
    }
    metrics.add('zeef_probing_alarms_total', { kind });
    log.warn({ tenant, kind, queries }, 'possible list probing by tenant (see docs/keys.md#probing)');
    await store.tenants.setTenant(tenant, { alarm: { at: new Date(clock.nowMs()).toISOString(), kind, queries } });
    gates.forget(tenant);
    await store.duties.extend(lease, ALARM_PAUSE_MS);
  }
  const onAlarm = (tenant: string, kind: AlarmKind, queries: number): void => {
    writing = writing.then(() => raise(tenant, kind, queries)).catch(toLog(tenant));
  };
  const probing = new Probing({
    clock,
    nearMisses: (algorithm, hash256) => nearMisses(snapshot(), algorithm, hash256, EDGE_BITS),
    onAlarm,
    seed,
    onCounted: (counted, weight) => outbox.add(counted, weight),
  });
  return { probing, settled: () => writing };
}
