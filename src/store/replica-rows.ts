/** Rows of replicas, as every store keeps them. Times are milliseconds of the store's clock. */
import { DAY_MS } from '../core/period.js';
import { REPLICA_LIVE_MS, type Replica, type ReplicaKind } from './replicas-contract.js';

export interface ReplicaRow {
  readonly id: string;
  readonly host: string;
  readonly kind: ReplicaKind;
  readonly code_version: string;
  readonly generation: number;
  readonly skew_ms: number;
  readonly seen_ms: number;
}

/** Long enough to see that a process was killed, and which one. */
export const REPLICA_KEPT_MS = DAY_MS;

/** Return the replicas of all rows, in the order of the contract. */
export const replicasOf = (rows: readonly ReplicaRow[], storeMs: number): Replica[] =>
  rows.map((row) => replicaOf(row, storeMs)).sort((a, b) => order(a.host, b.host) || order(a.id, b.id));

const order = (a: string, b: string) => Number(a > b) - Number(a < b);

/** A row of the future is from before the store's clock was set back: it is as old as it is far away. */
function replicaOf(row: ReplicaRow, storeMs: number): Replica {
  const seenMsAgo = Math.abs(storeMs - row.seen_ms);
  return {
    id: row.id,
    host: row.host,
    kind: row.kind,
    codeVersion: row.code_version,
    generation: row.generation,
    skewMs: row.skew_ms,
    seenMsAgo,
    isLive: seenMsAgo < REPLICA_LIVE_MS,
  };
}
