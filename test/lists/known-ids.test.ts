import { expect, test } from 'vitest';
import { knownIds } from '../../src/lists/known-ids.js';
import type { ListReader } from '../../src/store/lists-contract.js';

test('the same digits of another algorithm are another value; a list without a version has none', async () => {
  const value = '71'.repeat(32);
  const rows = ['sha256', 'pdq', 'blockhash'].map((algorithm) => ({
    ok: true,
    entry: { algorithm, value, entryId: algorithm },
  }));
  const lists = { versionRows: async () => rows } as unknown as ListReader;
  const ids = await knownIds(lists, { list: 'a', version: 1 }, 'pdq', new Set([value, '00'.repeat(32)]));
  expect([...ids]).toEqual([[value, 'pdq']]);
  expect(await knownIds(lists, { list: 'a', version: 0 }, 'pdq', new Set([value]))).toEqual(new Map());
});
