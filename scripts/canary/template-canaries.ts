/** Hashes of the templates: of each no two that nearly the same entries would match. */
import { seeded } from '../../bench/pdq-like.js';
import { PDQ_QUALITY_MIN } from '../../src/core/limits.js';
import { isOneDimensionalPdq } from '../../src/core/pdq-shape.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import type { PdqHasher } from '../../src/kernels/pdq.js';
import { TEMPLATES } from './templates.js';

/** A hash within half the usual radius of another holds hardly an entry more. Unit: bits. */
const APART_BITS = 16;

/** Return the hash of a drawing; null where an entry with it is rejected or held by another rule: low quality, one-dimensional. */
function entryHash(hasher: PdqHasher, raster: Raster): Uint8Array | null {
  const { quality, degenerate, hashes } = hasher.hash(raster, { orientations: 'none', families: 'resized' })
    .families[0]!;
  if (degenerate || quality < PDQ_QUALITY_MIN || isOneDimensionalPdq(hashes[0]!)) return null;
  return Uint8Array.from(hashes[0]!);
}

/** Return the hashes of all templates, each with the name of its own. */
export function templateCanaries(hasher: PdqHasher): { readonly hash: Uint8Array; readonly template: string }[] {
  return Object.entries(TEMPLATES).flatMap(([template, { draw, layouts, contents }]) => {
    const content = seeded(2_026);
    const taken: Uint8Array[] = [];
    for (let at = 0; at < layouts * contents; at++) {
      const hash = entryHash(hasher, draw(seeded(at % layouts), content).raster);
      if (hash !== null && taken.every((other) => hamming256(hash, other) > APART_BITS)) taken.push(hash);
    }
    return taken.map((hash) => ({ hash, template }));
  });
}
