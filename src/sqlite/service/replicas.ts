/** Replicas in SQLite: the processes of one machine, whose clock is the store's. */
import { systemClock } from '../../core/clock.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { REPLICA_KEPT_MS, type ReplicaRow, replicasOf } from '../../store/replica-rows.js';
import type { Replica, ReplicaSelf, ReplicaStore } from '../../store/replicas-contract.js';
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { prepared } from '../statements.js';
import { wholeTable } from '../sums.js';
import { REPLICA } from './database.js';

export class SqliteReplicas implements ReplicaStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  async seen({ id, host, kind, codeVersion, generation }: ReplicaSelf): Promise<number> {
    await writeWithRetry(this.#db, () => {
      const storeMs = systemClock.nowMs();
      prepared(
        this.#db,
        `INSERT OR REPLACE INTO replica (id, host, kind, code_version, generation, seen_ms)
         VALUES (@id, @host, @kind, @codeVersion, @generation, @storeMs)`,
      ).run({ id, host, kind, codeVersion, generation, storeMs });
      prepared(this.#db, 'DELETE FROM replica WHERE abs(@storeMs - seen_ms) >= @keptMs').run({
        storeMs,
        keptMs: REPLICA_KEPT_MS,
      });
    });
    return 0;
  }

  async leave(id: string): Promise<void> {
    await writeWithRetry(this.#db, () => prepared(this.#db, 'DELETE FROM replica WHERE id = ?').run(id));
  }

  async replicas(): Promise<readonly Replica[]> {
    return guarded(() => {
      const storeMs = systemClock.nowMs();
      const rows = wholeTable<Omit<ReplicaRow, 'skew_ms'>>(this.#db, REPLICA);
      return replicasOf(
        rows.map((row) => ({ ...row, skew_ms: 0 })),
        storeMs,
      );
    });
  }
}
