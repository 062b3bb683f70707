/**
 * Digests → entries, exactly: an open-addressing table in shared memory, linear probing, at most half full.
 * The whole digest is compared: a table that trusted a prefix would one day report a stranger's file.
 *
 *   slots     2^k × u32: entry + 1, or 0 where empty
 *   digests   N × width bytes, in the order of entries
 */

export interface DigestTable {
  readonly entryCount: number;
  readonly memoryBytes: number;
  /** All entries with this digest, ascending. Shape: `width` bytes; any other length is in no table. */
  lookup(digest: Uint8Array): number[];
  share(): DigestTableShare;
}

/** What another thread needs to open the same table. */
export interface DigestTableShare {
  readonly slots: SharedArrayBuffer;
  readonly digests: SharedArrayBuffer;
  readonly width: number;
}

/** A digest is as good as random, so its first four bytes are the hash of the table. */
const SLOTS_PER_ENTRY = 2;

/** Shape: `digests` N × `width` bytes. */
export function buildDigestTable(digests: Uint8Array, width: number): DigestTable {
  const entryCount = digests.length / width;
  const slotCount = 2 ** Math.ceil(Math.log2(Math.max(2, entryCount * SLOTS_PER_ENTRY)));
  const share: DigestTableShare = {
    slots: new SharedArrayBuffer(slotCount * 4),
    digests: new SharedArrayBuffer(digests.length),
    width,
  };
  const kept = new Uint8Array(share.digests);
  kept.set(digests);
  const view = new DataView(share.digests);
  const slots = new Uint32Array(share.slots);
  for (let entry = 0; entry < entryCount; entry++) {
    let slot = view.getUint32(entry * width, true) & (slotCount - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (slotCount - 1);
    slots[slot] = entry + 1;
  }
  return openDigestTable(share);
}

export function openDigestTable(share: DigestTableShare): DigestTable {
  const { width } = share;
  const slots = new Uint32Array(share.slots);
  const digests = Buffer.from(share.digests);
  const mask = slots.length - 1;
  return {
    entryCount: digests.length / width,
    memoryBytes: share.slots.byteLength + share.digests.byteLength,
    lookup(digest) {
      const found: number[] = [];
      if (digest.length !== width) return found;
      const wanted = Buffer.from(digest.buffer, digest.byteOffset, width);
      for (let slot = wanted.readUInt32LE(0) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const at = (slots[slot]! - 1) * width;
        if (wanted.compare(digests, at, at + width) === 0) found.push(slots[slot]! - 1);
      }
      return found;
    },
    share: () => share,
  };
}
