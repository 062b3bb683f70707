/**
 * How many different questions of one tenant came close to the edge of one entry; matches and near misses apart, since the
 * first are all seen and the second sampled. Copies of a listed picture lie well inside, other pictures far outside, and who
 * looks for where the one becomes the other in between.
 */
import { LRUCache } from 'lru-cache';

/** Bits on either side of the radius. Copies (recompressed, resized) lie within 10 bits of 31, other pictures at 80 and more. */
export const EDGE_BITS = 8;
export const EDGE_WINDOW_MS = 86_400_000;
/** Entries and tenants that are watched at a time; the ones that were met longest ago are forgotten. */
const EDGES_MAX = 10_000;

export class EdgeWatch {
  readonly #edges = new LRUCache<string, { readonly beganMs: number; readonly questions: Set<number> }>({
    max: EDGES_MAX,
  });

  /** `questionsMax`: none is counted beyond. */
  constructor(readonly questionsMax: number) {}

  /** Result: different questions at this edge since the first of the day. `question`: tells them apart. */
  note(tenant: string, entry: string, question: number, nowMs: number): number {
    const key = `${tenant} ${entry}`;
    let edge = this.#edges.get(key);
    if (!edge || nowMs - edge.beganMs >= EDGE_WINDOW_MS) {
      edge = { beganMs: nowMs, questions: new Set() };
      this.#edges.set(key, edge);
    }
    if (edge.questions.size < this.questionsMax) edge.questions.add(question);
    return edge.questions.size;
  }
}
