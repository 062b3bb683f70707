/** Duties in PostgreSQL: the processes of many machines, which share its clock. */
import type { DutyState, DutyStore, Lease } from '../../store/duties-contract.js';
import type { Database, Sql } from '../database.js';

/** One that ends later than it can is from before the clock was set back. */
export const IS_HELD = `(duty.until > clock_timestamp()
  AND duty.until <= clock_timestamp() + duty.lease_ms * interval '1 millisecond')`;
const UNTIL = `clock_timestamp() + $2::int8 * interval '1 millisecond'`;

/**
 * Return whether the lease is the duty's newest, inside the caller's transaction. The row stays locked until its commit: a
 * later holder takes the duty after it.
 */
export async function isNewest(sql: Sql, { duty, fence }: Lease): Promise<boolean> {
  const [row] = await sql<{ fence: number }>('SELECT fence FROM duty WHERE name = $1 FOR SHARE', [duty]);
  return row?.fence === fence;
}

export class PostgresDuties implements DutyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async take(duty: string, leaseMs: number): Promise<Lease | null> {
    // Usually it is free or held for long, and that check needs no lock.
    if ((await this.state(duty)).isHeld) return null;
    const [row] = await this.#database.write((sql) =>
      sql<{ fence: number }>(
        `INSERT INTO duty (name, fence, until, lease_ms) VALUES ($1, 1, ${UNTIL}, $2)
         ON CONFLICT (name) DO UPDATE SET fence = duty.fence + 1, until = excluded.until, lease_ms = excluded.lease_ms
           WHERE NOT ${IS_HELD}
         RETURNING fence`,
        [duty, leaseMs],
      ),
    );
    return row ? { duty, fence: row.fence } : null;
  }

  async extend({ duty, fence }: Lease, leaseMs: number): Promise<boolean> {
    const rows = await this.#database.write((sql) =>
      sql(`UPDATE duty SET until = ${UNTIL}, lease_ms = $2 WHERE name = $1 AND fence = $3 RETURNING fence`, [
        duty,
        leaseMs,
        fence,
      ]),
    );
    return rows.length > 0;
  }

  async holds({ duty, fence }: Lease): Promise<boolean> {
    const [row] = await this.#database.read<{ fence: number }>('SELECT fence FROM duty WHERE name = $1', [duty]);
    return row?.fence === fence;
  }

  async end({ duty, fence }: Lease, nowMs: number): Promise<void> {
    await this.#database.write((sql) =>
      sql(`UPDATE duty SET until = '-infinity', ended_ms = $3 WHERE name = $1 AND fence = $2`, [duty, fence, nowMs]),
    );
  }

  async state(duty: string): Promise<DutyState> {
    const [row] = await this.#database.read<DutyState>(
      `SELECT ${IS_HELD} AS "isHeld", ended_ms AS "endedMs" FROM duty WHERE name = $1`,
      [duty],
    );
    return row ?? { isHeld: false, endedMs: null };
  }
}
