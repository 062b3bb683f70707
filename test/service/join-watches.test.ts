/** Watches of several processes on one store count as one does: at the same thresholds, wherever a query is asked. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FloodGuard } from '../../src/check/flood-guard.js';
import { Outbox } from '../../src/check/outbox.js';
import type { Match } from '../../src/check/policy.js';
import { joinWatches } from '../../src/service/join-watches.js';
import type { NoteStore } from '../../src/store/notes-contract.js';
import type { Store } from '../../src/store/store.js';
import { BALL_QUERIES_NEAR_ENTRY, EDGE_QUERIES, Probing } from '../../src/tenants/probing/probing.js';
import { Vault } from '../../src/vault/vault.js';
import { backends } from '../store/backends.js';
import { randomBytes, seeded } from '../support/random.js';

const RADIUS = 31;
const PLACES = 5;
const clock = { nowMs: () => 1_789_000_000_000, monotonicMs: () => 1_000_000 };
const vault = () => new Vault(() => [{ id: 1, key: new Uint8Array(32).fill(7) }]);
const toFail = (error: unknown) => {
  throw error;
};

/** One process: its watches, and what they raised. */
function startProcess(
  store: NoteStore,
  onError: (error: unknown) => void = toFail,
  sealing: { readonly vault: Vault; learnKeys(): Promise<void> } = { vault: vault(), learnKeys: async () => {} },
) {
  const outbox = new Outbox();
  const onCounted: Outbox['add'] = (...counted) => outbox.add(...counted);
  const alarms: string[] = [];
  const floods: string[] = [];
  const onAlarm = (tenant: string, kind: string) => void alarms.push(`${tenant} ${kind}`);
  const probing = new Probing({ clock, nearMisses: () => [], onAlarm, seed: 42, onCounted });
  const guard = new FloodGuard(
    PLACES,
    clock,
    ({ entryId }, tenant) => void floods.push(`${tenant} ${entryId}`),
    onCounted,
  );
  const joined = joinWatches({
    store,
    ...sealing,
    outbox,
    apply: (counted) => {
      guard.apply(counted);
      probing.apply(counted);
    },
    onError,
  });
  /** `distance` null: no match. */
  const ask = (hash: Uint8Array, distance: number | null, tenant = 't') => {
    const match = { list: 'l', entryId: 'e', algorithm: 'pdq', matchType: 'near', distance, radius: RADIUS };
    const decisions = new Map(distance === null ? [] : [[0, { matches: [match as Match] }]]);
    probing.note(tenant, 'pdq', hash, decisions);
  };
  return { joined, guard, ask, alarms, floods };
}
type Process = ReturnType<typeof startProcess>;

/** Three rounds: in the first, some have not sent yet when others read; the second brings what a first note has revealed. */
async function exchange(processes: readonly Process[]): Promise<void> {
  for (let round = 0; round < 3; round++) for (const { joined } of processes) await joined.exchange();
}

/** Hashes that differ from `base` in one bit each, none of them of the same. */
const walk = (base: Uint8Array, count: number) =>
  Array.from({ length: count }, (_, bit) => {
    const hash = Uint8Array.from(base);
    hash[bit >> 3]! ^= 1 << (bit & 7);
    return hash;
  });

