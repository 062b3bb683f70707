/**
 * Notices an entry that suddenly matches many different files: a stock picture on a list looks like this, hours before
 * anybody complains. Counts distinct files per entry within an hour; near matches only, since a digest is one file.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';

const WINDOW_MS = 3_600_000;
/** Entries that are counted at a time; the ones that matched longest ago are forgotten. */
const ENTRIES_MAX = 10_000;

export interface FloodedEntry {
  readonly list: string;
  readonly entryId: string;
}

export class FloodGuard {
  /** Entry → file → when it last matched. */
  readonly #entries = new LRUCache<string, Map<string, number>>({ max: ENTRIES_MAX });

  /** `filesMax`: distinct files within an hour that pass; 0 for no guard. */
  constructor(
    readonly filesMax: number,
    readonly clock: Clock,
    readonly onFlood: (entry: FloodedEntry, files: number) => void,
  ) {}

  /** `fileId`: tells files apart, such as their SHA-256. */
  note({ list, entryId }: FloodedEntry, fileId: string): void {
    if (this.filesMax === 0) return;
    const key = JSON.stringify([list, entryId]);
    const files = this.#entries.get(key) ?? new Map<string, number>();
    this.#entries.set(key, files);
    const nowMs = this.clock.nowMs();
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
