/**
 * What this process has counted and other processes of the store have not yet: the watches for floods and probing put it in,
 * and `service/join-watches.ts` sends it. Bounded for each tenant; where there is more, what belongs to the largest counts
 * goes first, so a client hides nothing behind smaller ones, and larger ones raise an alarm by themselves.
 */
import { LRUCache } from 'lru-cache';

/** A fact of one watch: its kind, the tenant, and what was counted. */
export type Counted = readonly [kind: string, tenant: string, ...what: (string | number | boolean)[]];

/** Facts of one tenant that wait: several times what one exchange sends. */
const WAITING_MAX = 1_024;
/** Facts of one tenant in one exchange: four times the members of the largest ball that matters near an entry. */
const SENT_MAX = 256;
/** Facts of all tenants in one exchange: some 400 kB. */
const SENT_ALL_MAX = 4_096;
/** As many tenants as are watched at a time. */
const TENANTS_MAX = 256;

interface Weighted {
  readonly counted: Counted;
  readonly weight: number;
}

export class Outbox {
  readonly #waiting = new LRUCache<string, Weighted[]>({ max: TENANTS_MAX });

  /** `weight`: how many the fact is counted with. */
  add(counted: Counted, weight: number): void {
    const [, tenant] = counted;
    const waiting = this.#waiting.get(tenant) ?? [];
    waiting.push({ counted, weight });
    this.#waiting.set(tenant, waiting);
    if (waiting.length >= 2 * WAITING_MAX) heaviestFirst(waiting).splice(WAITING_MAX);
  }

  /** Take what is sent now; the rest waits for the next time. */
  take(): Counted[] {
    const most = Math.min(SENT_MAX, Math.floor(SENT_ALL_MAX / Math.max(1, this.#waiting.size)));
    const taken: Counted[] = [];
    for (const [tenant, waiting] of [...this.#waiting.entries()]) {
      for (const { counted } of heaviestFirst(waiting).splice(0, most)) taken.push(counted);
      if (waiting.length === 0) this.#waiting.delete(tenant);
    }
    return taken;
  }
}

const heaviestFirst = (waiting: Weighted[]) => waiting.sort((a, b) => b.weight - a.weight);
