/**
 * Inspects the PDQ rows of an import on their bits alone: canaries, and one-dimensional hashes. A few are inspected at once, many
 * in a thread beside the one that reads the list (`pdq-gate-worker.ts`), which a search for each row would slow by a third.
 */
import type { Piscina } from 'piscina';
import { AppError } from '../../core/errors.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import { artefact } from '../../core/package-root.js';
import { isOneDimensionalPdq } from '../../core/pdq-shape.js';
import { threadPool } from '../../core/thread-pool.js';
import { buildRing, type RingIndex } from '../../index/ring.js';
import { JOIN_QUERIES_MIN } from '../../index/ring-layout.js';
import { shippedCanaries } from './canaries.js';

/** Rows inspected at once: enough for a join with the canaries, which takes a third of the time that a search for each row takes. */
export const PDQ_PER_BATCH = JOIN_QUERIES_MIN;
/** Batches that wait for the thread, two megabytes each: who reads faster than it inspects waits. */
const BATCHES_AHEAD = 2;

function ringOf(hashes: readonly Uint8Array[]): RingIndex {
  const bytes = new Uint8Array(hashes.length * HASH256_BYTES);
  hashes.forEach((hash, at) => {
    bytes.set(hash, at * HASH256_BYTES);
  });
  return buildRing(bytes);
}

/** Built with the first row that a thread inspects: an import of one row costs no more than its search. */
let shippedRing: RingIndex | undefined;

export interface GateSettings {
  readonly radiusBits: number;
  /** Canaries beside those that ship. */
  readonly canaries: readonly Uint8Array[];
}

export interface PdqRow {
  /** Of the row among those of its import. */
  readonly position: number;
  readonly line: number;
  readonly entryId: string;
  /** 64 hex digits. */
  readonly value: string;
}

/** Positions of the rows that were found, rising. */
export interface PdqFindings {
  /** With the nearest canary: its position among those that ship, or, behind them, among the others. */
  readonly canaries: readonly { readonly row: number; readonly canary: number }[];
  readonly oneDimensional: readonly number[];
}

/** Return a function that inspects hashes, one after the other. Shape: n × 32 bytes. */
export function pdqInspector({ radiusBits, canaries }: GateSettings): (hashes256: Uint8Array) => PdqFindings {
  shippedRing ??= ringOf(shippedCanaries());
  const shipped = shippedRing;
  const rings = canaries.length === 0 ? [shipped] : [shipped, ringOf(canaries)];
  const nearest = (hashes256: Uint8Array): PdqFindings['canaries'] => {
    const found = new Map<number, { readonly canary: number; readonly distanceBits: number }>();
    for (const ring of rings) {
      const before = ring === shipped ? 0 : shipped.entryCount;
      for (const [row, { entryIndex, distanceBits }] of ring.nearest(hashes256, radiusBits)) {
        const known = found.get(row);
        if (known && known.distanceBits <= distanceBits) continue;
        found.set(row, { canary: before + entryIndex, distanceBits });
      }
    }
    return [...found].sort(([a], [b]) => a - b).map(([row, { canary }]) => ({ row, canary }));
  };
  return (hashes256) => {
    const oneDimensional: number[] = [];
    for (let at = 0; at * HASH256_BYTES < hashes256.length; at++) {
      const hash256 = hashes256.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES);
      if (isOneDimensionalPdq(hash256)) oneDimensional.push(at);
    }
    return { canaries: nearest(hashes256), oneDimensional };
  };
}

type Note = (rows: readonly PdqRow[], found: PdqFindings) => void;

export class PdqGate {
  readonly #settings: GateSettings;
  #inspect: ((hashes256: Uint8Array) => PdqFindings) | null = null;
  #thread: Piscina<Uint8Array, PdqFindings> | null = null;
  readonly #ahead: Promise<void>[] = [];

  constructor(settings: GateSettings) {
    this.#settings = settings;
  }

  check(rows: readonly PdqRow[]): PdqFindings {
    this.#inspect ??= pdqInspector(this.#settings);
    return this.#inspect(hashesOf(rows));
  }

  /** Check rows in the thread; `note` gets the result, in the order of the calls. Resolves when more rows may come. */
  async checkLater(rows: readonly PdqRow[], note: Note): Promise<void> {
    this.#thread ??= threadPool<Uint8Array, PdqFindings>({
      filename: artefact('src', 'lists', 'import', 'pdq-gate-worker.js'),
      minThreads: 1,
      maxThreads: 1,
      workerData: this.#settings,
    });
    const checked = this.#thread.run(hashesOf(rows)).then((found) => note(rows, found));
    // Its error is thrown where it is awaited.
    checked.catch(() => {});
    this.#ahead.push(checked);
    if (this.#ahead.length > BATCHES_AHEAD) await this.#ahead.shift();
  }

  /** Wait for all rows that are checked later. */
  async settle(): Promise<void> {
    while (this.#ahead.length > 0) await this.#ahead.shift();
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    // A thread that is ended at its work can end the process.
    await Promise.allSettled(this.#ahead);
    await thread?.destroy();
  }
}

function hashesOf(rows: readonly PdqRow[]): Uint8Array {
  const hashes256 = Buffer.from(rows.map(({ value }) => value).join(''), 'hex');
  // Node ends at the first character that is no hex: the rows after it would pass unexamined.
  if (hashes256.length !== rows.length * HASH256_BYTES)
    throw new AppError('HASHLIST_INVALID', { why: 'a PDQ value is no hash' });
  return hashes256;
}
