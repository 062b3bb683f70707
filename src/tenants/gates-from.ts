/** Creates the tenants' gates from the configuration. */
import type { Config } from '../config/knobs.js';
import type { Clock } from '../core/clock.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import { createTenantGates, type TenantGates } from './tenant-gates.js';

export function gatesFrom(
  config: Config,
  { store, clock, log }: { store: Store; clock: Clock; log: Logger },
): TenantGates {
  return createTenantGates(store.tenants, {
    clock,
    shares: store.shares,
    defaults: {
      checksPerSecond: config.tenantChecksPerSecond,
      checksBurst: config.tenantChecksBurst,
      checksPerDay: config.tenantChecksPerDay,
      bytesPerDay: config.tenantBytesPerDay,
      distinctHashesPerDay: config.tenantDistinctHashesPerDay,
      concurrentRequests: config.tenantConcurrentRequests,
    },
    alarmedPerSecond: config.alarmedChecksPerSecond,
    onSaveError: (error) => log.error({ err: error }, 'tenant usage write failed, will retry'),
  });
}
