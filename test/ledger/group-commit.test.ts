import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import { createGroupCommit, LEDGER_GROUP_ROWS } from '../../src/ledger/group-commit.js';
import type { Appended, LedgerGroup } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { memoryLedger } from '../support/memory-ledger.js';

/** A store whose writes wait until the test releases them. */
function gated() {
  const groups: LedgerGroup[] = [];
  const gates: { open: () => void; fail: (error: unknown) => void }[] = [];
  const memory = memoryLedger();
  const store = {
    ...memory,
    append: async (group: LedgerGroup): Promise<readonly Appended[]> => {
      groups.push(group);
      await new Promise<void>((open, fail) => gates.push({ open, fail }));
      return memory.append(group);
    },
  };
  return { store, memory, groups, gates, commit: createGroupCommit(store, { nowMs: () => HOUR }) };
}

const one = () => entry({ tallies: [tally('a', HOUR)] });

test('a lone append is written at once; appends during a write are one group, counts merged', async () => {
  const { commit, groups, gates, memory } = gated();
  const first = commit.append(one());
  expect(groups).toHaveLength(1);
  const rest = Promise.all(Array.from({ length: 10 }, () => commit.append(one())));
  await turn();
  expect(groups, 'one is being written').toHaveLength(1);
  gates[0]!.open();
  await first;
  await turn();
  expect(groups).toHaveLength(2);
  expect(groups[1]!.entries).toHaveLength(1);
  expect(groups[1]!.entries[0]!.tallies).toMatchObject([{ totals: { checked: 10 } }]);
  let isAnswered = false;
  rest.then(() => {
    isAnswered = true;
  });
  await turn();
  expect(isAnswered, 'nothing is answered before it is written').toBe(false);
  gates[1]!.open();
  await rest;
  expect((await memory.verify()).totals.checked).toBe(11);
});

test('a full group is written at once', async () => {
  const { commit, groups, gates } = gated();
  const crowd = Array.from({ length: LEDGER_GROUP_ROWS }, () => commit.append(one()));
  gates[0]!.open();
  await crowd[0];
  await turn();
  gates[1]!.open();
  await Promise.all(crowd);
  // The last group had hundreds: fewer wait for as many, but not for ever.
  const few = commit.append(one());
  expect(groups).toHaveLength(2);
  const many = Array.from({ length: LEDGER_GROUP_ROWS - 2 }, () => commit.append(one()));
  expect(groups).toHaveLength(3);
  gates[2]!.open();
  await Promise.all([few, ...many]);
  const late = commit.append(one());
  while (groups.length < 4) await turn();
  gates[3]!.open();
  await late;
});

test(`${LEDGER_GROUP_ROWS} rows are a full group, also where the last one had more answers`, async () => {
  const { commit, groups, gates } = gated();
  const first = commit.append(one());
  const crowd = Array.from({ length: LEDGER_GROUP_ROWS + 50 }, () => commit.append(one()));
  gates[0]!.open();
  await first;
  await turn();
  gates[1]!.open();
  await Promise.all(crowd);
  const rest = Array.from({ length: LEDGER_GROUP_ROWS - 1 }, () => commit.append(one()));
  expect(groups, 'one row less waits for as many answers as the last group had').toHaveLength(2);
  rest.push(commit.append(one()));
  expect(groups).toHaveLength(3);
  gates[2]!.open();
  await Promise.all(rest);
});

test('each sighting counts as a row of its group', async () => {
  const { commit, groups, gates } = gated();
  const first = commit.append(one());
  const crowd = Array.from({ length: 10 }, () => commit.append(one()));
  gates[0]!.open();
  await first;
  await turn();
  gates[1]!.open();
  await Promise.all(crowd);
  const sightings = Array.from({ length: LEDGER_GROUP_ROWS - 1 }, (_, n) => sighting(n, n));
  const large = commit.append(entry({ sightings }));
  expect(groups, 'the answer and its sightings fill a group').toHaveLength(3);
  gates[2]!.open();
  await large;
});

test('each append gets its own hits and its own outcome', async () => {
  const { commit, gates } = gated();
  const held = commit.append(one());
  const keyed = (fingerprint: string) => entry({ ...one(), idempotency: { key: 'k', fingerprint } });
  const all = Promise.all([
    commit.append(entry({ sightings: [sighting(1, 1), sighting(2, 2)] })),
    commit.append(keyed('f')),
    commit.append(entry({ sightings: [sighting(3, 2)] })),
    commit.append(keyed('f')),
    commit.append(keyed('g')),
    commit.append(entry({ tenant: 'b', sightings: [sighting(4, 1, { tenant: 'b' })] })),
  ]);
  gates[0]!.open();
  await held;
  await turn();
  gates[1]!.open();
  const recorded = (...hits: [id: string, isNew: boolean][]) => ({
    outcome: 'recorded',
    hits: hits.map(([id, isNew]) => ({ id, isNew })),
  });
  expect(await all).toEqual([
    recorded(['H000001', true], ['H000002', true]),
    recorded(),
    recorded(['H000002', false]),
    { outcome: 'repeated', hits: [] },
    { outcome: 'reused' },
    recorded(['H000004', true]),
  ]);
});

test('a failed group fails all its appends, and the next group is tried', async () => {
  const { commit, gates, memory } = gated();
  const failed = commit.append(one());
  const next = commit.append(one());
  gates[0]!.fail(new AppError('LEDGER_FAILED', { why: 'SQLITE_FULL' }));
  await expect(failed).rejects.toMatchObject({ code: 'LEDGER_FAILED' });
  await turn();
  gates[1]!.open();
  await next;
  expect((await memory.verify()).totals.checked).toBe(1);
});
