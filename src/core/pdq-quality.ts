/** When the PDQ hash of an image says too little. */
import { PDQ_QUALITY_MIN } from './limits.js';

/** Quality below 50, or no detail at all: near matches of such a picture mean little. */
export function isLowQuality(quality: number, degenerate: boolean): boolean {
  return degenerate || quality < PDQ_QUALITY_MIN;
}
