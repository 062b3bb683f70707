/** Rows inspected in a thread are found like those that are inspected at once, wherever they are. */
import { expect, test } from 'vitest';
import { listRows } from '../../../bench/list-rows.js';
import { pdqLike } from '../../../bench/pdq-like.js';
import { inBatches, oneByOne } from '../../../src/core/batches.js';
import { parseHash256 } from '../../../src/core/hash256.js';
import type { ParsedRow } from '../../../src/core/parsed-row.js';
import { shippedCanaries } from '../../../src/lists/import/canaries.js';
import { openReview } from '../../../src/lists/import/import-review.js';
import { PDQ_PER_BATCH, PdqGate } from '../../../src/lists/import/pdq-gate.js';
import type { Draft, ListReader } from '../../../src/store/lists-contract.js';

const DRAFT: Draft = {
  mode: 'replace',
  entriesBefore: 0,
  entriesAfter: 0,
  added: 0,
  removed: 0,
  rows: 0,
  rejectedByReason: {},
  knownGood: 0,
  mostRowsOfOneValue: 1,
  isNew: () => true,
};
const NO_LISTS = { lists: async () => [] } as unknown as ListReader;
/** Two whole batches and a part of one. */
const ROWS = 2 * PDQ_PER_BATCH + 100;
const values = pdqLike(ROWS, 11);
const canary = shippedCanaries()[5]!;

/** Rows of which those at `at` are canaries, a few bits beside the hash that ships. */
async function* rowsWith(at: readonly number[]): AsyncGenerator<ParsedRow> {
  const bytes = values.slice();
  for (const row of at) {
    bytes.set(canary, row * 32);
    bytes[row * 32]! ^= 7;
  }
  yield* listRows('pdq', bytes);
}

test.each([
  ['in none', []],
  ['at the edges of batches', [0, PDQ_PER_BATCH - 1, PDQ_PER_BATCH, 2 * PDQ_PER_BATCH, ROWS - 1]],
])('canaries %s', async (_says, at) => {
  const { watch, review } = await openReview(NO_LISTS, 31);
  let passed = 0;
  for await (const row of oneByOne(watch(inBatches(rowsWith(at), 1_000)))) expect(row.line).toBe(++passed);
  expect(passed).toBe(ROWS);
  const found = review(DRAFT).find(({ rule }) => rule === 'canary');
  expect(found?.count ?? 0).toBe(at.length);
  expect(found?.firstRows ?? []).toEqual(
    at.map((row) => ({
      line: row + 1,
      entryId: `e${row}`,
      near: { kind: 'canary', line: 6, shows: expect.stringMatching(/^[a-z]/), list: null, entryId: null },
    })),
  );
});

test('canaries of a provider count in the thread, too', async () => {
  const own = parseHash256(Buffer.from(values.subarray(0, 32)).toString('hex'));
  const gate = new PdqGate({ radiusBits: 0, canaries: [own] });
  const row = (n: number) => ({
    position: n,
    line: n,
    entryId: '',
    value: Buffer.from(values.subarray(n * 32, n * 32 + 32)).toString('hex'),
  });
  const rows = [row(1), row(0), row(2)];
  const found: unknown[] = [];
  await gate.checkLater(rows, (given, findings) => found.push(given === rows, findings));
  await gate.settle();
  await gate.close();
  expect(found).toEqual([true, gate.check(rows)]);
  expect(gate.check(rows).canaries).toEqual([{ row: 1, canary: shippedCanaries().length }]);
});

test('a value that is no hash is refused: the rows after it would pass unexamined', async () => {
  const gate = new PdqGate({ radiusBits: 31, canaries: [] });
  const rows = ['00'.repeat(32), 'zz'.repeat(32), Buffer.from(canary).toString('hex')];
  const given = rows.map((value, at) => ({ position: at, line: at, entryId: '', value }));
  expect(() => gate.check(given)).toThrow('HASHLIST_INVALID');
  await expect(gate.checkLater(given, () => {})).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  await gate.close();
});