for (const place of backends) {
  describe(place.name, () => {
    const opened: Store[] = [];
    const processes: Process[] = [];
    beforeEach(() => place.fresh());
    afterEach(async () => {
      for (const { joined } of processes.splice(0)) await joined.close();
      for (const store of opened.splice(0)) await store.close();
    });
    async function start(count: number): Promise<Process[]> {
      for (let n = 0; n < count; n++) {
        const store = await place.open();
        opened.push(store);
        processes.push(startProcess(store.notes));
      }
      return processes;
    }
    const alarmed = () => processes.filter(({ alarms }) => alarms.length > 0).length;

    test(`${BALL_QUERIES_NEAR_ENTRY} queries near an entry alarm wherever they are asked, and fewer do not`, async () => {
      const oracle = startProcess(memoryNotes());
      // Deep inside the radius: no edge.
      const hashes = walk(randomBytes(seeded(3), 32), 80);
      let asked = 0;
      for (; oracle.alarms.length === 0; asked++) oracle.ask(hashes[asked]!, 5);
      await oracle.joined.close();
      // Linear counting is accurate to a few percent.
      expect(Math.abs(asked - BALL_QUERIES_NEAR_ENTRY)).toBeLessThanOrEqual(3);
      const fleet = await start(2);
      for (const [at, hash] of hashes.slice(0, asked - 1).entries()) fleet[at % 2]!.ask(hash, 5);
      await exchange(fleet);
      expect(alarmed()).toBe(0);
      fleet[0]!.ask(hashes[asked - 1]!, 5);
      await exchange(fleet);
      expect(fleet.map(({ alarms }) => alarms)).toEqual([['t ball'], ['t ball']]);
    });

    test('what is near an entry in one process counts with what is not in another', async () => {
      const fleet = await start(3);
      const oracle = startProcess(memoryNotes());
      const hashes = walk(randomBytes(seeded(4), 32), 80);
      for (let at = 0; oracle.alarms.length === 0; at++) {
        const distance = at === 0 ? 5 : null;
        oracle.ask(hashes[at]!, distance);
        fleet[at % 3]!.ask(hashes[at]!, distance);
      }
      await oracle.joined.close();
      await exchange(fleet);
      expect(fleet.map(({ alarms }) => alarms)).toEqual([['t ball'], ['t ball'], ['t ball']]);
    });

    test(`${EDGE_QUERIES} queries at an edge alarm, one fewer and those of other tenants do not`, async () => {
      const fleet = await start(2);
      const hashes = walk(randomBytes(seeded(5), 32), EDGE_QUERIES);
      for (const [at, hash] of hashes.slice(1).entries()) {
        fleet[at % 2]!.ask(hash, RADIUS);
        // Asked in both, it is one query.
        fleet[1]!.ask(hash, RADIUS);
      }
      fleet[0]!.ask(hashes[0]!, RADIUS, 'other');
      await exchange(fleet);
      expect(alarmed()).toBe(0);
      fleet[0]!.ask(hashes[0]!, RADIUS);
      await exchange(fleet);
      expect(fleet.map(({ alarms }) => alarms)).toEqual([['t edge'], ['t edge']]);
    });

    test('a flood over several processes is one flood; one place in both is one', async () => {
      const fleet = await start(2);
      const entry = { list: 'l', entryId: 'e' };
      for (const one of fleet) for (let n = 0; n < PLACES - 1; n++) one.guard.note(entry, 't', `place ${n}`);
      fleet[0]!.guard.note(entry, 't', 'one more');
      await exchange(fleet);
      expect(fleet.flatMap(({ floods }) => floods)).toEqual([]);
      fleet[1]!.guard.note(entry, 't', 'over');
      await exchange(fleet);
      expect(fleet.map(({ floods }) => floods)).toEqual([['t e'], ['t e']]);
    });

    test('what a process that died has sent still counts; what is stored shows nothing of it', async () => {
      const [dead, alive] = (await start(2)) as [Process, Process];
      const hashes = walk(randomBytes(seeded(6), 32), EDGE_QUERIES);
      for (const hash of hashes.slice(1)) dead.ask(hash, RADIUS, 'tenant-name');
      await dead.joined.exchange();
      const notes = await opened[1]!.notes.receive('reader', new Map(), 10);
      expect(notes).toHaveLength(1);
      const stored = Buffer.from(notes[0]!.body).toString('latin1');
      expect(stored).not.toContain('tenant-name');
      for (const hash of hashes) expect(stored).not.toContain(Buffer.from(hash).toString('base64'));
      alive.ask(hashes[0]!, RADIUS, 'tenant-name');
      await alive.joined.exchange();
      expect(alive.alarms).toEqual(['tenant-name edge']);
    });
  });
}

