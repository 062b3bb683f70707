/**
 * Reads the entries of one request's candidates: each once, a few at a time, and within a budget. A legal request can be
 * near millions of entries; beyond the budget only the nearest entries of each list are considered, and the answers say so.
 */
import { Breath } from '../core/breath.js';
import type { ListFeed, StoredEntry } from '../store/lists-contract.js';

/**
 * Of one request, or of one piece of a stream. Entries: about a second of reading, and 5 MB of matches. Time, from the first
 * entry: far more than that, for a machine under load.
 */
const REQUEST_BUDGET = { entries: 20_000, ms: 10_000 } as const;
/** Entries kept at a time: some 10 MB. */
const KEPT_MAX = 20_000;
/** Entries read without a pause: one takes some 25 µs. */
const READ_TOGETHER = 128;

export class EntryReader {
  /** Kept for the request's other queries, which are often near the same entries. */
  readonly #entries = new Map<number, StoredEntry | null>();
  #considered = 0;
  #sinceMs: number | null = null;

  /** `budget` null: of an operator's own work, which takes what it takes. */
  constructor(
    private readonly store: Pick<ListFeed, 'entriesByKeys'>,
    private readonly budget: { readonly entries: number; readonly ms: number } | null = REQUEST_BUDGET,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** True where the request has used up its entries or its time. */
  get isSpent(): boolean {
    if (this.budget === null) return false;
    if (this.#considered > this.budget.entries) return true;
    return this.#sinceMs !== null && this.nowMs() - this.#sinceMs > this.budget.ms;
  }

  /** Return the entries; null where a person removed one after the snapshot. Errors STORE_FAILED. */
  async read(entryKeys: readonly number[]): Promise<ReadonlyMap<number, StoredEntry | null>> {
    this.#sinceMs ??= this.nowMs();
    this.#considered += entryKeys.length;
    if (this.#entries.size > KEPT_MAX) this.#entries.clear();
    const unread = entryKeys.filter((key) => !this.#entries.has(key));
    const breath = new Breath();
    for (let from = 0; from < unread.length; from += READ_TOGETHER) {
      const keys = unread.slice(from, from + READ_TOGETHER);
      const entries = await this.store.entriesByKeys(keys);
      for (const key of keys) this.#entries.set(key, entries.get(key) ?? null);
      if (breath.isDue) await breath.take();
    }
    return this.#entries;
  }
}
