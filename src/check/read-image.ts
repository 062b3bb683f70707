/** An image that arrives in pieces: its bytes, or the digests of one over the size limit, of which no more is kept. */

import { joinUncounted } from '../core/uncounted.js';
import { DIGEST_ALGORITHMS } from '../core/vocabulary.js';
import { DigestStream } from '../kernels/digests.js';
import type { ImageInput } from './image-hasher.js';

export type ArrivedImage = Exclude<ImageInput, { readonly path: string }>;

export async function readImage(pieces: AsyncIterable<Uint8Array>, bytesMax: number): Promise<ArrivedImage> {
  let kept: Uint8Array[] = [];
  let bytes = 0;
  let large: DigestStream | null = null;
  for await (const piece of pieces) {
    bytes += piece.byteLength;
    if (large === null && bytes > bytesMax) {
      large = new DigestStream(DIGEST_ALGORITHMS);
      for (const one of kept) large.update(one);
      kept = [];
    }
    if (large === null) kept.push(piece);
    else large.update(piece);
  }
  return large === null ? { bytes: joinUncounted(kept) } : { tooLarge: { bytes, digests: large.end() } };
}
