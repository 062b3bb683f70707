import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../src/sqlite/lists/key-table.js';

test('each hash has the keys that were added to it, whatever the table expected', () => {
  // Few hashes have many keys; the others are spread over all 32 bits.
  const hash = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  const added = fc.array(fc.tuple(hash, fc.integer({ min: 1, max: 2 ** 32 - 1 })), { maxLength: 3_000, size: 'max' });
  fc.assert(
    fc.property(added, fc.nat({ max: 4_000 }), (pairs, expected) => {
      const table = new KeyTable(expected);
      const keysOf = new Map<number, Set<number>>();
      for (const [of, key] of pairs) {
        table.add(of, key);
        keysOf.set(of, (keysOf.get(of) ?? new Set()).add(key));
      }
      for (const [of, keys] of keysOf) expect(table.find(of)).toEqual([...keys].sort((a, b) => a - b));
      if (!keysOf.has(6)) expect(table.find(6)).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test('hashes of half a number line are found as any other', () => {
  const table = new KeyTable(0);
  table.add(-1, 7);
  table.add(0x8000_0000, 8);
  expect([table.find(0xffff_ffff), table.find(-(2 ** 31)), table.find(0)]).toEqual([[7], [8], []]);
});
