/**
 * Detects an entry that suddenly matches at many places of one tenant: a stock image on a list does so hours before the first
 * complaint. A client's word decides only what its own tenant's count is, and a flood only marks: no answer is silenced by it.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';

const WINDOW_MS = 3_600_000;
/** Maximum number of counted entries; the ones that matched longest ago are evicted. */
const ENTRIES_MAX = 10_000;

/** A place is a client's text of any length: what is kept of each has one size. */
const digestOf = (place: string) => createHash('sha256').update(place).digest('base64').slice(0, 22);

export interface FloodedEntry {
  readonly list: string;
  readonly entryId: string;
}

export class FloodGuard {
  /** Tenant and entry → digest of the place → when it last matched there. */
  readonly #entries = new LRUCache<string, Map<string, number>>({ max: ENTRIES_MAX });

  /** `placesMax`: allowed number of places of one tenant within an hour; 0 disables the guard. */
  constructor(
    readonly placesMax: number,
    readonly clock: Clock,
    readonly onFlood: (entry: FloodedEntry, tenant: string, places: number) => void,
  ) {}

  /** Count a match. `place`: the client's name for the file, or what identifies the file where it has none. */
  note({ list, entryId }: FloodedEntry, tenant: string, place: string): void {
    if (this.placesMax === 0) return;
    const key = JSON.stringify([tenant, list, entryId]);
    const places = this.#entries.get(key) ?? new Map<string, number>();
    this.#entries.set(key, places);
    const nowMs = this.clock.monotonicMs();
    const digest = digestOf(place);
    // Deleted first, so that the oldest stay in front.
    places.delete(digest);
    places.set(digest, nowMs);
    for (const [other, atMs] of places) {
      if (nowMs - atMs < WINDOW_MS) break;
      places.delete(other);
    }
    if (places.size <= this.placesMax) return;
    this.#entries.delete(key);
    this.onFlood({ list, entryId }, tenant, places.size);
  }
}
