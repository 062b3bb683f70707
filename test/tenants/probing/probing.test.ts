/** Searches for the value of an entry raise an alarm; usual traffic does not. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Match } from '../../../src/check/policy.js';
import { BALL_RADIUS_BITS, BALL_WINDOW_MS, BallWatch } from '../../../src/tenants/probing/ball-watch.js';
import { EDGE_BITS, EDGE_WINDOW_MS, EdgeWatch } from '../../../src/tenants/probing/edge-watch.js';
import { BALL_QUERIES, BALL_QUERIES_NEAR_ENTRY, EDGE_QUERIES, Probing } from '../../../src/tenants/probing/probing.js';
import { randomBytes, seeded } from '../../support/random.js';

const RADIUS = 31;
const START_MS = Date.parse('2026-09-14T10:00:00Z');

/** Return the distance, bit by bit, without code of the watch. */
function distance(a: Uint8Array, b: Uint8Array): number {
  let bits = 0;
  for (let bit = 0; bit < 256; bit++) {
    if (((a[bit >> 3]! >> (bit & 7)) & 1) !== ((b[bit >> 3]! >> (bit & 7)) & 1)) bits++;
  }
  return bits;
}

const words = (hash: Uint8Array) => new Uint32Array(new Uint8Array(hash).buffer);

/** One list of one entry, queried as the service queries it. */
class Simulated {
  readonly alarms: { tenant: string; kind: string; queries: number }[] = [];
  readonly clock = { atMs: START_MS, nowMs: () => this.clock.atMs, monotonicMs: () => this.clock.atMs };
  asked = 0;
  readonly #probing: Probing;

  constructor(readonly entry: Uint8Array) {
    this.#probing = new Probing({
      clock: this.clock,
      nearMisses: (_algorithm, hash) => {
        const bits = distance(hash, this.entry);
        return bits > RADIUS && bits <= RADIUS + EDGE_BITS ? [{ entryKey: 1 }] : [];
      },
      onAlarm: (tenant, kind, queries) => this.alarms.push({ tenant, kind, queries }),
    });
  }

  ask(hashes: readonly Uint8Array[], { tenant = 't', radius = RADIUS, suppressed = false } = {}): boolean[] {
    this.asked += hashes.length;
    const bits = hashes.map((hash) => distance(hash, this.entry));
    const decisions = new Map(
      bits.flatMap((one, at) => {
        const match = {
          list: 'l',
          entryId: 'e',
          algorithm: 'pdq',
          matchType: 'near',
          distance: one,
          radius,
          suppressed,
        };
        return one <= radius ? [[at, { matches: [match as Match] }]] : [];
      }),
    );
    this.#probing.note(tenant, 'pdq', Buffer.concat(hashes), decisions);
    return bits.map((one) => one <= radius);
  }
}

let random: ReturnType<typeof seeded>;
beforeEach(() => {
  random = seeded(20_260_914);
});
const someHash = () => randomBytes(random, 32);
function flipBits(hash: Uint8Array, bits: readonly number[]): Uint8Array {
  const flipped = hash.slice();
  for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}
const flipSome = (hash: Uint8Array, count: number) => {
  const bits = new Set<number>();
  while (bits.size < count) bits.add(Math.floor(random() * 256));
  return flipBits(hash, [...bits]);
};

describe('a search is noticed before the value is known', () => {
  /** Walk from a copy to the edge, then flip each bit: 256 answers give all 256 bits. */
  function search(world: Simulated, ask: (hash: Uint8Array) => boolean): Uint8Array {
    let edge = flipSome(world.entry, 12);
    for (let bit = 0; bit < 256; bit++) {
      const further = flipBits(edge, [bit]);
      // The last that matched: one bit more or less decides.
      if (!ask(further)) break;
      edge = further;
    }
    const known = edge.slice();
    for (let bit = 0; bit < 256; bit++) {
      if (!ask(flipBits(edge, [bit]))) continue;
      known.set(flipBits(known, [bit]));
    }
    return known;
  }

  test('one query at a time', () => {
    const world = new Simulated(someHash());
    let askedAtAlarm = 0;
    const found = search(world, (hash) => {
      const [matched] = world.ask([hash]);
      if (world.alarms.length > 0 && askedAtAlarm === 0) askedAtAlarm = world.asked;
      return matched!;
    });
    // The search itself works; otherwise the test would show nothing.
    expect(distance(found, world.entry)).toBeLessThanOrEqual(1);
    expect(world.alarms.length).toBeGreaterThanOrEqual(1);
    expect(askedAtAlarm).toBeGreaterThan(0);
    expect(askedAtAlarm).toBeLessThan(133);
  });

  test('all in one batch, among 200,000 other hashes', () => {
    const world = new Simulated(someHash());
    const edge = flipSome(world.entry, RADIUS);
    const hashes = Array.from({ length: 200_000 }, someHash);
    for (let bit = 0; bit < 256; bit++) hashes[bit * 700] = flipBits(edge, [bit]);
    world.ask(hashes);
    expect(world.alarms.map(({ kind }) => kind)).toContain('edge');
  });

  test('with a radius that the client sets, which gives the distance', () => {
    const world = new Simulated(someHash());
    for (let n = 0; n < 40; n++) {
      const hash = flipSome(world.entry, 10 + (n % 15));
      for (const radius of [8, 12, 16, 20, 24]) world.ask([hash], { radius });
    }
    expect(world.alarms.map(({ kind }) => kind)).toContain('edge');
  });

  test('only outside the radius, where nothing matches', () => {
    const world = new Simulated(someHash());
    const outside = flipSome(world.entry, RADIUS + 4);
    for (let n = 0; n < BALL_QUERIES_NEAR_ENTRY * 2; n++) {
      world.clock.atMs += 500;
      world.ask([flipSome(outside, 2)]);
    }
    expect(world.alarms.length).toBeGreaterThanOrEqual(1);
  });

  test('around a hash far from every entry: a ball alarm, after many more queries', () => {
    const world = new Simulated(someHash());
    const centre = someHash();
    for (let n = 0; n < BALL_QUERIES / 2; n++) world.ask([flipSome(centre, 15)]);
    expect(world.alarms).toEqual([]);
    for (let n = 0; n < BALL_QUERIES; n++) {
      world.clock.atMs += 10;
      world.ask([flipSome(centre, 15)]);
    }
    expect(world.alarms).toEqual([expect.objectContaining({ kind: 'ball' })]);
    expect(Math.abs(world.alarms[0]!.queries - BALL_QUERIES) / BALL_QUERIES).toBeLessThan(0.05);
  });

  test('an alarm is raised once an hour, for each tenant', () => {
    const world = new Simulated(someHash());
    const walk = (tenant: string) => {
      for (let n = 0; n < EDGE_QUERIES; n++) world.ask([flipSome(world.entry, RADIUS)], { tenant });
    };
    for (const tenant of ['a', 'a', 'b']) walk(tenant);
    expect(world.alarms.map(({ tenant }) => tenant)).toEqual(['a', 'b']);
    world.clock.atMs += 3_600_000;
    walk('a');
    expect(world.alarms.map(({ tenant }) => tenant)).toEqual(['a', 'b', 'a']);
  });
});

