/**
 * Detects an entry that suddenly matches many different files: a stock image on a list does so hours before the first
 * complaint. Counts distinct files per entry within an hour; near matches only, since a digest is one file.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';

const WINDOW_MS = 3_600_000;
/** Maximum number of counted entries; the ones that matched longest ago are evicted. */
const ENTRIES_MAX = 10_000;

export interface FloodedEntry {
  readonly list: string;
  readonly entryId: string;
}

export class FloodGuard {
  /** Entry → file → when it last matched. */
  readonly #entries = new LRUCache<string, Map<string, number>>({ max: ENTRIES_MAX });

  /** `filesMax`: allowed number of distinct files within an hour; 0 disables the guard. */
  constructor(
    readonly filesMax: number,
    readonly clock: Clock,
    readonly onFlood: (entry: FloodedEntry, files: number) => void,
  ) {}

  /** Count a near match. `fileId`: identifies the file, such as its SHA-256. */
  note({ list, entryId }: FloodedEntry, fileId: string): void {
    if (this.filesMax === 0) return;
    const key = JSON.stringify([list, entryId]);
    const files = this.#entries.get(key) ?? new Map<string, number>();
    this.#entries.set(key, files);
    const nowMs = this.clock.monotonicMs();
    // Deleted first, so that the oldest stay in front.
    files.delete(fileId);
    files.set(fileId, nowMs);
    for (const [file, atMs] of files) {
      if (nowMs - atMs < WINDOW_MS) break;
      files.delete(file);
    }
    if (files.size <= this.filesMax) return;
    this.#entries.delete(key);
    this.onFlood({ list, entryId }, files.size);
  }
}
