/**
 * What an item asks for, whatever form it comes in. A client may name any values as the hashes of one file: those that are
 * not one image's, turned or mirrored, are further images, and cost a check each. Only the price depends on that: every
 * value is searched, so every one is counted and watched.
 */
import type { FileHash, HashItem } from '../check/check-hashes.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../check/search-piece.js';
import { AppError } from '../core/errors.js';
import { parsePhotoDna } from '../core/photodna.js';
import { type Algorithm, ORIENTATIONS, type Orientation, VALUE_BYTES } from '../core/vocabulary.js';
import { hamming256 } from '../kernels/hamming.js';
import { reorientPdq } from '../kernels/pdq-signs.js';

/** The sign rule is 14 to 20 bits off in the median (docs/accuracy.md); hashes of unrelated images are 80 and more apart. */
export const ONE_IMAGE_BITS = 63;

const HEX = /^[0-9a-f]+$/i;
/** The orientation that undoes each; all others undo themselves. */
const INVERSE: Partial<Record<Orientation, Orientation>> = { rotate90: 'rotate270', rotate270: 'rotate90' };

/** One value that is searched; `hash` is its provenance where the item gave one. */
export interface ItemValue {
  readonly algorithm: Algorithm;
  readonly value: Uint8Array;
  readonly hash: FileHash | null;
}

/** Return null where the text is none. */
function photoDnaOf(text: string): Uint8Array | null {
  try {
    return parsePhotoDna(text);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** Return the well-formed values of an item, all of which are searched. */
export function valuesOf(item: HashItem): readonly ItemValue[] {
  const values: ItemValue[] = [];
  const add = (algorithm: BatchAlgorithm, hex: string | undefined, hash: FileHash | null) => {
    if (hex?.length === VALUE_BYTES[algorithm] * 2 && HEX.test(hex))
      values.push({ algorithm, value: Buffer.from(hex, 'hex'), hash });
  };
  for (const algorithm of BATCH_ALGORITHMS) add(algorithm, item[algorithm], null);
  const vector = item.photodna === undefined ? null : photoDnaOf(item.photodna);
  if (vector) values.push({ algorithm: 'photodna', value: vector, hash: null });
  for (const hash of item.hashes ?? []) add(hash.algorithm, hash.value, hash);
  return values;
}

/** Return a hash of the image as it was before it was turned. */
function unturned({ algorithm, value, hash }: ItemValue): Uint8Array {
  const orientation = hash?.orientation ?? ORIENTATIONS[0];
  if (algorithm !== 'pdq' || orientation === 'original') return value;
  return reorientPdq(value, INVERSE[orientation] ?? orientation);
}

/** Images of one view that a further value is compared with: a file has one, or two where its families differ. */
const COMPARED_MAX = 4;

/** An image that some values of an item describe. */
interface Image {
  readonly upright: Uint8Array;
  /** Orientations and families so far: each is searched once, and a second one of a kind is another image's. */
  readonly turns: Set<string>;
}

/** Return one value for each image among values of perceptual algorithms, for the price alone; digests are returned as they are. */
export function imagesOf(values: readonly ItemValue[]): readonly ItemValue[] {
  const known = new Map<string, Image[]>();
  return values.filter((one) => {
    const { algorithm, hash } = one;
    if (algorithm !== 'pdq' && algorithm !== 'blockhash') return true;
    const view = `${algorithm} ${hash?.frame ?? ''} ${hash?.background ?? ''} ${hash?.part ?? ''}`;
    const turn = `${hash?.orientation ?? 'original'} ${hash?.family ?? ''}`;
    const images = known.get(view) ?? [];
    known.set(view, images);
    const upright = unturned(one);
    const same = images.find((image) => !image.turns.has(turn) && hamming256(image.upright, upright) <= ONE_IMAGE_BITS);
    if (same) same.turns.add(turn);
    else if (images.length < COMPARED_MAX) images.push({ upright, turns: new Set([turn]) });
    return same === undefined;
  });
}

/** Return the checks that the images of an item cost: at least one. */
export function checksOf(images: readonly ItemValue[]): number {
  const count = (algorithm: BatchAlgorithm) => images.filter((one) => one.algorithm === algorithm).length;
  return Math.max(1, ...BATCH_ALGORITHMS.map(count));
}
