/** Converts an answer to its record: its counts, and the sighting of its hit. */
import { hash } from 'node:crypto';
import { type Match, withoutWords } from '../core/match-types.js';
import { orderedIds } from '../core/new-id.js';
import { startOf } from '../core/period.js';
import { NO_TOTALS, type TallySum, type Totals } from '../core/tally.js';
import type { Digests, NotCheckedReason, Verdict } from '../core/vocabulary.js';
import type { DigestMarks, Sighting } from '../store/ledger-contract.js';
import type { Seal } from './seal.js';

/** The answer for one image or hash. */
export interface Outcome {
  readonly kind: 'image' | 'hash';
  readonly verdict: Verdict;
  /** Reason of `not_checked`; null for every other verdict. */
  readonly reason: NotCheckedReason | null;
  /** Nearest first, including suppressed matches. */
  readonly matches: readonly Match[];
  /** Entries that a window is possibly of; only where nothing matched. Absent: none. */
  readonly possible?: readonly Match[];
  readonly reference: string | null;
  /** Identifies the file: its SHA-256, or the queried value. Not stored. */
  readonly fileId: string;
  readonly digests: Digests;
  readonly generation: number;
  readonly checkId: string | null;
}

/** The part of the answer that a sighting keeps. */
interface Evidence {
  readonly digests: Digests;
  readonly matches: readonly Match[];
  readonly generation: number;
  readonly checkId: string | null;
}

/** Rises also within a millisecond. */
const nextId = orderedIds();

const cell = (...key: readonly (string | null)[]) => JSON.stringify(key);

export const reasonCell = (reason: NotCheckedReason | 'not_sampled'): string => cell('reason', reason);

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

/** Add an image once to each of its lists and categories; the nearest match determines the type. */
export function addOutcome(sum: TallySum, outcome: Outcome): void {
  const { verdict, reason, matches } = outcome;
  sum.add({ totals: totalsOf(outcome), cells: [] });
  if (verdict === 'not_checked') sum.addCell(reasonCell(reason ?? 'unreadable'), [1]);
  if (verdict !== 'match' && verdict !== 'suppressed') return;
  if (verdict === 'suppressed' && matches.some(({ notSampled }) => notSampled))
    sum.addCell(reasonCell('not_sampled'), [1]);
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

/** Return the key of a file at one place of one tenant: the same file under two references is two hits, each to be handled. */
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

/** Return the marks of digests, by which their file's cases are found. */
export function marksOf(digests: Digests, seal: Seal): DigestMarks {
  return Object.fromEntries(
    Object.entries(digests).map(([name, hex]) => [
      name,
      Buffer.from(seal.mark(Buffer.from(hex, 'hex'))).toString('hex'),
    ]),
  );
}

/**
 * Return null unless the answer is a hit. Suppressed answers are hits if a quarantined entry matched, and those without a match if
 * one is possible: stored and marked.
 */
export function sightingOf(tenant: string, outcome: Outcome, atMs: number, seal: Seal): Sighting | null {
  const { verdict, possible = [], kind, reference, digests, generation, checkId } = outcome;
  const quarantined = verdict === 'suppressed' && outcome.matches.some((match) => match.quarantined);
  const isPossible = (verdict === 'no_match' || verdict === 'not_checked') && possible.length > 0;
  if (verdict !== 'match' && !quarantined && !isPossible) return null;
  const matches = isPossible ? possible : outcome.matches;
  const nearest = matches.find((match) => (quarantined ? match.quarantined : !match.suppressed));
  if (!nearest) return null;
  const kept: Omit<Evidence, 'digests'> & { digests: Record<string, string> } = {
    digests: sealed(digests, seal),
    matches: matches.map(withoutWords),
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
    isPossible,
    list: nearest.list,
    category: nearest.category,
    evidence: JSON.stringify(kept),
    marks: marksOf(digests, seal),
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

/** Return the hour in which an answer counts. */
export const hourOf = (atMs: number): number => startOf('hour', atMs);
