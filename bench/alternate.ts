/** Two ways to do the same, measured in turn, so that a machine that slows down slows both. */
import { medianOf } from './processor.js';

interface Alternated {
  readonly first: number;
  readonly second: number;
  /** The median of the pairs' ratios, second to first. */
  readonly ratio: number;
}

/** Return the medians of `pairs` measurements of each of two, after a pair that warms up (none where there is one pair). */
export async function alternate(
  pairs: number,
  first: () => Promise<number>,
  second: () => Promise<number>,
): Promise<Alternated> {
  const firsts: number[] = [];
  const seconds: number[] = [];
  for (let pair = pairs > 1 ? -1 : 0; pair < pairs; pair++) {
    // Each goes first in turn.
    const isTurned = pair % 2 !== 0;
    const early = await (isTurned ? second() : first());
    const late = await (isTurned ? first() : second());
    if (pair < 0) continue;
    firsts.push(isTurned ? late : early);
    seconds.push(isTurned ? early : late);
  }
  return {
    first: medianOf(firsts),
    second: medianOf(seconds),
    ratio: medianOf(seconds.map((value, at) => value / firsts[at]!)),
  };
}
