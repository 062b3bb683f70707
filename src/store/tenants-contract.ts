/** The contract of tenants, their limits and their usage. */

import type { SourceType } from '../core/vocabulary.js';

/** The limits of one tenant; 0 is no limit. */
export interface TenantLimits {
  readonly checksPerSecond: number;
  /** Checks admitted at once after a pause; 0: ten seconds of the rate. */
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

/** An alarm about possible probing (docs/keys.md#probing); it stays until an administrator clears it. */
export interface TenantAlarm {
  readonly at: string;
  readonly kind: AlarmKind;
  readonly queries: number;
}

export interface TenantInfo {
  readonly tenant: string;
  readonly createdAt: string;
  /** True if none of its keys is accepted. */
  readonly disabled: boolean;
  /** The limits that differ from the defaults. */
  readonly limits: Partial<TenantLimits>;
  readonly alarm: TenantAlarm | null;
  /** Template of the address of a reference, with `{reference}` in it. */
  readonly referenceUrl: string | null;
  /** Credentials for the publishers of its lists, sealed (base64), by the kind of source. */
  readonly credentials: Readonly<Partial<Record<SourceType, string>>>;
}

export interface TenantChange {
  readonly disabled?: boolean;
  /** Null restores the default; omitted limits stay. */
  readonly limits?: { readonly [K in keyof TenantLimits]?: TenantLimits[K] | null };
  readonly alarm?: TenantAlarm | null;
  /** Null removes it. */
  readonly referenceUrl?: string | null;
  /** Null removes those of a kind; the others stay. */
  readonly credentials?: { readonly [Type in SourceType]?: string | null };
}

/** Usage of one day in UTC, such as `2026-09-14`. */
export interface DayUsage {
  readonly checks: number;
  readonly bytes: number;
  /** Registers of a `DistinctCounter`; null if nothing was counted. */
  readonly distinct: Uint8Array | null;
}

export interface TenantStore {
  /** Ordered by name: tenants with settings, and tenants that have, or had, a key. */
  tenants(): Promise<TenantInfo[]>;
  tenant(name: string): Promise<TenantInfo | null>;
  /** Change the tenant; a missing one is created. Errors REQUEST_INVALID: invalid name or template. */
  setTenant(name: string, change: TenantChange): Promise<TenantInfo>;
  usage(tenant: string, day: string): Promise<DayUsage>;
  /**
   * Add to the day's usage of all processes; `distinct` is merged register by register. Result: the whole day.
   * Null if the store is busy: nothing was added. Only the last few days are kept.
   */
  addUsage(tenant: string, day: string, more: DayUsage): Promise<DayUsage | null>;
  /** The store's random seed, unknown to clients, so that they cannot craft values that count as one. */
  usageSeed(): Promise<number>;
}
