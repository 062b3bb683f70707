/**
 * This process among the replicas of its store: writes its row at the start and every few seconds, removes it at the end,
 * and reads from the rows what makes it unfit to answer: a wrong clock, or lists that others have long replaced.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config/knobs.js';
import type { Clock } from '../core/clock.js';
import { PACKAGE_VERSION } from '../core/package-root.js';
import type { Replica, ReplicaSelf, ReplicaStore } from '../store/replicas-contract.js';
import type { Logger } from '../telemetry/log.js';
import { type Metrics, NO_METRICS } from '../telemetry/metrics.js';
import { type Env, storeFrom } from './open-stores.js';

/** A third of the time after which a replica is not live. */
const BEAT_MS = 5_000;
/** 48 random bits distinguish the processes of a day, and are short enough for a table. */
const ID_BYTES = 6;
/**
 * Replicas load the same lists, so one that is this much later than another one is not slow but stuck. Counted from the moment
 * that another one answers by a generation: while all of them load a long list none is behind, and one always stays ready.
 */
const BEHIND_MS_MAX = 5 * 60_000;

export interface ReplicaStatus {
  /** As `Replica.skewMs`; 0 before it is known. */
  readonly skewMs: number;
  /** Whether another live replica has answered for minutes by lists that this one has not loaded. */
  readonly isBehind: boolean;
}

export interface RunningReplica {
  status(): ReplicaStatus;
  /** Remove the row, after a write in flight. */
  close(): Promise<void>;
}

/** Of a process that answers nothing. */
export const NO_REPLICA: RunningReplica = {
  status: () => ({ skewMs: 0, isBehind: false }),
  close: async () => {},
};

/** Notices a generation that others answer by and this process does not reach. */
export class Lag {
  #since: { readonly generation: number; readonly ms: number } | null = null;

  /** Note the rows at a time of the monotonic clock. */
  note({ id, generation }: ReplicaSelf, replicas: readonly Replica[], nowMs: number): void {
    const others = replicas.filter((one) => one.isLive && one.kind === 'serve' && one.id !== id);
    const newest = Math.max(generation, ...others.map((one) => one.generation));
    // The last one that is left answers, by whatever lists it has.
    if (newest === generation) this.#since = null;
    else if (this.#since === null || generation >= this.#since.generation)
      this.#since = { generation: newest, ms: nowMs };
  }

  /** `generation`: that of this process now. */
  isBehind(nowMs: number, generation: number): boolean {
    if (this.#since === null || generation >= this.#since.generation) return false;
    return nowMs - this.#since.ms >= BEHIND_MS_MAX;
  }
}

interface ReplicaParts {
  readonly live: { readonly snapshot: { readonly generation: number } };
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Start to write the row of a serving process. A store that cannot be reached is logged, and tried again. */
export async function startReplica(
  store: ReplicaStore,
  { live, clock, log, metrics }: ReplicaParts,
): Promise<RunningReplica> {
  const fixed = {
    id: randomBytes(ID_BYTES).toString('hex'),
    host: hostname(),
    kind: 'serve',
    codeVersion: PACKAGE_VERSION,
  } as const;
  const lag = new Lag();
  let skewMs = 0;
  let isWritten = true;
  const beat = async () => {
    const self = { ...fixed, generation: live.snapshot.generation };
    skewMs = await store.seen(self, () => clock.nowMs());
    const replicas = await store.replicas();
    lag.note(self, replicas, clock.monotonicMs());
    metrics.set('zeef_replicas_live', {}, replicas.filter(({ isLive }) => isLive).length);
    metrics.set('zeef_clock_skew_ms', {}, skewMs);
  };
  const beatOrLog = () =>
    beat().then(
      () => {
        if (!isWritten) log.info('the row of this replica is written again');
        isWritten = true;
      },
      (error: unknown) => {
        if (isWritten) log.error({ err: error }, 'the row of this replica cannot be written; others take it for dead');
        isWritten = false;
      },
    );

  await beatOrLog();
  let beating: Promise<void> | null = null;
  const timer = setInterval(() => {
    beating ??= beatOrLog().finally(() => {
      beating = null;
    });
  }, BEAT_MS);
  timer.unref();
  return {
    status: () => ({ skewMs, isBehind: lag.isBehind(clock.monotonicMs(), live.snapshot.generation) }),
    async close() {
      clearInterval(timer);
      await beating;
      // A row that cannot be removed now is that of a dead process soon.
      await store.leave(fixed.id).catch(() => {});
    },
  };
}

/** Return the replicas of the configured store; no list is loaded. Errors as `storeFrom`. */
export async function readReplicas(config: Config, log: Logger, env: Env): Promise<readonly Replica[]> {
  const store = await storeFrom(config, { log, metrics: NO_METRICS, env });
  try {
    return await store.replicas.replicas();
  } finally {
    await store.close();
  }
}
