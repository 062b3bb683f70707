/** The order of cases by urgency and the range of a prefix, the same in every store. */
import type { DueOrder } from './ledger-contract.js';

/** Return the next deadline that can still be met (inclusive); the last one where none can. Unit: milliseconds. */
export function dueMsOf(startedMs: number, { nowMs, deadlinesMs }: DueOrder): number {
  const next = deadlinesMs.find((afterMs) => startedMs + afterMs >= nowMs);
  return startedMs + (next ?? deadlinesMs[deadlinesMs.length - 1] ?? 0);
}

/** Return `dueMsOf` as SQL over the column `started`. Every literal is an integer. */
export function dueSql({ nowMs, deadlinesMs }: DueOrder): string {
  const literal = (ms: number) => BigInt(ms).toString();
  const cases = deadlinesMs.map((ms) => `WHEN started >= ${literal(nowMs - ms)} THEN started + ${literal(ms)}`);
  return `(CASE ${cases.join(' ')} ELSE started + ${literal(deadlinesMs[deadlinesMs.length - 1]!)} END)`;
}

const [LAST_BEFORE_SURROGATES, SURROGATES_END, LAST_POINT] = [0xd7ff, 0xe000, 0x10ffff];

/**
 * Return the smallest text, in the order of code points, that is above every text with the prefix; null: there is none.
 * So an index over texts finds a prefix.
 */
export function prefixEnd(prefix: string): string | null {
  const points = [...prefix].map((char) => char.codePointAt(0)!);
  while (points.length > 0) {
    const last = points.pop()!;
    if (last >= LAST_POINT) continue;
    return String.fromCodePoint(...points, last === LAST_BEFORE_SURROGATES ? SURROGATES_END : last + 1);
  }
  return null;
}
