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

interface Watcher {
  /** A worker has been decoding since the last look or longer. Called once for each decoding. */
  readonly onDecoding: (id: number) => void;
  /** A read of this request has not returned in its time. Called once for each read. */
  readonly onStall: (id: number) => void;
}

/** Watch a worker, for as long as the process lives. */
export function watchWorker(progress: WorkerProgress, { onDecoding, onStall }: Watcher): void {
  let seen = { step: -1n, sinceMs: 0, isSaid: true };
  let lookedMs = performance.now();
  setInterval(() => {
    const { step, id, doing, stallMs } = progress.read();
    const nowMs = performance.now();
    // The worker has not had the time in which this process was stopped, by Ctrl-Z for one.
    if (nowMs - lookedMs > STOPPED_AFTER * WATCH_MS) seen = { ...seen, sinceMs: nowMs };
    lookedMs = nowMs;
    if (step !== seen.step) seen = { step, sinceMs: nowMs, isSaid: false };
    else if (doing === DOING.nothing || seen.isSaid) return;
    else if (doing === DOING.decoding) {
      seen.isSaid = true;
      onDecoding(id);
    } else if (nowMs - seen.sinceMs >= stallMs) {
      seen.isSaid = true;
      onStall(id);
    }
  }, WATCH_MS);
}
