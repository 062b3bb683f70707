/** Keys of the files of one folder, from the hashes of their names. */
import type { PathBytes } from '../../core/path-bytes.js';
import { KEYS_PER_FOLDER } from '../../store/inventory-contract.js';

/** Random seed of the hash, so that file names cannot be crafted to collide. */
export const SEED_SPAN = 2 ** 32;

/** 0 to 2^24 - 1. Source: FNV-1a from a seed, with MurmurHash3's finaliser. */
export function spreadOf(name: PathBytes, seed: number): number {
  let hash = seed;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16) ^ seed, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 8;
}

/** After a collision a name gets the next free key, wrapping around at the last one: none lies among those of another folder. */
export function keyAfter(fileKey: number): number {
  const next = fileKey + 1;
  return next % KEYS_PER_FOLDER === 0 ? next - KEYS_PER_FOLDER : next;
}
