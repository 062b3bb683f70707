/**
 * Digests → entries, exactly: an open-addressing table in shared memory, linear probing, at most half full.
 * The whole digest is compared: a table that trusted a prefix would one day report a stranger's file.
 *
 *   slots     2^k × u32: entry + 1, or 0 where empty
 *   digests   N × width bytes, in the order of entries
 *   randoms   width × 256 × u32: one random word for every value of every byte
 *
 * A slot is chosen by simple tabulation, with words drawn anew for each table. Digests of a list are whatever its
 * author wrote: a million with the same first bytes, or made to collide, must not turn the probing into a long walk.
 *
 * Source  Pătraşcu, Thorup: The Power of Simple Tabulation Hashing, 2011 (linear probing in constant expected time).
 */
import { randomFillSync } from 'node:crypto';

export interface DigestTable {
  readonly entryCount: number;
  readonly memoryBytes: number;
  /** All entries with this digest, ascending. Shape: `width` bytes; any other length is in no table. */
  lookup(digest: Uint8Array): number[];
  /** The same for many: rows ascending by query, then entry. Shape: count × `width` bytes. */
  lookupBatch(digests: Uint8Array): DigestRows;
  share(): DigestTableShare;
  close(): void;
}

export interface DigestRows {
  readonly count: number;
  readonly queryIndex: Uint32Array;
  readonly entryIndex: Uint32Array;
}

/** What another thread needs to open the same table. */
export interface DigestTableShare {
  readonly slots: SharedArrayBuffer;
  readonly digests: SharedArrayBuffer;
  readonly randoms: SharedArrayBuffer;
  readonly width: number;
}

const SLOTS_PER_ENTRY = 2;

/** Shape: `width` bytes from `from`; `randoms` as in the layout. Result: 32 bits, signed. */
function tabulated(bytes: Uint8Array, from: number, width: number, randoms: Uint32Array): number {
  let mixed = 0;
  for (let at = 0; at < width; at++) mixed ^= randoms[(at << 8) | bytes[from + at]!]!;
  return mixed;
}

/** Shape: `digests` N × `width` bytes. */
export function buildDigestTable(digests: Uint8Array, width: number): DigestTable {
  const entryCount = digests.length / width;
  const slotCount = 2 ** Math.ceil(Math.log2(Math.max(2, entryCount * SLOTS_PER_ENTRY)));
  const share: DigestTableShare = {
    slots: new SharedArrayBuffer(slotCount * 4),
    digests: new SharedArrayBuffer(digests.length),
    randoms: new SharedArrayBuffer(width * 256 * 4),
    width,
  };
  const kept = new Uint8Array(share.digests);
  kept.set(digests);
  const randoms = randomFillSync(new Uint32Array(share.randoms));
  const slots = new Uint32Array(share.slots);
  for (let entry = 0; entry < entryCount; entry++) {
    let slot = tabulated(kept, entry * width, width, randoms) & (slotCount - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (slotCount - 1);
    slots[slot] = entry + 1;
  }
  return openDigestTable(share);
}

export function openDigestTable(share: DigestTableShare): DigestTable {
  const { width } = share;
  const slots = new Uint32Array(share.slots);
  const digests = Buffer.from(share.digests);
  const randoms = new Uint32Array(share.randoms);
  const mask = slots.length - 1;
  const lookup = (digest: Uint8Array): number[] => {
    const found: number[] = [];
    if (digest.length !== width) return found;
    const wanted = Buffer.from(digest.buffer, digest.byteOffset, width);
    const first = tabulated(wanted, 0, width, randoms) & mask;
    for (let slot = first; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const at = (slots[slot]! - 1) * width;
      if (wanted.compare(digests, at, at + width) === 0) found.push(slots[slot]! - 1);
    }
    return found;
  };
  return {
    entryCount: digests.length / width,
    memoryBytes: share.slots.byteLength + share.digests.byteLength + share.randoms.byteLength,
    lookup,
    lookupBatch(many) {
      const queryIndex: number[] = [];
      const entryIndex: number[] = [];
      for (let query = 0; query * width < many.length; query++) {
        for (const entry of lookup(many.subarray(query * width, (query + 1) * width))) {
          queryIndex.push(query);
          entryIndex.push(entry);
        }
      }
      return {
        count: queryIndex.length,
        queryIndex: Uint32Array.from(queryIndex),
        entryIndex: Uint32Array.from(entryIndex),
      };
    },
    share: () => share,
    close() {},
  };
}

/** A view of the digests, in the order of entries. Shape: N × `width` bytes. */
export function digestsOf({ digests }: DigestTableShare): Uint8Array {
  return new Uint8Array(digests);
}
