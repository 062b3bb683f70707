/** Worker thread: generates one piece of the seeded hashes. */
import { pdqLike } from '../pdq-like.js';
import type { PieceTask } from './data.js';

export default function run({ into, seed }: PieceTask): void {
  into.set(pdqLike(into.length / 32, seed));
}
