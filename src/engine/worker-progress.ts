/** What a worker thread of the decoder process is doing, in memory that it shares with the thread that watches it. */

export const DOING = { nothing: 0, reading: 1, decoding: 2 } as const;
type Doing = (typeof DOING)[keyof typeof DOING];

/** 64 bits of each: ids of requests are counted for months. */
const AT = { step: 0, id: 1, doing: 2, stallMs: 3, numbers: 4 } as const;

interface Progress {
  /** Differs from one step of the work to the next. */
  readonly step: bigint;
  readonly id: number;
  readonly doing: Doing;
  /** Time after which a read that does not return is given up. */
  readonly stallMs: number;
}

export class WorkerProgress {
  readonly #numbers: BigInt64Array;

  constructor(readonly shared = new SharedArrayBuffer(AT.numbers * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.#numbers = new BigInt64Array(shared);
  }

  /** Note the beginning of a step: what is between two of them is one wait for the system, or one decoding. */
  note(doing: Doing, id = 0, stallMs = 0): void {
    const numbers = this.#numbers;
    // Nothing while the others change: a reader would take them for those of one step.
    Atomics.store(numbers, AT.doing, BigInt(DOING.nothing));
    Atomics.store(numbers, AT.id, BigInt(id));
    Atomics.store(numbers, AT.stallMs, BigInt(stallMs));
    Atomics.add(numbers, AT.step, 1n);
    Atomics.store(numbers, AT.doing, BigInt(doing));
  }

  /** The step is read last: one that is the same as before has these numbers. */
  read(): Progress {
    const [id, doing, stallMs, step] = [AT.id, AT.doing, AT.stallMs, AT.step].map((at) =>
      Atomics.load(this.#numbers, at),
    ) as [bigint, bigint, bigint, bigint];
    return { step, id: Number(id), doing: Number(doing) as Doing, stallMs: Number(stallMs) };
  }
}

/** Interval of the looks at the workers. */
const WATCH_MS = 50;
/** Intervals after which the process itself was stopped: on a busy machine it is late by one or two. */
const STOPPED_AFTER = 4;
/** An image that has had less than this share of its time on a processor hangs: on a busy machine it has more. */
const IDLE_SHARE = 1 / 12;

interface Watcher {
  /** Processor time that an image may take. */
  readonly decodeMsMax: number;
  /** Return the processor time that the process has taken. */
  readonly processorMs: () => number;
  /** A worker has been decoding since the last look or longer. Called once for each decoding. */
  readonly onDecoding: (id: number) => void;
  /** The image has had its time. Called once for each decoding. */
  readonly onLate: (id: number) => void;
  /** A read of this request has not returned in its time. Called once for each read. */
  readonly onStall: (id: number) => void;
}

/** What was seen of a worker at the last look. */
interface Seen {
  step: bigint;
  /** Time in this step, without that in which the process was stopped. */
  wallMs: number;
  /** Processor time in this step. */
  spentMs: number;
  isSaid: boolean;
  isOver: boolean;
}

/**
 * Watch workers, for as long as the process lives. An image is charged the processor time that the process takes while it is decoded, in
 * equal parts with the images beside it, and no more than the time that passes: neither a busy machine nor waiting is charged.
 */
export function watchWorkers(workers: readonly WorkerProgress[], watcher: Watcher): void {
  const { decodeMsMax, processorMs, onDecoding, onLate, onStall } = watcher;
  const all = workers.map((): Seen => ({ step: -1n, wallMs: 0, spentMs: 0, isSaid: true, isOver: true }));
  let lookedMs = performance.now();
  let usedMs = processorMs();
  setInterval(() => {
    const [nowMs, nowUsedMs] = [performance.now(), processorMs()];
    const sinceMs = nowMs - lookedMs;
    // A worker has not had the time in which this process was stopped, by Ctrl-Z for one.
    const passedMs = sinceMs > STOPPED_AFTER * WATCH_MS ? 0 : sinceMs;
    const now = workers.map((progress) => progress.read());
    const decoding = now.filter(({ doing }) => doing === DOING.decoding).length;
    const spentMs = Math.min(sinceMs, (nowUsedMs - usedMs) / Math.max(1, decoding));
    [lookedMs, usedMs] = [nowMs, nowUsedMs];
    now.forEach(({ step, id, doing, stallMs }, at) => {
      const seen = all[at]!;
      if (step !== seen.step) {
        all[at] = { step, wallMs: 0, spentMs: 0, isSaid: false, isOver: false };
        return;
      }
      seen.wallMs += passedMs;
      seen.spentMs += spentMs;
      if (doing === DOING.reading && !seen.isOver && seen.wallMs >= stallMs) {
        seen.isOver = true;
        onStall(id);
      }
      if (doing !== DOING.decoding) return;
      if (!seen.isSaid) onDecoding(id);
      seen.isSaid = true;
      if (seen.isOver || Math.max(seen.spentMs, seen.wallMs * IDLE_SHARE) < decodeMsMax) return;
      seen.isOver = true;
      onLate(id);
    });
  }, WATCH_MS);
}
