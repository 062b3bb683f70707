/** From an answer to what is put on record: what it adds to the counts, and the hit that it is a sighting of. */
import { hash } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import type { Match } from '../core/match-types.js';
import { startOf } from '../core/period.js';
import { NO_TOTALS, type TallySum, type Totals } from '../core/tally.js';
import type { Digests, NotCheckedReason, Verdict } from '../core/vocabulary.js';
import type { Sighting } from '../store/ledger-contract.js';
import type { Seal } from './seal.js';

/** One image or hash, answered. */
export interface Outcome {
  readonly kind: 'image' | 'hash';
  readonly verdict: Verdict;
  /** Why it was not checked; null for every other verdict. */
  readonly reason: NotCheckedReason | null;
  /** Nearest first, also suppressed ones. */
  readonly matches: readonly Match[];
  readonly reference: string | null;
  /** Tells files apart: their SHA-256, or the value that was asked. It is not kept. */
  readonly fileId: string;
  readonly digests: Digests;
  readonly generation: number;
  readonly checkId: string | null;
}

/** What a sighting keeps of the answer. */
interface Evidence {
  readonly digests: Digests;
  readonly matches: readonly Match[];
  readonly generation: number;
  readonly checkId: string | null;
}

/** Rises within a millisecond too. */
const nextId = monotonicFactory();

const cell = (...key: readonly (string | null)[]) => JSON.stringify(key);

function totalsOf({ verdict, matches }: Outcome): Totals {
  const totals = { ...NO_TOTALS, checked: 1 };
  if (verdict === 'suppressed') return { ...totals, suppressed: 1 };
  if (verdict === 'not_checked') return { ...totals, notChecked: 1 };
  if (verdict === 'no_match') return totals;
  return matches.some((match) => !match.suppressed && match.matchType === 'exact')
    ? { ...totals, exact: 1 }
    : { ...totals, near: 1 };
}

const isExact = ({ matchType }: Match) => (matchType === 'exact' ? 1 : 0);

/** An image counts once in each list that it is on, and once in each category; nearest first, so the first says how. */
export function addOutcome(sum: TallySum, outcome: Outcome): void {
  const { verdict, reason, matches } = outcome;
  sum.add({ totals: totalsOf(outcome), cells: [] });
  if (verdict === 'not_checked') sum.addCell(cell('reason', reason ?? 'unreadable'), [1]);
  if (verdict !== 'match' && verdict !== 'suppressed') return;
  const lists = new Set<string>();
  const categories = new Set<string | null>();
  for (const match of matches) {
    if (verdict === 'match' && match.suppressed) continue;
    const { list, category } = match;
    const exact = isExact(match);
    const counts = verdict === 'suppressed' ? [0, 0, 1] : [exact, 1 - exact, 0];
    if (!lists.has(list)) sum.addCell(cell('list', list, category), counts);
    if (!categories.has(category)) sum.addCell(cell('category', category), counts);
    lists.add(list);
    categories.add(category);
  }
}

/** A file at a place of one tenant: the same file under two references is two hits, since each has to be dealt with. */
function keyOf({ reference, fileId }: Outcome): string {
  return hash('sha256', JSON.stringify([reference, fileId]), 'hex');
}

function sealed(digests: Digests, seal: Seal): Record<string, string> {
  return Object.fromEntries(
    Object.entries(digests).map(([name, hex]) => [
      name,
      Buffer.from(seal.seal(Buffer.from(hex, 'hex'))).toString('base64'),
    ]),
  );
}

/** Null of an answer that is no hit. Suppressed ones are hits where an entry in quarantine matched: kept, and marked. */
export function sightingOf(tenant: string, outcome: Outcome, atMs: number, seal: Seal): Sighting | null {
  const { verdict, matches, kind, reference, digests, generation, checkId } = outcome;
  const quarantined = verdict === 'suppressed' && matches.some((match) => match.quarantined);
  if (verdict !== 'match' && !quarantined) return null;
  const nearest = matches.find((match) => (quarantined ? match.quarantined : !match.suppressed));
  if (!nearest) return null;
  const kept: Omit<Evidence, 'digests'> & { digests: Record<string, string> } = {
    digests: sealed(digests, seal),
    matches,
    generation,
    checkId,
  };
  return {
    tenant,
    key: keyOf(outcome),
    hitId: nextId(atMs),
    atMs,
    reference,
    kind,
    quarantined,
    list: nearest.list,
    category: nearest.category,
    evidence: JSON.stringify(kept),
  };
}

/** Errors SEALED_DAMAGED. */
export function openEvidence(text: string, seal: Seal): Evidence {
  const kept = JSON.parse(text) as Evidence;
  const digests = Object.fromEntries(
    Object.entries(kept.digests).map(([name, base64]) => [
      name,
      Buffer.from(seal.open(Buffer.from(base64, 'base64'))).toString('hex'),
    ]),
  ) as Digests;
  return { ...kept, digests };
}

/** The hour that an answer counts in. */
export const hourOf = (atMs: number): number => startOf('hour', atMs);
