/**
 * What people decided on the hits of a list, added up by entry and algorithm. Nothing of a tenant, a file or a person is in it: a
 * publisher gets it.
 */
import { AppError } from '../../core/errors.js';
import { ALGORITHMS, type Algorithm, DIGEST_ALGORITHMS } from '../../core/vocabulary.js';
import type { Hit, Ledger } from '../../ledger/ledger.js';
import { type NameNow, namesNow } from '../../lists/list-names.js';
import type { HeldEntry, ListReader } from '../../store/lists-contract.js';
import { decisionOf, type Verdict } from './decision.js';

export const FEEDBACK_VERDICTS = ['confirmed', 'false_positive', 'contested'] as const;
/** `removed`: the list does not have the entry, or not with this algorithm, any more. */
export const FEEDBACK_STATES = ['listed', 'disabled', 'removed'] as const;
export const VALUE_KINDS = ['digest', 'hash'] as const;

/** The decisions on the hits of one entry by one algorithm. */
export interface EntrySum {
  readonly entryId: string;
  readonly algorithm: Algorithm;
  /** `digest`: the bytes of a file; `hash`: its look, so that other files are near it. The value itself stays secret. */
  readonly kind: (typeof VALUE_KINDS)[number];
  /** Hits. */
  readonly confirmed: number;
  readonly falsePositive: number;
  /** Of all of them, those that had exactly the value. */
  readonly exact: number;
  /** RFC 3339: of the newest decision. */
  readonly decidedAt: string;
  /** `contested`: people decided both. */
  readonly verdict: (typeof FEEDBACK_VERDICTS)[number];
}

export interface EntryFeedback extends EntrySum {
  readonly list: string;
  readonly state: (typeof FEEDBACK_STATES)[number];
}

/** Hits read at once: the ledger answers others in between. */
const HITS_PER_READ = 1_000;

interface Counted {
  readonly entryId: string;
  readonly algorithm: Algorithm;
  readonly decided: Record<Verdict, number>;
  exact: number;
  at: string;
}

/** Entries of the list that a hit matched, each once, by algorithm; those that a suppression took out of the answer are not. */
function matchedEntries(
  { matches, generation }: Pick<Hit, 'matches' | 'generation'>,
  list: string,
  nameNow: NameNow,
): Hit['matches'] {
  const found = new Map<string, Hit['matches'][number]>();
  for (const match of matches) {
    if (nameNow(match.list, generation) !== list || (match.suppressed && !match.quarantined)) continue;
    const key = keyOf(match);
    // One frame or orientation may have exactly the value, and another be near it.
    if (!found.has(key) || match.matchType === 'exact') found.set(key, match);
  }
  return [...found.values()];
}

export const keyOf = ({ entryId, algorithm }: Pick<EntrySum, 'entryId' | 'algorithm'>) => `${algorithm} ${entryId}`;

/** Order of the rows: by id, then by algorithm; the same on every machine. */
export function compareRows(
  a: Pick<EntrySum, 'entryId' | 'algorithm'>,
  b: Pick<EntrySum, 'entryId' | 'algorithm'>,
): number {
  if (a.entryId !== b.entryId) return a.entryId < b.entryId ? -1 : 1;
  return ALGORITHMS.indexOf(a.algorithm) - ALGORITHMS.indexOf(b.algorithm);
}

const isDigest = (algorithm: Algorithm) => (DIGEST_ALGORITHMS as readonly Algorithm[]).includes(algorithm);

function toSum({ entryId, algorithm, decided, exact, at }: Counted): EntrySum {
  const { confirmed, false_positive: falsePositive } = decided;
  const verdict = confirmed === 0 ? 'false_positive' : falsePositive === 0 ? 'confirmed' : 'contested';
  const kind = isDigest(algorithm) ? 'digest' : 'hash';
  return { entryId, algorithm, kind, confirmed, falsePositive, exact, decidedAt: at, verdict };
}

/**
 * Add up the decisions on the hits of a list, of all tenants, in order, by whatever name it had. A decision is on the file, so it counts for every entry that
 * the file matched. `sinceMs`: only entries with a decision since then; all of their decisions count.
 * Errors LEDGER_FAILED, LEDGER_INVALID; SEALED_DAMAGED.
 */
export async function sumDecisions(
  { ledger, lists }: { readonly ledger: Pick<Ledger, 'hits'>; readonly lists: Pick<ListReader, 'lists'> },
  list: string,
  sinceMs: number | null = null,
): Promise<readonly EntrySum[]> {
  const sums = new Map<string, Counted>();
  const nameNow = namesNow(await lists.lists());
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: Awaited<ReturnType<Ledger['hits']>> = await ledger.hits({
      order: 'oldest',
      limit: HITS_PER_READ,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const hit of page.hits) addHit(sums, hit, list, nameNow);
    cursor = page.cursor;
  }
  return [...sums.values()]
    .filter(({ at }) => sinceMs === null || Date.parse(at) >= sinceMs)
    .map(toSum)
    .sort(compareRows);
}

function addHit(sums: Map<string, Counted>, hit: Hit, list: string, nameNow: NameNow): void {
  const decision = decisionOf(hit.history);
  // Of what only may be of an entry, no decision says anything about the entry.
  if (decision === null || hit.possible) return;
  for (const match of matchedEntries(hit, list, nameNow)) {
    const { entryId, algorithm } = match;
    const key = keyOf(match);
    const sum = sums.get(key) ?? {
      entryId,
      algorithm,
      decided: { confirmed: 0, false_positive: 0 },
      exact: 0,
      at: decision.at,
    };
    sum.decided[decision.verdict]++;
    if (match.matchType === 'exact') sum.exact++;
    if (decision.at > sum.at) sum.at = decision.at;
    sums.set(key, sum);
  }
}

/** The values that the list has of an entry by an algorithm: usually one. Errors LIST_NOT_FOUND. */
export async function heldValues(
  lists: Pick<ListReader, 'entry'>,
  list: string,
  { entryId, algorithm }: Pick<EntrySum, 'entryId' | 'algorithm'>,
): Promise<readonly HeldEntry[]> {
  return (await lists.entry(list, entryId)).filter((held) => held.algorithm === algorithm);
}

export function feedbackOf(list: string, sum: EntrySum, held: readonly HeldEntry[]): EntryFeedback {
  const isListed = held.some(({ disabled }) => !disabled);
  return { list, ...sum, state: isListed ? 'listed' : held.length > 0 ? 'disabled' : 'removed' };
}

/** Return the sums with the states of their entries. Errors LIST_NOT_FOUND. */
export async function withStates(
  lists: Pick<ListReader, 'entry'>,
  list: string,
  sums: readonly EntrySum[],
): Promise<readonly EntryFeedback[]> {
  const rows: EntryFeedback[] = [];
  for (const sum of sums) rows.push(feedbackOf(list, sum, await heldValues(lists, list, sum)));
  return rows;
}

/** Errors LIST_NOT_FOUND: also where the list has no decision, which reads no entry. */
export async function requireList(lists: Pick<ListReader, 'list'>, list: string): Promise<void> {
  if ((await lists.list(list)) === null) throw new AppError('LIST_NOT_FOUND', { list });
}
