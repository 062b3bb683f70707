/** Tenants, their limits and what they used, as the rooms above see them. */

/** What one tenant may do; 0 is without limit. */
export interface TenantLimits {
  readonly checksPerSecond: number;
  /** Checks that may come at once after a pause; 0: ten seconds of the rate. */
  readonly checksBurst: number;
  readonly checksPerDay: number;
  readonly bytesPerDay: number;
  readonly distinctHashesPerDay: number;
  readonly concurrentRequests: number;
}
export const TENANT_LIMITS = [
  'checksPerSecond',
  'checksBurst',
  'checksPerDay',
  'bytesPerDay',
  'distinctHashesPerDay',
  'concurrentRequests',
] as const satisfies readonly (keyof TenantLimits)[];

export const ALARM_KINDS = ['ball', 'edge'] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** Somebody seems to search for the edge of an entry (docs/keys.md); it stays until an administrator takes it back. */
export interface TenantAlarm {
  readonly at: string;
  readonly kind: AlarmKind;
  readonly queries: number;
}

export interface TenantInfo {
  readonly tenant: string;
  readonly createdAt: string;
  /** None of its keys works. */
  readonly disabled: boolean;
  /** What differs from the defaults. */
  readonly limits: Partial<TenantLimits>;
  readonly alarm: TenantAlarm | null;
}

export interface TenantChange {
  readonly disabled?: boolean;
  /** Null goes back to the default; what is not named stays. */
  readonly limits?: { readonly [K in keyof TenantLimits]?: TenantLimits[K] | null };
  readonly alarm?: TenantAlarm | null;
}

/** Of one day, in UTC: `2026-09-14`. */
export interface DayUsage {
  readonly checks: number;
  readonly bytes: number;
  /** Registers of a `DistinctCounter`; null where nothing was counted. */
  readonly distinct: Uint8Array | null;
}

export interface TenantStore {
  /** By name: those that were set, and those that have, or had, a key. */
  tenants(): Promise<TenantInfo[]>;
  tenant(name: string): Promise<TenantInfo | null>;
  /** Makes the tenant where there is none. Errors REQUEST_INVALID: its name is not one. */
  setTenant(name: string, change: TenantChange): Promise<TenantInfo>;
  usage(tenant: string, day: string): Promise<DayUsage>;
  /**
   * Adds to the day, whichever process adds; `distinct` is joined register by register. Result: the whole day.
   * Null where the store is too busy to be bothered: nothing was added. Days before the last few are forgotten.
   */
  addUsage(tenant: string, day: string, more: DayUsage): Promise<DayUsage | null>;
  /** Random, of the store itself: who asks cannot know it, so values cannot be made that count as one. */
  usageSeed(): Promise<number>;
}
