/**
 * The contract of replicas: the processes that use one store now. Each writes a row of its own again and again; the store
 * measures by its own clock how long ago, so a process whose clock is wrong is neither dead nor immortal for the others.
 */

export type ReplicaKind = 'serve' | 'scan' | 'worker';

export interface ReplicaSelf {
  /** Of one life of a process. */
  readonly id: string;
  readonly host: string;
  readonly kind: ReplicaKind;
  readonly codeVersion: string;
  /** Of the lists by which it answers. */
  readonly generation: number;
}

export interface Replica extends ReplicaSelf {
  /** Milliseconds by which its clock is ahead of the store's, at least; negative: behind. */
  readonly skewMs: number;
  /** Milliseconds since it wrote its row, by the store's clock. */
  readonly seenMsAgo: number;
  /** Whether that is less than `REPLICA_LIVE_MS`. */
  readonly isLive: boolean;
}

/** Three times the interval at which a replica writes its row: one write may fail, and the next one may be slow. */
export const REPLICA_LIVE_MS = 15_000;

export interface ReplicaStore {
  /**
   * Write the row of this process. Rows that were not written for a day are removed.
   * `nowMs`: reads the caller's clock: before and after the store reads its own.
   * Result  milliseconds by which that clock is ahead of the store's, at least, however the time of the round trip was spent;
   * negative: behind. 0 where they may agree, and where both are one.
   */
  seen(self: ReplicaSelf, nowMs: () => number): Promise<number>;
  /** Remove the row of a process that ends. */
  leave(id: string): Promise<void>;
  /** All rows, by host and id. */
  replicas(): Promise<readonly Replica[]>;
}
