/** False positives of near matches alone are never sent: they speak of the radius, not of the entry. */
import { expect, test } from 'vitest';
import { planFeedback } from '../../../src/cases/feedback/plan-feedback.js';
import type { HitStatus } from '../../../src/core/vocabulary.js';

type Parts = Parameters<typeof planFeedback>[0];
const ENTRY_ID = '42/image1';

/** A store with one PDQ entry of NCMEC, and the decisions on the files that matched it. */
function partsOf(hits: readonly { readonly matchType: 'exact' | 'near'; readonly status: HitStatus }[]): Parts {
  const held = { entryId: ENTRY_ID, algorithm: 'pdq', value: 'f0'.repeat(32), source: null, disabled: false };
  const source = { type: 'ncmec', url: 'https://hashsharing.example/hashsharing', privacyGroup: null, members: [] };
  const page = hits.map(({ matchType, status }) => ({
    history: [{ status, at: '2026-01-02T03:04:05Z', by: 'k' }],
    matches: [{ list: 'a', entryId: ENTRY_ID, algorithm: 'pdq', matchType, suppressed: false, quarantined: false }],
  }));
  const parts = {
    lists: {
      entry: async () => [held],
      source: async () => source,
      lists: async () => [{ list: 'a', formerNames: [] }],
    },
    feedback: { sent: async () => [] },
    ledger: { hits: async () => ({ hits: page, cursor: null }) },
  };
  return parts as unknown as Parts;
}

test.each([
  ['near files alone', [{ matchType: 'near', status: 'false_positive' }], 'near'],
  ['a file with its value', [{ matchType: 'exact', status: 'false_positive' }], 'sent'],
  [
    'a file with its value, and a near one',
    [
      { matchType: 'near', status: 'false_positive' },
      { matchType: 'exact', status: 'false_positive' },
    ],
    'sent',
  ],
  ['near files that people confirmed', [{ matchType: 'near', status: 'confirmed' }], 'sent'],
] as const)('decisions on %s', async (_says, hits, expected) => {
  const { due, left } = await planFeedback(partsOf(hits), 'a');
  expect([...due.map(() => 'sent'), ...left.map(({ why }) => why)]).toEqual([expected]);
});
