/** Variants of a listed image: hashes of parts of it, by which edited copies of it are found. */
import { DERIVED_KINDS, type DerivedKind } from '../core/derived.js';
import { formatHash256, parseHash256 } from '../core/hash256.js';
import type { Place } from '../core/window.js';
import { hamming256 } from '../kernels/hamming.js';
import type { WindowHash } from '../kernels/windows/hash-windows.js';

/** Variants stored of one image: all places that there are. Each is searched as an entry, and may be near a stranger; a decoder that returns more is at fault. */
export const VARIANTS_MAX = 40;
/** This near to another value of its entry, a variant finds no copy that the other does not. */
const SAME_BITS = 4;

export interface Variant {
  readonly hash: string;
  readonly kind: DerivedKind;
  readonly place: Place;
}

/** Return the variants that add to an image's own hashes; none of an image that has none. */
export function variantsOf(parts: readonly WindowHash[], own: readonly string[]): Variant[] {
  if (own.length === 0) return [];
  const held = own.map(parseHash256);
  const kept: Variant[] = [];
  for (const { window, hashes } of parts) {
    const [hash256] = hashes as [Uint8Array];
    const kind = DERIVED_KINDS.find((one) => one === window.kind);
    if (kind === undefined || held.some((other) => hamming256(other, hash256) <= SAME_BITS)) continue;
    if (kept.length === VARIANTS_MAX) break;
    held.push(hash256);
    kept.push({ hash: formatHash256(hash256), kind, place: window });
  }
  return kept;
}

const share = (value: number) => value.toFixed(3);

/** Say where a variant lies, for a person: edges in shares of the image's sides, as those of a window. */
export const placeText = ({ rectangle: { left, top, right, bottom }, degrees }: Place): string =>
  `left ${share(left)}, top ${share(top)}, right ${share(right)}, bottom ${share(bottom)}, turned ${degrees}°`;
