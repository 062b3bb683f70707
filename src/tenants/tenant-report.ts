/** A tenant as shown to an administrator: its effective limits, and its usage today. */
import type { TenantInfo, TenantLimits } from '../store/tenants-contract.js';
import type { UsageNow } from './tenant-gate.js';
import type { TenantGates } from './tenant-gates.js';

export interface TenantReport extends Omit<TenantInfo, 'limits' | 'credentials'> {
  readonly limits: TenantLimits;
  /** The limits set for this tenant; the rest are defaults. */
  readonly ownLimits: Partial<TenantLimits>;
  readonly today: UsageNow;
}

/** Usage of other processes is a few seconds old. Errors STORE_FAILED. */
export async function tenantReport(
  { gates }: { readonly gates: TenantGates },
  { limits: ownLimits, credentials: _sealed, ...info }: TenantInfo,
): Promise<TenantReport> {
  gates.forget(info.tenant);
  const gate = await gates.of(info.tenant);
  return { ...info, ownLimits, limits: gate.limits, today: gate.usage };
}
