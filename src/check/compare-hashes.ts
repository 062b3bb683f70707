/** Distance of two values of one algorithm, which the caller has both. No list is read, so the answer says nothing about one. */
import { AppError } from '../core/errors.js';
import { parseHash256 } from '../core/hash256.js';
import { parsePhotoDna } from '../core/photodna.js';
import { type Algorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { hamming256 } from '../kernels/hamming.js';
import { squaredL2 } from '../kernels/l2.js';

interface Comparison {
  readonly algorithm: Algorithm;
  /** In bits; L2 for PhotoDNA; of digests 0, or null where they differ. */
  readonly distance: number | null;
  /** The radius of a new list, inclusive; 0 for digests. */
  readonly radius: number;
  readonly within: boolean;
}

/** Parse one of the two. Errors VALUE_INVALID, with its name and without its value. */
function parsed<T>(field: string, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new AppError('VALUE_INVALID', { field, expected }, error);
  }
}

function digest(field: string, algorithm: Algorithm, hex: string): string {
  const digits = VALUE_BYTES[algorithm] * 2;
  if (hex.length !== digits || !/^[0-9a-f]+$/i.test(hex))
    throw new AppError('VALUE_INVALID', { field, expected: `${digits} hex digits` });
  return hex.toLowerCase();
}

/** Errors VALUE_INVALID; PHOTODNA_UNCONFIGURED. */
export function compareHashes(
  { algorithm, a, b }: { readonly algorithm: Algorithm; readonly a: string; readonly b: string },
  { radiusBits, photodnaRadius }: { readonly radiusBits: number; readonly photodnaRadius: number | 'none' },
): Comparison {
  if (algorithm === 'photodna') {
    if (photodnaRadius === 'none') throw new AppError('PHOTODNA_UNCONFIGURED');
    const form = `${VALUE_BYTES.photodna} bytes as base64 or hex`;
    const [one, other] = [parsed('a', form, () => parsePhotoDna(a)), parsed('b', form, () => parsePhotoDna(b))];
    const distance = Math.sqrt(squaredL2(one, other));
    return { algorithm, distance, radius: photodnaRadius, within: distance <= photodnaRadius };
  }
  if (algorithm === 'pdq' || algorithm === 'blockhash') {
    const form = '64 hex digits';
    const [one, other] = [parsed('a', form, () => parseHash256(a)), parsed('b', form, () => parseHash256(b))];
    const distance = hamming256(one, other);
    return { algorithm, distance, radius: radiusBits, within: distance <= radiusBits };
  }
  const isSame = digest('a', algorithm, a) === digest('b', algorithm, b);
  return { algorithm, distance: isSame ? 0 : null, radius: 0, within: isSame };
}
