/**
 * Files that ended a decoder, by SHA-256, so that a client that sends one again and again cannot grind the pool down.
 * A crash is remembered at once: it was tried alone as well. A deadline passed may have been the machine's fault, so
 * it is remembered when it happens for the second time.
 */
import { LRUCache } from 'lru-cache';

/** Long enough to outlast a client's retries, short enough that a mended decoder is asked again the same day. */
const CRASHER_MS = 3_600_000;
/** They travel with every picture, 66 bytes each. */
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

  /** Why a file with this digest is not tried again, or null where it may be. */
  reasonFor(sha256: string): CrashReason | null {
    const strike = this.#strikes.get(sha256);
    return strike?.isKnown ? strike.reason : null;
  }

  /** All that are not tried again; a few may have been forgotten a moment ago. */
  list(): readonly string[] {
    if (this.#strikes.size === 0) return [];
    if (this.#known === null || this.#known.some((sha256) => !this.#strikes.has(sha256))) {
      this.#known = [...this.#strikes].filter(([, { isKnown }]) => isKnown).map(([sha256]) => sha256);
    }
    return this.#known;
  }
}
