/** Images whose PDQ hash is not meaningful. */
import { PDQ_QUALITY_MIN } from './limits.js';

/** Return whether near matches of the image mean little: quality below 50, or no detail at all. */
export function isLowQuality(quality: number, degenerate: boolean): boolean {
  return degenerate || quality < PDQ_QUALITY_MIN;
}
