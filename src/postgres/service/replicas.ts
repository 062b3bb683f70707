/** Replicas in PostgreSQL: the processes of many machines, measured by its clock. */
import { REPLICA_KEPT_MS, type ReplicaRow, replicasOf } from '../../store/replica-rows.js';
import type { Replica, ReplicaSelf, ReplicaStore } from '../../store/replicas-contract.js';
import type { Database } from '../database.js';

const STORE_MS = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::int8';

export class PostgresReplicas implements ReplicaStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async seen({ id, host, kind, codeVersion, generation }: ReplicaSelf, nowMs: () => number): Promise<number> {
    const skewMs = await this.#skewOf(nowMs);
    await this.#database.write(async (sql) => {
      await sql(
        `INSERT INTO replica (id, host, kind, code_version, generation, skew_ms, seen_ms)
         VALUES ($1, $2, $3, $4, $5, $6, ${STORE_MS})
         ON CONFLICT (id) DO UPDATE SET host = excluded.host, kind = excluded.kind, code_version = excluded.code_version,
           generation = excluded.generation, skew_ms = excluded.skew_ms, seen_ms = excluded.seen_ms`,
        [id, host, kind, codeVersion, generation, skewMs],
      );
      await sql(`DELETE FROM replica WHERE abs(${STORE_MS} - seen_ms) >= $1`, [REPLICA_KEPT_MS]);
    });
    return skewMs;
  }

  /** The server read its clock between two readings of the caller's: all three are cut to whole milliseconds alike. */
  async #skewOf(nowMs: () => number): Promise<number> {
    const beforeMs = nowMs();
    const [row] = await this.#database.read<{ store: number }>(`SELECT ${STORE_MS} AS store`);
    const [least, most] = [beforeMs - row!.store, nowMs() - row!.store];
    if (least > 0) return least;
    return most < 0 ? most : 0;
  }

  async leave(id: string): Promise<void> {
    await this.#database.write((sql) => sql('DELETE FROM replica WHERE id = $1', [id]));
  }

  async replicas(): Promise<readonly Replica[]> {
    const rows = await this.#database.read<ReplicaRow & { readonly store_ms: number }>(
      `SELECT *, ${STORE_MS} AS store_ms FROM replica`,
    );
    return replicasOf(rows, rows[0]?.store_ms ?? 0);
  }
}
