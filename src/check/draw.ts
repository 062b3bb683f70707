/** The draw of a check by its seed, which decides for lists that count in a share of the checks. */
import { createHash } from 'node:crypto';
import MersenneTwister from 'mersenne-twister';

/** Longest seed: an id of the caller's. */
export const SEED_CHARACTERS_MAX = 1_024;

/**
 * Return the number, 0 to below 1, that Python's `random.Random(seed).random()` returns for a text: HMA draws by it, and a client that moves keeps
 * its sample. Source: Python's `Random.seed`, version 2: the text and its SHA-512 as one number, in words of 32 bits, the lowest first.
 */
export function drawOf(seed: string): number {
  const text = Buffer.from(seed, 'utf8');
  const number = Buffer.concat([text, createHash('sha512').update(text).digest()]);
  const words: number[] = [];
  for (let end = number.length; end > 0; end -= 4) {
    const word = number.subarray(Math.max(0, end - 4), end);
    words.push(word.readUIntBE(0, word.length));
  }
  // The number has no leading zeros.
  while (words.length > 1 && words.at(-1) === 0) words.pop();
  return new MersenneTwister(words).random_long();
}
