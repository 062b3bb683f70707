/** Whose rows a transaction sees (`fence.ts`). */
import { escapeLiteral } from 'pg';

/** The setting that the policies read. */
export const TENANT_SETTING = 'zeef.tenant';
/** Whose rows are seen: a value of the setting. */
export type Scope = string;
/** No tenant has this name. */
export const ALL_TENANTS: Scope = '*';

/** A name that no tenant can have is the scope of no rows: it must not become that of all. */
export const scopeOf = (tenant: string): Scope => (tenant === ALL_TENANTS || tenant.includes('\0') ? '' : tenant);

/** Return the statement that begins a transaction with its scope, in one message; it has no parameters. Null: none. */
export const withScope = (begin: string, scope: Scope | null): string =>
  scope === null ? begin : `${begin}; SET LOCAL ${TENANT_SETTING} = ${escapeLiteral(scope)}`;
