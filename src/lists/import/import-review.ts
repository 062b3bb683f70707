/**
 * What must be so before a new version of a list may match: rules that hold it back for a person where a mistake in the
 * list would become mistaken takedowns. A canary is a picture that is surely harmless: ours ship with Zeef, and every
 * suppression list of the provider is one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HASH256_BYTES, parseHash256 } from '../../core/hash256.js';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { buildRing } from '../../index/ring.js';
import type { Draft, HoldReason, ListReader, Review } from '../../store/lists-contract.js';

/** Of the last version's entries: a list that changes more overnight is another list, or was cut. */
const CHANGE_SHARE_MAX = 0.2;
/** So few entries may come or go in any list: a desk's own list of ten doubles in a day. */
const CHANGE_COUNT_MIN = 20;
/** One broken exporter wrote the same value on every picture it could not read. */
const ROWS_OF_ONE_VALUE_MAX = 20;
/** Of all rows: a list of which more is malformed was read in the wrong format, or is damaged. */
const REJECTED_SHARE_MAX = 0.05;
/** So many broken rows pass in any list: each is told with its line. */
const REJECTED_COUNT_MIN = 10;
/** Rejections that a healthy list has: it says itself what it withdrew, and carries kinds that are not matched. */
const HEALTHY = new Set(['not_active', 'known_good', 'not_a_value', 'unknown_algorithm']);

const CANARY_FILE = join(PACKAGE_ROOT, 'hashlists', 'canary.txt');

/** Hashes that ship: one of 64 hex digits a line. */
export function shippedCanaries(): Uint8Array[] {
  return readFileSync(CANARY_FILE, 'utf8').split('\n').filter(Boolean).map(parseHash256);
}

async function providersCanaries(store: ListReader, exceptList: string): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  for (const { list, kind, version, entriesByAlgorithm } of await store.lists()) {
    // Of tens of millions of digests none is near anything: such a list is not read.
    const isCanary = kind === 'suppression' && (entriesByAlgorithm.pdq ?? 0) > 0;
    if (!isCanary || list === exceptList) continue;
    for await (const row of await store.versionRows(list, version)) {
      if (row.ok && row.entry.algorithm === 'pdq') hashes.push(parseHash256(row.entry.value));
    }
  }
  return hashes;
}

export interface ImportReview {
  /** The rows as they come, looked at on their way. */
  watch(rows: AsyncIterable<ParsedRow>): AsyncGenerator<ParsedRow>;
  readonly review: Review;
}

/** For one import into a list that matches within `radiusBits`. */
export async function openReview(store: ListReader, list: string, radiusBits: number): Promise<ImportReview> {
  const canaries = [...shippedCanaries(), ...(await providersCanaries(store, list))];
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
