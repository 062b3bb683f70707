/** Default options of a check, for benches and tests. */
import type { ImageCheckOptions } from '../src/check/check-image.js';

export function plainCheck(tenant: string): ImageCheckOptions {
  return {
    orientations: 'all',
    lists: null,
    requestedRadiusBits: null,
    reference: null,
    tenant,
    frames: 1,
    detail: 'plain',
    digests: [],
  };
}
