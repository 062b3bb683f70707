/** Duties in SQLite: the processes of one machine, which share its monotonic clock. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { DutyState, DutyStore, Lease } from '../../store/duties-contract.js';
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { sound, wholeTable } from '../sums.js';
import { DUTY } from './database.js';
import { isToCome, storeMs } from './store-clock.js';

interface DutyRow {
  readonly name: string;
  readonly fence: number;
  readonly until_ms: number;
  readonly lease_ms: number;
  readonly ended_ms: number | null;
}

const isHeld = ({ until_ms, lease_ms }: DutyRow) => isToCome(until_ms, lease_ms);

/** Return whether the lease is the duty's newest, inside the caller's transaction: no other holder took the duty since. */
export function isNewest(db: Sqlite, { duty, fence }: Lease): boolean {
  return readDuty(db, duty)?.fence === fence;
}

function readDuty(db: Sqlite, duty: string): DutyRow | undefined {
  const row = db.prepare<[string], DutyRow>('SELECT * FROM duty WHERE name = ?').get(duty);
  if (row) return sound(DUTY, row);
  // A fence that was lost would begin again: two holders would be the newest.
  wholeTable(db, DUTY);
  return undefined;
}

export class SqliteDuties implements DutyStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  async take(duty: string, leaseMs: number): Promise<Lease | null> {
    // Usually it is free or held for long, and that check needs no lock.
    if ((await this.state(duty)).isHeld) return null;
    return writeWithRetry(this.#db, () => {
      const row = readDuty(this.#db, duty);
      if (row && isHeld(row)) return null;
      const fence = (row?.fence ?? 0) + 1;
      this.#db
        .prepare('INSERT OR REPLACE INTO duty (name, fence, until_ms, lease_ms, ended_ms) VALUES (?, ?, ?, ?, ?)')
        .run(duty, fence, storeMs() + leaseMs, leaseMs, row?.ended_ms ?? null);
      return { duty, fence };
    });
  }

  extend({ duty, fence }: Lease, leaseMs: number): Promise<boolean> {
    return writeWithRetry(this.#db, () => {
      const { changes } = this.#db
        .prepare('UPDATE duty SET until_ms = ?, lease_ms = ? WHERE name = ? AND fence = ?')
        .run(storeMs() + leaseMs, leaseMs, duty, fence);
      return changes > 0;
    });
  }

  async holds(lease: Lease): Promise<boolean> {
    return guarded(() => isNewest(this.#db, lease));
  }

  end({ duty, fence }: Lease, nowMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare('UPDATE duty SET until_ms = 0, ended_ms = ? WHERE name = ? AND fence = ?')
        .run(nowMs, duty, fence);
    });
  }

  async state(duty: string): Promise<DutyState> {
    const row = guarded(() => readDuty(this.#db, duty));
    return { isHeld: row !== undefined && isHeld(row), endedMs: row?.ended_ms ?? null };
  }
}
