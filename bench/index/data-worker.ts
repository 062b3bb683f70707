/** One piece of the seeded hashes, in a thread of its own. */
import { pdqLike } from '../pdq-like.js';
import type { PieceTask } from './data.js';

export default function run({ into, seed }: PieceTask): void {
  into.set(pdqLike(into.length / 32, seed));
}
