/**
 * Review rules for a new version of a list: a version is held for approval where an error in the list would cause
 * mistaken takedowns. A canary is a certainly harmless image: a set ships with Zeef, and the entries of every suppression
 * list count too.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HASH256_BYTES, parseHash256 } from '../../core/hash256.js';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { buildRing } from '../../index/ring.js';
import type { Draft, HoldReason, ListReader, Review } from '../../store/lists-contract.js';

/** Share of the last version's entries: a list that changes more overnight is another list, or was truncated. */
const CHANGE_SHARE_MAX = 0.2;
/** Entries that any list may add or remove: a provider's own list of ten doubles in a day. */
const CHANGE_COUNT_MIN = 20;
/** One broken exporter wrote the same value for every image it could not read. */
const ROWS_OF_ONE_VALUE_MAX = 20;
/** Share of all rows: a list with more malformed rows was read in the wrong format, or is damaged. */
const REJECTED_SHARE_MAX = 0.05;
/** Malformed rows allowed in any list: each is reported with its line. */
const REJECTED_COUNT_MIN = 10;
/** Rejections in a healthy list: withdrawn entries, and kinds that are not matched. */
const HEALTHY = new Set(['not_active', 'known_good', 'not_a_value', 'unknown_algorithm']);

const CANARY_FILE = join(PACKAGE_ROOT, 'hashlists', 'canary.txt');

/** The canary hashes that ship: one of 64 hex digits a line. */
export function shippedCanaries(): Uint8Array[] {
  return readFileSync(CANARY_FILE, 'utf8').split('\n').filter(Boolean).map(parseHash256);
}

async function providersCanaries(store: ListReader): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  for (const { list, kind, version, entriesByAlgorithm } of await store.lists()) {
    // Digests have no near matches: a list of tens of millions of them is not read.
    if (kind !== 'suppression' || (entriesByAlgorithm.pdq ?? 0) === 0) continue;
    for await (const row of await store.versionRows(list, version)) {
      if (row.ok && row.entry.algorithm === 'pdq') hashes.push(parseHash256(row.entry.value));
    }
  }
  return hashes;
}

export interface ImportReview {
  /** Pass the rows through and inspect them. */
  watch(rows: AsyncIterable<ParsedRow>): AsyncGenerator<ParsedRow>;
  readonly review: Review;
}

/** Open the review of one import into a match list with the radius `radiusBits`. */
export async function openReview(store: ListReader, radiusBits: number): Promise<ImportReview> {
  const canaries = [...shippedCanaries(), ...(await providersCanaries(store))];
  const bytes = new Uint8Array(canaries.length * HASH256_BYTES);
  canaries.forEach((hash, at) => {
    bytes.set(hash, at * HASH256_BYTES);
  });
  const ring = buildRing(bytes);
  let canaryMatches = 0;
  return {
    async *watch(rows) {
      for await (const row of rows) {
        if (
          row.ok &&
          row.entry.algorithm === 'pdq' &&
          ring.search(parseHash256(row.entry.value), radiusBits).length > 0
        )
          canaryMatches++;
        yield row;
      }
    },
    review: (draft) => reasonsToHold(draft, canaryMatches),
  };
}

/** Pure. Unit: counts of entries and rows. */
export function reasonsToHold(draft: Draft, canaryMatches: number): readonly HoldReason[] {
  const { entriesBefore, added, removed, rows, rejectedByReason, mostRowsOfOneValue, knownGood } = draft;
  const changeLimit = Math.max(CHANGE_COUNT_MIN, Math.floor(entriesBefore * CHANGE_SHARE_MAX));
  const unhealthy = Object.entries(rejectedByReason)
    .filter(([reason]) => !HEALTHY.has(reason))
    .reduce((sum, [, count]) => sum + count, 0);
  const rules: HoldReason[] = [
    { rule: 'canary', count: canaryMatches + knownGood, limit: 0 },
    { rule: 'change', count: entriesBefore === 0 ? 0 : added + removed, limit: changeLimit },
    { rule: 'repeated_value', count: mostRowsOfOneValue, limit: ROWS_OF_ONE_VALUE_MAX },
    { rule: 'rejected', count: unhealthy, limit: Math.max(REJECTED_COUNT_MIN, Math.floor(rows * REJECTED_SHARE_MAX)) },
  ];
  return rules.filter(({ count, limit }) => count > limit);
}
