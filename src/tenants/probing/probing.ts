/**
 * Detects a client that searches for an entry's value. Without the scope `details` each query reveals one bit: match or
 * no match. With a copy at the edge, 256 queries, each with another bit flipped, reveal the value.
 *
 * Sampled, so that batches of millions cost no more than a few milliseconds a second; all matches are inspected, since
 * they are few, and a search needs many of them.
 */
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Counted } from '../../check/outbox.js';
import type { Decision, Match } from '../../check/policy.js';
import type { Clock } from '../../core/clock.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { HammingAlgorithm } from '../../lists/snapshot.js';
import type { AlarmKind } from '../../store/tenants-contract.js';
import { TokenBucket } from '../token-bucket.js';
import { BALL_WINDOW_MS, type Ball, BallWatch, fingerprint } from './ball-watch.js';
import { EDGE_BITS, EDGE_WINDOW_MS, EdgeWatch } from './edge-watch.js';
import type { NearMiss } from './near-miss.js';

/**
 * With `details` each query reveals a distance, and about 2 × 256 / log2(256) = 64 of them determine the value; without,
 * each reveals one of the log2 C(256, 31) = 133 missing bits. A camera's burst or the sizes of one listed image are fewer.
 */
export const BALL_QUERIES_NEAR_ENTRY = 64;
/** Where no entry is near, a query reveals only absence. A fixed camera with an image each 3.5 seconds gets there in an hour. */
export const BALL_QUERIES = 1_024;
/** A search that flips one bit after the other at the edge of 31 bits meets 31 matches: two thirds of those. */
export const EDGE_QUERIES = 20;
/** PhotoDNA: the outermost quarter of the radius, as `EDGE_BITS` is of 31 bits. */
const VECTOR_EDGE_SHARE = 0.25;
/** Hashes inspected a second and tenant, 13 µs each: all uploads by people, 1 % of a core for batches. */
const SAMPLES = { perSecond: 1_000, burst: 4_000 };
/** Searches beyond the radius a second, for all tenants together; as many again for growing balls. */
const NEAR_MISSES = { perSecond: 25, burst: 50 };
/** A ball with so many members is worth a search for near entries. */
const GROWING_MEMBERS = 8;
const TENANTS_MAX = 256;
/** Pause between two alarms of one kind and tenant. */
export const ALARM_PAUSE_MS = 3_600_000;

interface ProbingParts {
  readonly clock: Clock;
  nearMisses(algorithm: HammingAlgorithm, hash256: Uint8Array): readonly NearMiss[];
  onAlarm(tenant: string, kind: AlarmKind, queries: number): void;
  /** The same in every process of a store, and secret; by default one of this process. */
  readonly seed?: number;
  /** Called with what other processes should count too. `weight`: how many it is counted with. */
  onCounted?(counted: Counted, weight: number): void;
}

/** What is near an entry goes before everything else: 1,024 is a larger count than any that raises an alarm there. */
const NEAR_WEIGHT = BALL_QUERIES;
/** Kinds of what is counted. */
const KINDS = { pdq: 'ball-pdq', blockhash: 'ball-blockhash', edge: 'edge', vectors: 'vectors' } as const;

interface TenantWatch {
  readonly balls: Record<HammingAlgorithm, BallWatch>;
  readonly samples: TokenBucket;
}

