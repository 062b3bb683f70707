/** Tenants and their usage in PostgreSQL. */
import {
  addedUsage,
  changedTenant,
  lastForgottenDay,
  parseSettings,
  requireTenantName,
  settingsText,
} from '../../store/tenant-rules.js';
import type { DayUsage, TenantAlarm, TenantChange, TenantInfo, TenantStore } from '../../store/tenants-contract.js';
import type { Database, Sql } from '../database.js';

interface TenantRow {
  readonly name: string;
  readonly created_at: string;
  readonly disabled: boolean;
  readonly limits: string;
  readonly alarm: string | null;
}

interface UsageRow {
  readonly checks: number;
  readonly bytes: number;
  readonly hashes: Buffer | null;
}

function toInfo(row: TenantRow): TenantInfo {
  return {
    tenant: row.name,
    createdAt: row.created_at,
    disabled: row.disabled,
    ...parseSettings(row.limits),
    alarm: row.alarm === null ? null : (JSON.parse(row.alarm) as TenantAlarm),
  };
}

const toUsage = (row: UsageRow | undefined): DayUsage => ({
  checks: row?.checks ?? 0,
  bytes: row?.bytes ?? 0,
  distinct: row?.hashes ?? null,
});

/** Create a missing tenant, inside the caller's transaction. Errors REQUEST_INVALID. */
export async function makeTenant(sql: Sql, name: string, createdAt: string): Promise<void> {
  requireTenantName(name);
  await sql('INSERT INTO tenant (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [name, createdAt]);
}

export class PostgresTenants implements TenantStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async tenants(): Promise<TenantInfo[]> {
    return (await this.#database.forAll().read<TenantRow>('SELECT * FROM tenant ORDER BY name')).map(toInfo);
  }

  async tenant(name: string): Promise<TenantInfo | null> {
    const [row] = await this.#database.forTenant(name).read<TenantRow>('SELECT * FROM tenant WHERE name = $1', [name]);
    return row ? toInfo(row) : null;
  }

  setTenant(name: string, change: TenantChange): Promise<TenantInfo> {
    return this.#database.forTenant(name).write(async (sql) => {
      await makeTenant(sql, name, new Date().toISOString());
      const [row] = await sql<TenantRow>('SELECT * FROM tenant WHERE name = $1 FOR NO KEY UPDATE', [name]);
      const before = toInfo(row!);
      const { disabled, alarm, ...settings } = changedTenant(before, change);
      await sql('UPDATE tenant SET disabled = $2, limits = $3, alarm = $4 WHERE name = $1', [
        name,
        disabled,
        settingsText(settings),
        alarm === null ? null : JSON.stringify(alarm),
      ]);
      return { ...before, disabled, alarm, ...settings };
    });
  }

  async usage(tenant: string, day: string): Promise<DayUsage> {
    const [row] = await this.#database
      .forTenant(tenant)
      .read<UsageRow>('SELECT * FROM tenant_usage WHERE tenant = $1 AND day = $2', [tenant, day]);
    return toUsage(row);
  }

  /** Never null: another process holds a row for some milliseconds. */
  addUsage(tenant: string, day: string, more: DayUsage): Promise<DayUsage> {
    return this.#database.forTenant(tenant).write(async (sql) => {
      await sql(
        `INSERT INTO tenant_usage (tenant, day, checks, bytes) VALUES ($1, $2, 0, 0)
         ON CONFLICT (tenant, day) DO NOTHING`,
        [tenant, day],
      );
      const [row] = await sql<UsageRow>('SELECT * FROM tenant_usage WHERE tenant = $1 AND day = $2 FOR UPDATE', [
        tenant,
        day,
      ]);
      const now = addedUsage(toUsage(row), more);
      await sql('UPDATE tenant_usage SET checks = $3, bytes = $4, hashes = $5 WHERE tenant = $1 AND day = $2', [
        tenant,
        day,
        now.checks,
        now.bytes,
        now.distinct,
      ]);
      await sql('DELETE FROM tenant_usage WHERE tenant = $1 AND day <= $2', [tenant, lastForgottenDay(day)]);
      return now;
    });
  }

  async usageSeed(): Promise<number> {
    const [row] = await this.#database.read<{ usage_seed: number }>('SELECT usage_seed FROM store');
    return row!.usage_seed;
  }
}
