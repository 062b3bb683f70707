/** The digest of an entry of a list, of which the list's checksum is the sum. */
import { hash } from 'node:crypto';

/** The part of an entry that is covered. */
interface DigestedEntry {
  /** Position in `ALGORITHMS`. */
  readonly algorithm: number;
  /** Sealed. */
  readonly value: Uint8Array;
  readonly entry_id: string;
  readonly attributes: string | null;
  /** Sealed. */
  readonly notes: Uint8Array | null;
}

/** UTF-8 bytes of one UTF-16 unit, at most. */
const BYTES_PER_UNIT = 3;
/** The bytes of the entry that is hashed, kept between the calls; grows with the largest entry. */
let scratch = Buffer.alloc(1_024);

/** Return 32 bytes. Without notes, as before there were any: the checksums of existing lists stay. */
export const entryDigest = (entry: DigestedEntry): Buffer => Buffer.from(digestOf(entry), 'latin1');

/** Put the 32 bytes of `entryDigest` into `out` from the place `at` on. */
export function putEntryDigest(entry: DigestedEntry, out: Buffer, at: number): void {
  out.write(digestOf(entry), at, 'latin1');
}

/** A byte a character: as a string it costs half as much as in a buffer of its own. */
function digestOf({ algorithm, value, entry_id, attributes, notes }: DigestedEntry): string {
  const about = JSON.stringify([algorithm, entry_id, attributes]);
  const most = about.length * BYTES_PER_UNIT + value.length + (notes?.length ?? 0);
  if (most > scratch.length) scratch = Buffer.alloc(most * 2);
  let end = scratch.write(about);
  scratch.set(value, end);
  end += value.length;
  if (notes !== null) scratch.set(notes, end);
  // One call: a hash object for each entry costs three times as much.
  return hash('sha256', scratch.subarray(0, end + (notes?.length ?? 0)), 'binary');
}