export class Probing {
  readonly #seed: number;
  readonly #tenants = new LRUCache<string, TenantWatch>({ max: TENANTS_MAX });
  readonly #edges = new EdgeWatch(EDGE_QUERIES, EDGE_WINDOW_MS, (tenant, entry, query, queries) =>
    this.#report([KINDS.edge, tenant, entry, query], NEAR_WEIGHT + queries),
  );
  /** Different PhotoDNA values that matched an entry, at any distance. */
  readonly #vectors = new EdgeWatch(BALL_QUERIES_NEAR_ENTRY, BALL_WINDOW_MS, (tenant, entry, query, queries) =>
    this.#report([KINDS.vectors, tenant, entry, query], NEAR_WEIGHT + queries),
  );
  readonly #nearMisses = { usual: new TokenBucket(), growing: new TokenBucket() };
  readonly #alarmedMs = new Map<string, number>();

  constructor(private readonly parts: ProbingParts) {
    this.#seed = parts.seed ?? randomInt(2 ** 47);
  }

  /** Count what another process has counted, of this kind of watch; other kinds are ignored. */
  apply([kind, tenant, ...what]: Counted): void {
    const nowMs = this.parts.clock.monotonicMs();
    if (kind === KINDS.pdq || kind === KINDS.blockhash) {
      const [hash, isNear] = what as [string, boolean];
      const algorithm = kind === KINDS.pdq ? 'pdq' : 'blockhash';
      this.#noteBall(tenant, algorithm, wordsAt(Buffer.from(hash, 'base64'), 0), isNear, nowMs, true);
    }
    const [entry, query] = what as [string, number];
    if (kind === KINDS.edge) this.#noteEdge(tenant, entry, query, nowMs, true);
    if (kind === KINDS.vectors) this.#noteVector(tenant, entry, query, nowMs, true);
  }

  /** Record a batch after its answer. Shape: `values`: N × 32 bytes. `decisions`: those that matched, by position. */
  note(
    tenant: string,
    algorithm: HammingAlgorithm,
    values: Uint8Array,
    decisions: ReadonlyMap<number, Pick<Decision, 'matches'>>,
  ): void {
    const nowMs = this.parts.clock.monotonicMs();
    for (const [position, { matches }] of decisions) this.#noteEdges(tenant, wordsAt(values, position), matches, nowMs);
    const watch = this.#watchOf(tenant);
    const count = values.length / HASH256_BYTES;
    const sampled = takeUpTo(watch.samples, count, nowMs);
    // One of each stretch, at a place that a client cannot predict.
    const step = count / Math.max(1, sampled);
    for (let n = 0; n < sampled; n++) {
      const position = Math.min(count - 1, Math.floor((n + Math.random()) * step));
      const hash = wordsAt(values, position);
      const isMatch = decisions.get(position)?.matches.some(isCounted) ?? false;
      const ball = this.#noteBall(tenant, algorithm, hash, isMatch, nowMs);
      if (!isMatch && this.#missesNearly(tenant, algorithm, hash, ball, nowMs)) {
        this.#noteBall(tenant, algorithm, hash, true, nowMs);
      }
    }
  }

  /**
   * Record PhotoDNA values after their answer, by their matches alone: a search for near misses would scan every value.
   * Shape: `values`: N × 144 bytes.
   */
  noteVectors(tenant: string, values: Uint8Array, decisions: ReadonlyMap<number, Pick<Decision, 'matches'>>): void {
    const nowMs = this.parts.clock.monotonicMs();
    for (const [position, { matches }] of decisions) {
      const query = fingerprint(wordsAt(values, position, VALUE_BYTES.photodna), this.#seed);
      for (const match of matches) {
        const { algorithm, distance, radius, list, entryId } = match;
        if (algorithm !== 'photodna' || !isCounted(match)) continue;
        const entry = JSON.stringify([algorithm, list, entryId]);
        if (distance > radius * (1 - VECTOR_EDGE_SHARE)) this.#noteEdge(tenant, entry, query, nowMs);
        this.#noteVector(tenant, entry, query, nowMs);
      }
    }
  }

  #noteBall(
    tenant: string,
    algorithm: HammingAlgorithm,
    hash: Uint32Array,
    isNear: boolean,
    nowMs: number,
    isOther = false,
  ): Ball {
    const ball = this.#watchOf(tenant).balls[algorithm].note(hash, isNear, nowMs, isOther);
    const { members, isNearEntry } = ball;
    if (members >= (isNearEntry ? BALL_QUERIES_NEAR_ENTRY : BALL_QUERIES)) this.#alarm(tenant, 'ball', members, nowMs);
    for (const one of ball.reported) {
      const text = Buffer.from(one.hash.buffer, one.hash.byteOffset, HASH256_BYTES).toString('base64');
      this.#report([KINDS[algorithm], tenant, text, one.isNearEntry], members + (isNearEntry ? NEAR_WEIGHT : 0));
    }
    return ball;
  }

  #noteVector(tenant: string, entry: string, query: number, nowMs: number, isOther = false): void {
    const queries = this.#vectors.note(tenant, entry, query, nowMs, isOther);
    if (queries >= BALL_QUERIES_NEAR_ENTRY) this.#alarm(tenant, 'ball', queries, nowMs);
  }

  #report(counted: Counted, weight: number): void {
    this.parts.onCounted?.(counted, weight);
  }

  #noteEdges(tenant: string, hash: Uint32Array, matches: readonly Match[], nowMs: number): void {
    for (const match of matches) {
      const { matchType, algorithm, distance, radius, list, entryId } = match;
      if (matchType !== 'near' || algorithm === 'photodna' || !isCounted(match) || distance <= radius - EDGE_BITS)
        continue;
      // A narrower radius moves the edge: the same hash is then another query.
      this.#noteEdge(tenant, JSON.stringify([list, entryId]), fingerprint(hash, this.#seed ^ radius), nowMs);
    }
  }

  #missesNearly(
    tenant: string,
    algorithm: HammingAlgorithm,
    hash: Uint32Array,
    { members }: Ball,
    nowMs: number,
  ): boolean {
    const budget = members >= GROWING_MEMBERS ? this.#nearMisses.growing : this.#nearMisses.usual;
    if (budget.take(1, NEAR_MISSES, nowMs) > 0) return false;
    const missed = this.parts.nearMisses(algorithm, new Uint8Array(hash.buffer, hash.byteOffset, HASH256_BYTES));
    for (const { entryKey } of missed) {
      this.#noteEdge(tenant, String(entryKey), fingerprint(hash, this.#seed), nowMs);
    }
    return missed.length > 0;
  }

  #noteEdge(tenant: string, entry: string, query: number, nowMs: number, isOther = false): void {
    const queries = this.#edges.note(tenant, entry, query, nowMs, isOther);
    if (queries >= EDGE_QUERIES) this.#alarm(tenant, 'edge', queries, nowMs);
  }

  #alarm(tenant: string, kind: AlarmKind, queries: number, nowMs: number): void {
    const key = `${kind} ${tenant}`;
    if (nowMs - (this.#alarmedMs.get(key) ?? -Infinity) < ALARM_PAUSE_MS) return;
    this.#alarmedMs.set(key, nowMs);
    this.parts.onAlarm(tenant, kind, queries);
  }

  #watchOf(tenant: string): TenantWatch {
    const found = this.#tenants.get(tenant);
    if (found) return found;
    const made = {
      balls: { pdq: new BallWatch(this.#seed), blockhash: new BallWatch(this.#seed) },
      samples: new TokenBucket(),
    };
    this.#tenants.set(tenant, made);
    return made;
  }
}

/** Quarantined entries match too much by definition, and suppressed matches reveal no secret entry. */
const isCounted = ({ suppressed }: Match) => !suppressed;

/** Copy the row, since it may be unaligned in its buffer. */
function wordsAt(values: Uint8Array, position: number, width = HASH256_BYTES): Uint32Array {
  const at = position * width;
  return new Uint32Array(new Uint8Array(values.subarray(at, at + width)).buffer);
}

/** Take as many of `count` as the bucket has. */
function takeUpTo(bucket: TokenBucket, count: number, nowMs: number): number {
  for (let wanted = Math.min(count, SAMPLES.burst); wanted >= 1; wanted = Math.floor(wanted / 2)) {
    if (bucket.take(wanted, SAMPLES, nowMs) === 0) return wanted;
  }
  return 0;
}
