import type { TenantLimits } from '../../src/store/tenants-contract.js';

/** Limits of a tenant without any. */
export const UNLIMITED: TenantLimits = {
  checksPerSecond: 0,
  checksBurst: 0,
  checksPerDay: 0,
  bytesPerDay: 0,
  distinctHashesPerDay: 0,
  concurrentRequests: 0,
};