describe('usual traffic raises no alarm', () => {
  test('the same query repeated', () => {
    const world = new Simulated(someHash());
    const hash = flipSome(world.entry, RADIUS);
    for (let n = 0; n < 5_000; n++) world.ask([hash]);
    expect(world.alarms).toEqual([]);
  });

  test('copies of listed images, well inside the radius; other images, far outside', () => {
    const world = new Simulated(someHash());
    for (let n = 0; n < 50; n++) world.ask([flipSome(world.entry, Math.floor(random() * 12))]);
    for (let n = 0; n < 20; n++) world.ask(Array.from({ length: 5_000 }, someHash));
    expect(world.alarms).toEqual([]);
  });

  test('a hundred images of one scene; twenty sizes of each of fifty images', () => {
    const world = new Simulated(someHash());
    const scene = someHash();
    for (let n = 0; n < 100; n++) world.ask([flipSome(scene, 12)]);
    for (let picture = 0; picture < 50; picture++) {
      const original = someHash();
      world.ask(Array.from({ length: 20 }, () => flipSome(original, 6)));
    }
    expect(world.alarms).toEqual([]);
  });

  test('suppressed matches at the edge of the radius', () => {
    const world = new Simulated(someHash());
    for (let n = 0; n < 100; n++) world.ask([flipSome(world.entry, RADIUS)], { suppressed: true });
    expect(world.alarms).toEqual([]);
  });
});

describe('a ball', () => {
  test('counts what is within its radius, and nothing else', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 64 }), (seed, bits) => {
        random = seeded(seed);
        const watch = new BallWatch(1);
        const centre = someHash();
        watch.note(words(centre), false, 0);
        const { members } = watch.note(words(flipSome(centre, bits)), false, 0);
        // Two hashes set the same bit of the bitmap once in a thousand.
        if (bits > BALL_RADIUS_BITS) expect(members).toBe(1);
        else expect([1, 2]).toContain(members);
      }),
    );
  });

  test('counts different hashes to within a tenth', () => {
    const watch = new BallWatch(5);
    const centre = someHash();
    let last = { members: 0, isNearEntry: false };
    watch.note(words(centre), false, 0);
    for (let n = 0; n < 199; n++) last = watch.note(words(flipSome(centre, 9)), n === 50, 0);
    expect(Math.abs(last.members - 200)).toBeLessThan(20);
    expect(last.isNearEntry).toBe(true);
  });

  test('ends after its window, and outlives ten thousand other hashes', () => {
    const watch = new BallWatch(5);
    const centre = someHash();
    const grow = (count: number, atMs: number) => {
      let members = 0;
      for (let n = 0; n < count; n++) members = watch.note(words(flipSome(centre, 9)), false, atMs).members;
      return members;
    };
    grow(20, 0);
    for (let n = 0; n < 10_000; n++) watch.note(words(someHash()), false, 1);
    expect(grow(1, BALL_WINDOW_MS - 1)).toBeGreaterThanOrEqual(18);
    expect(grow(1, BALL_WINDOW_MS)).toBe(1);
  });
});

test('an edge counts different queries, by tenant and entry, for a day', () => {
  const watch = new EdgeWatch(3);
  expect([1, 1, 2].map((question) => watch.note('t', 'e', question, 0))).toEqual([1, 1, 2]);
  expect(watch.note('u', 'e', 3, 0)).toBe(1);
  expect(watch.note('t', 'f', 3, 0)).toBe(1);
  expect(watch.note('t', 'e', 3, EDGE_WINDOW_MS - 1)).toBe(3);
  expect(watch.note('t', 'e', 4, EDGE_WINDOW_MS - 1)).toBe(3);
  expect(watch.note('t', 'e', 4, EDGE_WINDOW_MS)).toBe(1);
});
