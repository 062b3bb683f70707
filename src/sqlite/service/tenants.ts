/** Tenants and their usage in SQLite. */

import type { Sqlite } from '../../core/sqlite-binding.js';
import {
  addedUsage,
  changedTenant,
  lastForgottenDay,
  parseSettings,
  requireTenantName,
  settingsText,
} from '../../store/tenant-rules.js';
import type { DayUsage, TenantAlarm, TenantChange, TenantInfo, TenantStore } from '../../store/tenants-contract.js';
import { tryWrite, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { sound, wholeTable } from '../sums.js';
import { TENANT, TENANT_USAGE } from './database.js';

interface TenantRow {
  readonly name: string;
  readonly created_at: string;
  readonly disabled: number;
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
    disabled: row.disabled === 1,
    ...parseSettings(row.limits),
    alarm: row.alarm === null ? null : (JSON.parse(row.alarm) as TenantAlarm),
  };
}

/** Create a missing tenant, inside the caller's transaction. Errors REQUEST_INVALID. */
export function makeTenant(db: Sqlite, name: string, createdAt: string): void {
  requireTenantName(name);
  db.prepare('INSERT OR IGNORE INTO tenant (name, created_at) VALUES (?, ?)').run(name, createdAt);
}

export class SqliteTenants implements TenantStore {
  readonly #db: Sqlite;
  readonly #seed: number;

  /** `seed`: the same in every process of this store, different in every other store. */
  constructor(db: Sqlite, seed: number) {
    this.#db = db;
    this.#seed = seed;
  }

  async tenants(): Promise<TenantInfo[]> {
    return guarded(() => wholeTable<TenantRow>(this.#db, TENANT).map(toInfo));
  }

  async tenant(name: string): Promise<TenantInfo | null> {
    return guarded(() => this.#read(name));
  }

  setTenant(name: string, change: TenantChange): Promise<TenantInfo> {
    return writeWithRetry(this.#db, () => {
      makeTenant(this.#db, name, new Date().toISOString());
      const { disabled, alarm, ...settings } = changedTenant(this.#read(name)!, change);
      this.#db
        .prepare('UPDATE tenant SET disabled = ?, limits = ?, alarm = ? WHERE name = ?')
        .run(disabled ? 1 : 0, settingsText(settings), alarm === null ? null : JSON.stringify(alarm), name);
      return this.#read(name)!;
    });
  }

  async usage(tenant: string, day: string): Promise<DayUsage> {
    return guarded(() => this.#usage(tenant, day));
  }

  async addUsage(tenant: string, day: string, more: DayUsage): Promise<DayUsage | null> {
    const done = tryWrite(this.#db, () => {
      const now = addedUsage(this.#usage(tenant, day), more);
      this.#db
        .prepare('INSERT OR REPLACE INTO tenant_usage (tenant, day, checks, bytes, hashes) VALUES (?, ?, ?, ?, ?)')
        .run(tenant, day, now.checks, now.bytes, now.distinct);
      this.#db.prepare('DELETE FROM tenant_usage WHERE tenant = ? AND day <= ?').run(tenant, lastForgottenDay(day));
      return now;
    });
    return done === null ? null : done.result;
  }

  async usageSeed(): Promise<number> {
    return this.#seed;
  }

  #read(name: string): TenantInfo | null {
    const row = this.#db.prepare<[string], TenantRow>('SELECT * FROM tenant WHERE name = ?').get(name);
    if (row) return toInfo(sound(TENANT, row));
    // A tenant that was lost to damage must not become one without limits.
    wholeTable(this.#db, TENANT);
    return null;
  }

  #usage(tenant: string, day: string): DayUsage {
    const read = this.#db.prepare<[string, string], UsageRow>(
      'SELECT * FROM tenant_usage WHERE tenant = ? AND day = ?',
    );
    const row = read.get(tenant, day);
    if (row) sound(TENANT_USAGE, row);
    else wholeTable(this.#db, TENANT_USAGE);
    return { checks: row?.checks ?? 0, bytes: row?.bytes ?? 0, distinct: row?.hashes ?? null };
  }
}
