/**
 * Detects an entry that suddenly matches at many places of one tenant: a stock image on a list does so hours before the first
 * complaint. A client's word decides only what its own tenant's count is, and a flood only marks: no answer is silenced by it.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import type { Counted } from './outbox.js';

const WINDOW_MS = 3_600_000;
/** Maximum number of counted entries; the ones that matched longest ago are evicted. */
const ENTRIES_MAX = 10_000;

/** A place that matches again is reported to other processes again after this time. */
const REPORT_AGAIN_MS = WINDOW_MS / 12;
/** Less than that of what is near an entry: a flood must not displace what reports a search for entries. */
const WEIGHT_MAX = 1_000;
const KIND = 'flood';

/** A place is a client's text of any length: what is kept of each has one size. */
const digestOf = (place: string) => createHash('sha256').update(place).digest('base64').slice(0, 22);

export interface FloodedEntry {
  readonly list: string;
  readonly entryId: string;
}

export class FloodGuard {
  /** Tenant and entry → digest of the place → when it last matched there, and was last reported by a process. */
  readonly #entries = new LRUCache<string, Map<string, { readonly atMs: number; readonly reportedMs: number }>>({
    max: ENTRIES_MAX,
  });

  /** `placesMax`: allowed number of places of one tenant within an hour; 0 disables the guard. */
  constructor(
    readonly placesMax: number,
    readonly clock: Clock,
    readonly onFlood: (entry: FloodedEntry, tenant: string, places: number) => void,
    /** Called with what other processes should count too. `weight`: how many it is counted with. */
    readonly onCounted: (counted: Counted, weight: number) => void = () => {},
  ) {}

  /** Count a match. `place`: the client's name for the file, or what identifies the file where it has none. */
  note(entry: FloodedEntry, tenant: string, place: string): void {
    if (this.placesMax > 0) this.#count(entry, tenant, digestOf(place));
  }

  /** Count a match of another process; facts of other kinds are ignored. */
  apply([kind, tenant, ...what]: Counted): void {
    if (kind !== KIND || this.placesMax === 0) return;
    const [list, entryId, digest] = what as [string, string, string];
    this.#count({ list, entryId }, tenant, digest, true);
  }

  #count({ list, entryId }: FloodedEntry, tenant: string, digest: string, isOther = false): void {
    const key = JSON.stringify([tenant, list, entryId]);
    const places = this.#entries.get(key) ?? new Map<string, { readonly atMs: number; readonly reportedMs: number }>();
    this.#entries.set(key, places);
    const nowMs = this.clock.monotonicMs();
    const reportedMs = places.get(digest)?.reportedMs ?? -Infinity;
    const isDue = !isOther && nowMs - reportedMs >= REPORT_AGAIN_MS;
    // Deleted first, so that the oldest stay in front.
    places.delete(digest);
    places.set(digest, { atMs: nowMs, reportedMs: isOther || isDue ? nowMs : reportedMs });
    for (const [other, { atMs }] of places) {
      if (nowMs - atMs < WINDOW_MS) break;
      places.delete(other);
    }
    if (isDue) this.onCounted([KIND, tenant, list, entryId, digest], Math.min(places.size, WEIGHT_MAX));
    if (places.size <= this.placesMax) return;
    this.#entries.delete(key);
    this.onFlood({ list, entryId }, tenant, places.size);
  }
}