/** Notes in memory, as the contract says. */
function memoryNotes(): NoteStore & { isCut: boolean } {
  const notes: Parameters<NoteStore['send']>[0][] = [];
  let calls = 0;
  const store = {
    isCut: false,
    async send(note: (typeof notes)[number]) {
      calls++;
      if (store.isCut && calls % 2 === 0) throw new Error('cut off');
      if (!notes.some(({ writer, number }) => writer === note.writer && number === note.number)) notes.push(note);
      // It is there, and the response is lost.
      if (store.isCut) throw new Error('cut off');
    },
    async receive(reader: string, seen: ReadonlyMap<string, number>, max: number) {
      if (store.isCut) throw new Error('cut off');
      const others = notes.filter(({ writer, number }) => writer !== reader && number > (seen.get(writer) ?? 0));
      return others.slice(0, max);
    },
  };
  return store;
}

test('a store that cannot be reached for a while delays the alarm, and loses and doubles nothing', async () => {
  const store = memoryNotes();
  const errors: unknown[] = [];
  const [a, b] = [0, 1].map(() => startProcess(store, (error) => errors.push(error))) as [Process, Process];
  store.isCut = true;
  for (const hash of walk(randomBytes(seeded(7), 32), EDGE_QUERIES - 1)) {
    a.ask(hash, RADIUS);
    await a.joined.exchange();
  }
  b.ask(randomBytes(seeded(8), 32), RADIUS);
  expect(errors).toHaveLength(EDGE_QUERIES - 1);
  store.isCut = false;
  await exchange([a, b]);
  expect([a.alarms, b.alarms]).toEqual([['t edge'], ['t edge']]);
  for (const { joined } of [a, b]) await joined.close();
});

test('notes sealed by a new key are read once it is learned', async () => {
  const store = memoryNotes();
  const [first, second] = [1, 2].map((id) => ({ id, key: new Uint8Array(32).fill(id) }));
  const known = [first!];
  const old = new Vault(() => known);
  const rotated = { vault: new Vault(() => [first!, second!]), learnKeys: async () => {} };
  const a = startProcess(store, toFail, rotated);
  // As the vault of PostgreSQL, which loads no key by itself.
  const b = startProcess(store, toFail, { vault: old, learnKeys: async () => old.refresh([first!, second!]) });
  for (const hash of walk(randomBytes(seeded(7), 32), EDGE_QUERIES)) a.ask(hash, RADIUS);
  await exchange([a, b]);
  expect(b.alarms).toEqual(['t edge']);
  for (const { joined } of [a, b]) await joined.close();
});

test('a client hides a search neither behind other values nor behind unlisted ones near each other', async () => {
  const store = memoryNotes();
  const [a, b] = [startProcess(store), startProcess(store)];
  const random = seeded(9);
  const hashes = walk(randomBytes(random, 32), 80);
  for (const [at, hash] of hashes.entries()) {
    const one = at % 2 ? a : b;
    // More pairs than are sent and than wait, each a ball of two.
    for (let n = 0; n < 20; n++) for (const decoy of walk(randomBytes(random, 32), 2)) one.ask(decoy, null);
    one.ask(hash, 5);
  }
  await exchange([a, b]);
  expect([a.alarms, b.alarms]).toEqual([['t ball'], ['t ball']]);
  for (const { joined } of [a, b]) await joined.close();
});

test('any split over any number of processes alarms as one process does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.record({ bit: fc.nat(99), process: fc.nat(4), isLater: fc.boolean() }), {
        maxLength: 150,
        size: 'max',
      }),
      fc.nat(1_000),
      async (count, queries, seed) => {
        const store = memoryNotes();
        const fleet = Array.from({ length: count }, () => startProcess(store));
        const oracle = startProcess(memoryNotes());
        const hashes = walk(randomBytes(seeded(seed), 32), 100);
        for (const { bit, process, isLater } of queries) {
          // One query has one answer.
          const distance = bit % 4 === 0 ? RADIUS : 5;
          oracle.ask(hashes[bit]!, distance);
          fleet[process % count]!.ask(hashes[bit]!, distance);
          if (isLater) await fleet[process % count]!.joined.exchange();
        }
        await exchange(fleet);
        for (const { alarms } of fleet) expect(alarms.toSorted()).toEqual(oracle.alarms.toSorted());
        for (const { joined } of [...fleet, oracle]) await joined.close();
      },
    ),
    { numRuns: 60 },
  );
});
