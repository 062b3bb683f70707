/**
 * Counts a tenant's different queries near the edge of one entry; matches and near misses separately, since all matches
 * are seen and near misses are sampled. Copies of a listed image lie well inside, unrelated images far outside, and a
 * search for the edge in between.
 */
import { LRUCache } from 'lru-cache';

/** Bits on either side of the radius. Copies (recompressed, resized) lie within 10 bits of 31, unrelated images at 80 or more. */
export const EDGE_BITS = 8;
export const EDGE_WINDOW_MS = 86_400_000;
/** Pairs of entry and tenant watched at a time; the least recently seen are evicted. */
const EDGES_MAX = 10_000;

export class EdgeWatch {
  readonly #edges = new LRUCache<string, { readonly beganMs: number; readonly queries: Set<number> }>({
    max: EDGES_MAX,
  });

  /** `queriesMax`: counting stops there. */
  constructor(
    readonly queriesMax: number,
    readonly windowMs = EDGE_WINDOW_MS,
    /** Called with each query that is counted and was asked of this process. */
    readonly onNew: (tenant: string, entry: string, query: number, queries: number) => void = () => {},
  ) {}

  /**
   * Result: different queries at this edge since the window's first. `query`: identifies the query.
   * `isOther`: asked of another process.
   */
  note(tenant: string, entry: string, query: number, nowMs: number, isOther = false): number {
    const key = `${tenant} ${entry}`;
    let edge = this.#edges.get(key);
    if (!edge || nowMs - edge.beganMs >= this.windowMs) {
      edge = { beganMs: nowMs, queries: new Set() };
      this.#edges.set(key, edge);
    }
    if (edge.queries.size < this.queriesMax && !edge.queries.has(query)) {
      edge.queries.add(query);
      if (!isOther) this.onNew(tenant, entry, query, edge.queries.size);
    }
    return edge.queries.size;
  }
}
