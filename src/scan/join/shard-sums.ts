/** What a shard has come to: counts, and what the scan asks of it at the end. JSON, beside its row. */
import { createHash } from 'node:crypto';
import type { PathBytes } from '../../core/path-bytes.js';
import { type ScanSums, ScanTally } from '../tally.js';
import type { UnitOutcome } from './unit.js';

export interface ShardSums extends ScanSums {
  /** Patterns that no file of any unit has matched. */
  readonly includesUnmatched: readonly string[];
  readonly emptyRoots: readonly PathBytes[];
  readonly unreadFolders: number;
  /** The oldest that a unit was matched with, and its position in the lists' history. */
  readonly generation: number;
  readonly matchedAt: string | null;
  /** Units that are in the ledger, and a digest of their outcomes in order. */
  readonly recorded: number;
  readonly recordedDigest: string;
}

const NO_UNIT = '';

/** Return the digest of one more unit's outcome behind those before. */
export const digestAfter = (before: string, unit: number, fingerprint: string): string =>
  createHash('sha256').update(`${before} ${unit} ${fingerprint}`).digest('hex');

/** Add a unit to the sums before it. `fingerprint`: of its outcome. */
export function withUnit(
  before: ShardSums | null,
  outcome: UnitOutcome,
  { unit, fingerprint }: { readonly unit: number; readonly fingerprint: string },
): ShardSums {
  const tally = new ScanTally();
  if (before !== null) tally.absorb(before);
  tally.absorb(outcome.sums);
  const isRecorded = outcome.answers.length + outcome.unmatched > 0;
  const isOldest = before === null || outcome.generation < before.generation;
  const digest = before?.recordedDigest ?? NO_UNIT;
  return {
    ...tally.sums(),
    includesUnmatched: outcome.includesUnmatched.filter((glob) => before?.includesUnmatched.includes(glob) ?? true),
    emptyRoots: [...new Set([...(before?.emptyRoots ?? []), ...outcome.emptyRoots])],
    unreadFolders: (before?.unreadFolders ?? 0) + outcome.unreadFolders,
    generation: isOldest ? outcome.generation : before.generation,
    matchedAt: isOldest ? outcome.matchedAt : before.matchedAt,
    recorded: (before?.recorded ?? 0) + (isRecorded ? 1 : 0),
    recordedDigest: isRecorded ? digestAfter(digest, unit, fingerprint) : digest,
  };
}

/** Return whether the ledger has these units, and no others. */
export function isAsRecorded({ recorded, recordedDigest }: ShardSums, inLedger: ReadonlyMap<number, string>): boolean {
  const units = [...inLedger].sort(([a], [b]) => a - b);
  const digest = units.reduce((before, [unit, fingerprint]) => digestAfter(before, unit, fingerprint), NO_UNIT);
  return units.length === recorded && digest === recordedDigest;
}

export const sumsFrom = (text: string | null): ShardSums | null =>
  text === null ? null : (JSON.parse(text) as ShardSums);
