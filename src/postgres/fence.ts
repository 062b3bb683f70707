/**
 * The fence between tenants, beside the conditions of the statements: row-level security of the tables that have rows of tenants.
 *
 * A transaction sees the rows of one tenant, or those of all if it says so by name (`Database.forTenant`, `Database.forAll`). It
 * says so in its first message, and its end is the end of that: a connection has no tenant when it is given back. One that
 * says nothing sees no rows, and can add none.
 */
import type { Sql } from './database.js';
import { ALL_TENANTS, scopeOf, TENANT_SETTING } from './scope.js';

/** See no more than the rows of one tenant until the end of the caller's transaction. */
export async function narrow(sql: Sql, tenant: string): Promise<void> {
  await sql(`SELECT set_config('${TENANT_SETTING}', $1, true)`, [scopeOf(tenant)]);
}

/** Return whether the fence is in force for the user of the connection: it is not for a superuser, nor with BYPASSRLS. */
export async function isFenced(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ active: boolean }>(`SELECT row_security_active('hit') AS active`);
  return row!.active;
}

/** Not set, and empty after a transaction in which it was: both are no tenant's name. */
const SETTING = `current_setting('${TENANT_SETTING}', true)`;

/**
 * Also for the owner of the tables, which Zeef's user is; not for a superuser. Of a CASE the planner expects half of the rows, of a
 * comparison with the setting one in two hundred: it would sort whole tables for each page of a verification.
 */
function fenced(table: string, ofOne: string): string {
  const condition = `CASE ${SETTING} WHEN '${ALL_TENANTS}' THEN true ${ofOne} END`;
  return `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
   ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
   CREATE POLICY fence ON ${table} USING (${condition}) WITH CHECK (${condition});`;
}

/** By the column with the name of the tenant. A row without one is of the service. */
const TENANT_COLUMNS = {
  tenant: 'name',
  tenant_usage: 'tenant',
  api_key: 'tenant',
  audit: 'tenant',
  webhook: 'tenant',
  share: 'tenant',
  tally: 'tenant',
  hit: 'tenant',
  hit_event: 'tenant',
  answered: 'tenant',
};
/** Rows about several tenants, or of one that they do not name: of the service alone. */
const OF_SERVICE_ALONE = ['hit_news', 'note'];

/**
 * A link has counts of all tenants of its group, and is added by the statement of the hot path, which names no scope: that is
 * allowed, reading one is not. A key is looked up before its tenant is known, in one statement, by a function that sees all
 * for that look-up alone; PostgreSQL lets only superusers give a function this setting, so it sets it itself.
 */
export const FENCE = `${Object.entries(TENANT_COLUMNS)
  .map(([table, column]) => fenced(table, `WHEN ${column} THEN true ELSE false`))
  .join('\n   ')}
   ${fenced('webhook_event', 'ELSE EXISTS (SELECT 1 FROM webhook WHERE webhook.id = webhook_id)')}
   ${OF_SERVICE_ALONE.map((table) => fenced(table, 'ELSE false')).join('\n   ')}
   ${fenced('ledger_link', 'ELSE false')}
   CREATE POLICY append ON ledger_link FOR INSERT WITH CHECK (true);

   CREATE FUNCTION key_of_any_tenant(wanted bytea) RETURNS SETOF api_key LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM set_config('${TENANT_SETTING}', '${ALL_TENANTS}', true);
     RETURN QUERY SELECT * FROM api_key WHERE sha256 = wanted;
     PERFORM set_config('${TENANT_SETTING}', '', true);
   END $$;`;
