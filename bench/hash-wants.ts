/** What a bench asks of the decoder: all that an image can be hashed by. */
import type { HashWants } from '../src/engine/image-engine.js';

export const WANTS: HashWants = {
  digests: ['sha256'],
  orientations: 'all',
  families: 'both',
  algorithms: ['pdq', 'blockhash'],
  frames: 1,
  detail: 'plain',
};
