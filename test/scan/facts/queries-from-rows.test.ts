import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QueryBatch, queryBatchOf } from '../../../src/check/file-queries.js';
import { BATCH_ALGORITHMS } from '../../../src/check/search-piece.js';
import { DETAILS, isCovered } from '../../../src/core/window.js';
import type { FileFacts } from '../../../src/scan/facts/file-facts.js';
import { hasQuery, type QueryWish, queryOf } from '../../../src/scan/facts/file-result.js';
import { packFacts, unpackFacts } from '../../../src/scan/facts/packed-facts.js';
import { addQueriesFromFacts } from '../../../src/scan/facts/queries-from-facts.js';
import { addQueriesFromRow } from '../../../src/scan/facts/queries-from-rows.js';
import { fileFacts } from '../../support/file-facts.js';

const DEEP = { orientations: 'all', detail: 'deep' } as const;

/** Every queried value: of which file, which of its hashes, which bytes. */
function valuesOf(queries: QueryBatch): string[] {
  return BATCH_ALGORITHMS.flatMap((algorithm) => {
    const { count, width, values, queryNumbers, ranks } = queries.columns[algorithm];
    return Array.from({ length: count }, (_, at) => {
      const value = Buffer.from(values.subarray(at * width, (at + 1) * width)).toString('hex');
      return `${algorithm} of file ${queryNumbers[at]}, its ${ranks[at]}: ${value}`;
    });
  });
}

function byRows(rows: readonly FileFacts[], wish: QueryWish): QueryBatch {
  const queries = new QueryBatch();
  for (const facts of rows) {
    const { isQueried, lacksWindows, kind, reason, verdict, size } = addQueriesFromRow(queries, packFacts(facts), wish);
    expect({ kind, reason, verdict, size }).toEqual({
      kind: facts.kind,
      reason: facts.reason,
      verdict: facts.verdict,
      size: facts.size,
    });
    expect(isQueried).toBe(hasQuery(facts));
    expect(lacksWindows).toBe(facts.views.length > 0 && !isCovered(wish.detail, facts.detail));
  }
  return queries;
}

const DAMAGED = expect.objectContaining({ code: 'STORE_FAILED' });
const wishes = fc.record({
  orientations: fc.constantFrom('all' as const, 'none' as const),
  detail: fc.constantFrom(...DETAILS),
});
const rows = fc.array(fileFacts, { minLength: 1, maxLength: 6 });

describe('queries from facts', () => {
  test('equal those from their hashes, value for value and in their order; of files with one SHA-256 there is one', () => {
    fc.assert(
      fc.property(rows, wishes, (held, wish) => {
        const apart = held.map((facts, at) => {
          const { sha256, ...others } = facts.digests;
          return { ...facts, digests: sha256 === undefined ? others : { ...others, sha256: `${at}`.repeat(64) } };
        });
        const queries = new QueryBatch();
        for (const facts of [...apart, ...apart]) addQueriesFromFacts(queries, facts, wish);
        const asked = [...apart, ...apart].map((facts) => queryOf(facts, wish));
        expect(valuesOf(queries)).toEqual(valuesOf(queryBatchOf(asked)));
        expect(queries.queryNumberOf).toEqual(queryBatchOf(asked).queryNumberOf);
        for (const [file, query] of asked.entries()) expect(queries.queryOf(file)).toEqual(query);
      }),
    );
  });
});

describe('queries from the rows of an inventory', () => {
  test('equal those from the facts, value for value and in their order', () => {
    fc.assert(
      fc.property(rows, wishes, (held, wish) => {
        // Distinct digests, so that no query is shared.
        const apart = held.map((facts, at) => ({ ...facts, digests: { ...facts.digests, md5: `${at}`.repeat(32) } }));
        const queries = byRows(apart, wish);
        expect(valuesOf(queries)).toEqual(valuesOf(queryBatchOf(apart.map((facts) => queryOf(facts, wish)))));
        for (const [file, facts] of apart.entries()) expect(queries.queryOf(file)).toEqual(queryOf(facts, wish));
      }),
    );
  });

  test('are shared by files with equal values, whatever their names, times and verdicts', () => {
    fc.assert(
      fc.property(fileFacts, fc.nat(), (facts, mtime) => {
        fc.pre(facts.reason === null);
        const other = { ...facts, mtimeNs: BigInt(mtime), scan: facts.scan + 1, verdict: 'match' as const };
        const queries = byRows([facts, other, { ...facts, frames: 3, views: [] }], DEEP);
        expect(queries.queryNumberOf).toEqual(facts.views.length === 0 && facts.frames === 3 ? [0, 0, 0] : [0, 0, 1]);
        expect(valuesOf(queries).filter((value) => value.includes('of file 0,'))).toEqual(
          valuesOf(byRows([facts], DEEP)),
        );
      }),
    );
  });

  test('of truncated or extended rows are refused', () => {
    fc.assert(
      fc.property(fileFacts, (facts) => {
        fc.pre(facts.reason === null && facts.views.length > 0);
        const packed = packFacts(facts);
        for (const length of [1, 12, packed.length - 1]) {
          expect(() => addQueriesFromRow(new QueryBatch(), packed.subarray(0, length), DEEP)).toThrow(DAMAGED);
        }
        const longer = Uint8Array.of(...packed, 0);
        expect(() => addQueriesFromRow(new QueryBatch(), longer, DEEP)).toThrow(DAMAGED);
      }),
    );
  });
});

test('windows at places of other tables are passed over, and count as not hashed; those that are found are in no table', () => {
  const withWindows = fileFacts.filter(({ image, views }) => image !== null && views.length > 0);
  fc.assert(
    fc.property(withWindows, wishes, (held, wish) => {
      const [standard, deep] = (['standard', 'deep'] as const).map((detail) => packFacts({ ...held, detail }));
      const tablesAt = deep!.findIndex((byte, at) => byte !== standard![at]) + 1;
      const earlier = (bytes: Uint8Array) => bytes.map((byte, at) => (at === tablesAt ? byte - 1 : byte));
      expect(unpackFacts(earlier(standard!))).toEqual({ ...held, detail: 'standard' });
      const row = earlier(deep!);
      const plain: FileFacts = {
        ...held,
        detail: 'plain',
        views: held.views.map(({ storedWindows: _, ...view }) => ({ ...view, windows: [] })),
      };
      expect(unpackFacts(row)).toEqual(plain);
      const queries = new QueryBatch();
      const { lacksWindows } = addQueriesFromRow(queries, row, wish);
      expect(lacksWindows).toBe(wish.detail !== 'plain');
      expect(valuesOf(queries)).toEqual(valuesOf(queryBatchOf([queryOf(plain, wish)])));
    }),
  );
});
