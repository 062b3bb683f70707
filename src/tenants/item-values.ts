/**
 * What an item asks for, whatever form it comes in. A client may name any values as the hashes of one file: those that are
 * not one image's, turned or mirrored, are further images, and cost a check each.
 */
import type { FileHash, HashItem } from '../check/check-hashes.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../check/check-values.js';
import { ORIENTATIONS, type Orientation, VALUE_BYTES } from '../core/vocabulary.js';
import { hamming256 } from '../kernels/hamming.js';
import { reorientPdq } from '../kernels/pdq-signs.js';

/** The sign rule is 14 to 20 bits off in the median (docs/accuracy.md); hashes of unrelated images are 80 and more apart. */
export const ONE_IMAGE_BITS = 63;

const HEX = /^[0-9a-f]+$/i;
/** The orientation that undoes each; all others undo themselves. */
const INVERSE: Partial<Record<Orientation, Orientation>> = { rotate90: 'rotate270', rotate270: 'rotate90' };

/** One value that is searched; `hash` is its provenance where the item gave one. */
export interface ItemValue {
  readonly algorithm: BatchAlgorithm;
  readonly value: Buffer;
  readonly hash: FileHash | null;
}

/** Return the well-formed values of an item, all of which are searched. */
export function valuesOf(item: HashItem): readonly ItemValue[] {
  const values: ItemValue[] = [];
  const add = (algorithm: BatchAlgorithm, hex: string | undefined, hash: FileHash | null) => {
    if (hex?.length === VALUE_BYTES[algorithm] * 2 && HEX.test(hex))
      values.push({ algorithm, value: Buffer.from(hex, 'hex'), hash });
  };
  for (const algorithm of BATCH_ALGORITHMS) add(algorithm, item[algorithm], null);
  for (const hash of item.hashes ?? []) add(hash.algorithm, hash.value, hash);
  return values;
}

/** Return a hash of the image as it was before it was turned. */
function unturned({ algorithm, value, hash }: ItemValue): Uint8Array {
  const orientation = hash?.orientation ?? ORIENTATIONS[0];
  if (algorithm !== 'pdq' || orientation === 'original') return value;
  return reorientPdq(value, INVERSE[orientation] ?? orientation);
}

/** Return one value for each image among values of one perceptual algorithm; digests are returned as they are. */
export function imagesOf(values: readonly ItemValue[]): readonly ItemValue[] {
  const images: { readonly of: ItemValue; readonly upright: Uint8Array }[] = [];
  const digests: ItemValue[] = [];
  for (const one of values) {
    if (one.algorithm !== 'pdq' && one.algorithm !== 'blockhash') {
      digests.push(one);
      continue;
    }
    const upright = unturned(one);
    // Each orientation and family of a image is searched once; a second one of a kind is another image's.
    const isKnown = images.some(
      ({ of, upright: other }) =>
        of.algorithm === one.algorithm &&
        provenance(of) === provenance(one) &&
        turn(of) !== turn(one) &&
        hamming256(other, upright) <= ONE_IMAGE_BITS,
    );
    if (!isKnown) images.push({ of: one, upright });
  }
  return [...digests, ...images.map(({ of }) => of)];
}

const provenance = ({ hash }: ItemValue) => `${hash?.frame ?? ''} ${hash?.background ?? ''}`;
const turn = ({ hash }: ItemValue) => `${hash?.orientation ?? 'original'} ${hash?.family ?? ''}`;

/** Return the checks that an item costs: its images, and at least one. */
export function checksOf(values: readonly ItemValue[]): number {
  const images = imagesOf(values);
  const count = (algorithm: BatchAlgorithm) => images.filter((one) => one.algorithm === algorithm).length;
  return Math.max(1, ...BATCH_ALGORITHMS.map(count));
}
