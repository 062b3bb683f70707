/** Rules of tenants, the same in every store. */
import { AppError } from '../core/errors.js';
import { NAME_CHARACTERS_MAX } from '../core/limits.js';
import { requireReferenceUrl } from '../core/reference-url.js';
import type { DayUsage, TenantChange, TenantInfo, TenantLimits } from './tenants-contract.js';

/** Days of usage that are kept: today's quota, and a week of history. */
const USAGE_DAYS_KEPT = 8;
const DAY_MS = 86_400_000;

/** Tenant names are used in URLs, file names and log lines. */
const TENANT_NAME = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${NAME_CHARACTERS_MAX - 1}}$`);

/** Errors REQUEST_INVALID. */
export function requireTenantName(name: string): void {
  if (!TENANT_NAME.test(name))
    throw new AppError('REQUEST_INVALID', { field: 'tenant', expected: String(TENANT_NAME) });
}

type Settings = Pick<TenantInfo, 'limits' | 'referenceUrl' | 'credentials'>;

/** Limits and template are one text in every store: an earlier build passes over what it does not know. */
export const settingsText = ({ limits, referenceUrl, credentials }: Settings): string =>
  JSON.stringify({
    ...limits,
    ...(referenceUrl === null ? {} : { referenceUrl }),
    ...(Object.keys(credentials).length === 0 ? {} : { credentials }),
  });

export function parseSettings(text: string): Settings {
  const {
    referenceUrl = null,
    credentials = {},
    ...limits
  } = JSON.parse(text) as Partial<TenantLimits> & Partial<Pick<TenantInfo, 'referenceUrl' | 'credentials'>>;
  return { limits, referenceUrl, credentials };
}

/** Leave out what is null. */
const withoutNulls = <Value>(facts: Readonly<Record<string, Value | null | undefined>>) =>
  Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== null)) as Record<string, Value>;

/** Errors REQUEST_INVALID: an invalid template. */
export function changedTenant(
  before: TenantInfo,
  { disabled, limits, alarm, referenceUrl, credentials }: TenantChange,
): Pick<TenantInfo, 'disabled' | 'limits' | 'alarm' | 'referenceUrl' | 'credentials'> {
  if (referenceUrl != null) requireReferenceUrl(referenceUrl);
  return {
    disabled: disabled ?? before.disabled,
    limits: withoutNulls({ ...before.limits, ...limits }),
    alarm: alarm === undefined ? before.alarm : alarm,
    referenceUrl: referenceUrl === undefined ? before.referenceUrl : referenceUrl,
    credentials: withoutNulls({ ...before.credentials, ...credentials }),
  };
}

/** Return the sum of two parts of a day; registers are merged by their maximum. */
export function addedUsage(before: DayUsage, more: DayUsage): DayUsage {
  return {
    checks: before.checks + more.checks,
    bytes: before.bytes + more.bytes,
    distinct: joined(before.distinct, more.distinct),
  };
}

function joined(a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null {
  if (a === null || b === null) return a ?? b;
  return a.map((register, at) => Math.max(register, b[at] ?? 0));
}

/** Return the newest day whose usage is deleted once there is usage of `day`. */
export function lastForgottenDay(day: string): string {
  return new Date(Date.parse(day) - USAGE_DAYS_KEPT * DAY_MS).toISOString().slice(0, 10);
}
