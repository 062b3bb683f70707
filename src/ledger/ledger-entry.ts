/** Converts one request's answers to one ledger entry. */
import { NO_TOTALS, TallySum } from '../core/tally.js';
import type { Idempotency, LedgerEntry, Sighting } from '../store/ledger-contract.js';
import { addOutcome, hourOf, type Outcome, reasonCell, sightingOf } from './outcome.js';
import type { Seal } from './seal.js';

/** One request's answers, which are recorded together. */
export interface LedgerRequest {
  readonly tenant: string;
  readonly outcomes: readonly Outcome[];
  /** Images and hashes without a match, beside the outcomes. */
  readonly unmatched: number;
  /** Those that were not searched, since no list was in force. */
  readonly unsearched?: number;
  readonly idempotency: Idempotency | null;
}

/** Return the counts in the hour of `atMs`, and the sightings; no tallies if nothing was checked. */
export function entryOf(
  { tenant, outcomes, unmatched, unsearched = 0, idempotency }: LedgerRequest,
  atMs: number,
  seal: Seal,
): LedgerEntry {
  const sum = new TallySum();
  const sightings: Sighting[] = [];
  for (const outcome of outcomes) {
    addOutcome(sum, outcome);
    const sighting = sightingOf(tenant, outcome, atMs, seal);
    if (sighting) sightings.push(sighting);
  }
  if (unmatched > 0) sum.add({ totals: { ...NO_TOTALS, checked: unmatched }, cells: [] });
  if (unsearched > 0) {
    sum.add({ totals: { ...NO_TOTALS, checked: unsearched, notChecked: unsearched }, cells: [] });
    sum.addCell(reasonCell('no_list'), [unsearched]);
  }
  const { totals, cells } = sum;
  const tallies = totals.checked === 0 ? [] : [{ tenant, startMs: hourOf(atMs), totals, cells }];
  return { tenant, idempotency, tallies, sightings };
}
