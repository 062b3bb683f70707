/** Seeds by name, so that one edit or image more changes no other. */
import type { Random } from '../../scripts/canary/canvas.js';
import { seeded } from '../pdq-like.js';

/** Create a generator from a seed and names or numbers. Source: FNV-1a over their text. */
export function randomOf(seed: number, ...names: readonly (string | number)[]): Random {
  let state = 0x811c9dc5;
  for (const letter of `${seed}/${names.join('/')}`) state = Math.imul(state ^ letter.codePointAt(0)!, 0x01000193);
  return seeded(state);
}

/** Return a uniform number whose sign is drawn too. */
export const signed = (random: Random, from: number, to: number) =>
  (from + random() * (to - from)) * (random() < 0.5 ? -1 : 1);

/** Return a number of mean 0 and standard deviation 1 that is nearly normal. */
export const bell = (random: Random) => (random() + random() + random() - 1.5) * 2;

/** Return the items in a random order. Source: Fisher and Yates. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!];
  }
  return mixed;
}
