/** A file of a multipart body: its bytes within the size limit of images, and the digests of a larger one, as it arrives. */
import type { ImageInput } from '../check/image-hasher.js';
import { DIGEST_ALGORITHMS } from '../core/vocabulary.js';
import { DigestStream } from '../kernels/digests.js';

/** A file that is only digested: the largest that a knob allows to be decoded. A longer one has no digests. */
export const FILE_BYTES_MAX = 1_000_000_000;

export type FileInput = Exclude<ImageInput, { readonly path: string }>;

/** Read a file. `onBytes` is called as they arrive; its errors are those of the reading. */
export async function readFilePart(
  file: AsyncIterable<Buffer> & { readonly truncated?: boolean },
  imageBytesMax: number,
  onBytes: (count: number) => void,
): Promise<FileInput> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let large: DigestStream | null = null;
  for await (const chunk of file) {
    onBytes(chunk.length);
    bytes += chunk.length;
    if (large === null && bytes > imageBytesMax) {
      large = new DigestStream(DIGEST_ALGORITHMS);
      for (const one of chunks) large.update(one);
      chunks = [];
    }
    if (large === null) chunks.push(chunk);
    else large.update(chunk);
  }
  if (large === null) return { bytes: Buffer.concat(chunks) };
  return { tooLarge: { bytes, digests: file.truncated ? {} : large.end() } };
}
