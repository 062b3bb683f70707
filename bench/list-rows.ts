/** Lists for benches: rows of raw values, as from an import. */
import type { ParsedRow } from '../src/core/parsed-row.js';
import { type Algorithm, NO_ATTRIBUTES, VALUE_BYTES } from '../src/core/vocabulary.js';
import { seeded } from './pdq-like.js';

/** Generate values. Shape: count × `width` bytes, uniform like digests. */
export function randomValues(count: number, width: number, seed: number): Uint8Array {
  const random = seeded(seed);
  const words = new Uint32Array((count * width) / 4);
  for (let at = 0; at < words.length; at++) words[at] = random() * 4_294_967_296;
  return new Uint8Array(words.buffer);
}

/** Yield one row per value, with the ids `e0`, `e1`, ... from `firstId` on. Shape: `values` N × the algorithm's bytes. */
export async function* listRows(algorithm: Algorithm, values: Uint8Array, firstId = 0): AsyncGenerator<ParsedRow> {
  const width = VALUE_BYTES[algorithm];
  for (let at = 0; at < values.length; at += width) {
    const value = Buffer.from(values.subarray(at, at + width)).toString('hex');
    const entry = {
      entryId: `e${firstId + at / width}`,
      algorithm,
      value,
      status: 'active' as const,
      ...NO_ATTRIBUTES,
    };
    yield { ok: true, line: at / width + 1, entry };
  }
}
