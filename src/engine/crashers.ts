/**
 * Files that crashed a decoder, by SHA-256, so that a client that sends one repeatedly cannot exhaust the pool.
 * A crash is remembered at once: the file was retried in isolation. A timeout may be the machine's fault, so it is
 * remembered the second time.
 */
import { LRUCache } from 'lru-cache';

/** Long enough to outlast a client's retries, short enough to retry with a fixed decoder on the same day. */
const CRASHER_MS = 3_600_000;
/** The list is sent with every image, 66 bytes for each file. */
const CRASHERS_MAX = 256;

export type CrashReason = 'decoder_crash' | 'timeout';

export class Crashers {
  readonly #strikes: LRUCache<string, { readonly reason: CrashReason; readonly isKnown: boolean }>;
  #known: readonly string[] | null = [];

  constructor(ttlMs = CRASHER_MS) {
    this.#strikes = new LRUCache({ max: CRASHERS_MAX, ttl: ttlMs });
  }

  note(sha256: string, reason: CrashReason): void {
    const isKnown = reason === 'decoder_crash' || this.#strikes.has(sha256);
    this.#strikes.set(sha256, { reason, isKnown });
    this.#known = null;
  }

  /** Return why a file with this digest is not retried; null if it may be tried. */
  reasonFor(sha256: string): CrashReason | null {
    const strike = this.#strikes.get(sha256);
    return strike?.isKnown ? strike.reason : null;
  }

  /** Return the files that are not retried; a few may just have expired. */
  list(): readonly string[] {
    if (this.#strikes.size === 0) return [];
    if (this.#known === null || this.#known.some((sha256) => !this.#strikes.has(sha256))) {
      this.#known = [...this.#strikes].filter(([, { isKnown }]) => isKnown).map(([sha256]) => sha256);
    }
    return this.#known;
  }
}
