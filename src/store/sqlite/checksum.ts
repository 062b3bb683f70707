/**
 * The checksum of a list's entries: damage on the disk does not pass for a list. It is a sum over entries, so that an
 * addition or a removal changes it without the rest being read again; it guards against accidents, not against forgers.
 */
import { createHash } from 'node:crypto';
import type { Sqlite } from './database.js';

/** What of an entry is checked: its value as it rests, sealed. A new data key makes other checksums. */
export interface Checked {
  readonly algorithm: number;
  readonly value: Buffer;
  readonly entry_id: string;
  readonly attributes: string | null;
}

const WORDS = 8;

/** Eight sums modulo 2^32 of the words of each entry's SHA-256. */
export class ListChecksum {
  readonly #sums: Uint32Array;

  /** From the hex that `toHex` told, or empty for none. */
  constructor(hex = '') {
    const bytes = Buffer.from(hex, 'hex');
    this.#sums = Uint32Array.from({ length: WORDS }, (_, word) =>
      bytes.length > 0 ? bytes.readUInt32BE(word * 4) : 0,
    );
  }

  add(entry: Checked): void {
    this.#change(entry, 1);
  }

  remove(entry: Checked): void {
    this.#change(entry, -1);
  }

  toHex(): string {
    const bytes = Buffer.alloc(WORDS * 4);
    this.#sums.forEach((sum, word) => {
      bytes.writeUInt32BE(sum, word * 4);
    });
    return bytes.toString('hex');
  }

  #change({ algorithm, value, entry_id, attributes }: Checked, sign: 1 | -1): void {
    const digest = createHash('sha256')
      .update(JSON.stringify([algorithm, entry_id, attributes]))
      .update(value)
      .digest();
    // A typed array keeps each sum modulo 2^32.
    for (let word = 0; word < WORDS; word++)
      this.#sums[word] = this.#sums[word]! + sign * digest.readUInt32BE(word * 4);
  }
}

export function checksumOf(db: Sqlite, listId: number): string {
  const checksum = new ListChecksum();
  const rows = db.prepare<[number], Checked>(
    'SELECT algorithm, value, entry_id, attributes FROM entry WHERE list_id = ?',
  );
  for (const row of rows.iterate(listId)) checksum.add(row);
  return checksum.toHex();
}
