/**
 * Directories of TIFF, BigTIFF, and of what is built like them: raw photographs, maker notes, the index of a JPEG's images. Of a
 * damaged file what is there; never an error, for any bytes.
 *
 * Source  TIFF 6.0 (Adobe, 1992), section 2; the BigTIFF extension of libtiff.
 */

/** Entries of a directory. Writers of images have up to thirty, cameras up to a hundred, and in maker notes two hundred. */
const ENTRIES_MAX = 512;
/** Directories of a chain: more than pages are ever hashed. A loop ends there too. */
const DIRECTORIES_MAX = 1_000;
const BIG = 43;

/** Bytes of a value by its type: bytes, text, 16, 32 and 64 bits, without a sign, and places of directories. */
const VALUE_BYTES: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8, 18: 8 };

interface TiffEntry {
  readonly type: number;
  readonly count: number;
  /** Place of the first value, in the entry or elsewhere; it may be beyond the end. */
  readonly at: number;
  /** Bytes of all values; 0 for a type that is not read. */
  readonly bytes: number;
}

export interface TiffDirectory {
  /** By tag; of several with one tag the first, as in libtiff. */
  readonly entries: ReadonlyMap<number, TiffEntry>;
  /** Place of the next directory; 0 if there is none. */
  readonly next: number;
  /** All entries, and the place of the next directory, are in the file. */
  readonly isWhole: boolean;
  /** There are entries beyond the bound. */
  readonly hasMore: boolean;
  /** Return the values of a tag, at most `most`, as far as they are in the file. `type`: other than that of the entry. */
  values(tag: number, most: number, type?: number): number[];
  /** Return the first value of a tag; undefined if there is none. */
  value(tag: number): number | undefined;
}

export class TiffReader {
  readonly isBig: boolean;
  readonly #isLittle: boolean;

  /** `view`: from where places count. `order`: of directories without a head. */
  constructor(
    readonly view: DataView,
    order?: 'II' | 'MM',
  ) {
    this.#isLittle = order ? order === 'II' : this.#number(0, 1) === 0x49;
    this.isBig = !order && this.#number(2, 2) === BIG;
  }

  /** Yield the directories of the chain. */
  *directories(): Generator<TiffDirectory> {
    let directory = this.first();
    for (let left = DIRECTORIES_MAX; left > 0 && directory; left--, directory = this.directory(directory.next))
      yield directory;
  }

  get firstAt(): number {
    return this.isBig ? this.#number(8, 8) : this.#number(4, 4);
  }

  first(): TiffDirectory | null {
    return this.directory(this.firstAt);
  }

  /** Return the directory at a place; null if there is none. */
  directory(at: number): TiffDirectory | null {
    const [countBytes, wordBytes, entryBytes] = this.isBig ? ([8, 8, 20] as const) : ([2, 4, 12] as const);
    if (at === 0 || at + countBytes > this.view.byteLength) return null;
    const stored = this.#number(at, countBytes);
    const entries = new Map<number, TiffEntry>();
    for (let n = 0, from = at + countBytes; n < Math.min(stored, ENTRIES_MAX); n++, from += entryBytes) {
      if (from + entryBytes > this.view.byteLength) break;
      const tag = this.#number(from, 2);
      if (entries.has(tag)) continue;
      const [type, count] = [this.#number(from + 2, 2), this.#number(from + 4, wordBytes)];
      const bytes = count * (VALUE_BYTES[type] ?? 0);
      const value = from + 4 + wordBytes;
      entries.set(tag, { type, count, at: bytes > wordBytes ? this.#number(value, wordBytes) : value, bytes });
    }
    const end = at + countBytes + stored * entryBytes;
    const values = (tag: number, most: number, type?: number) => this.#values(entries.get(tag), most, type);
    return {
      entries,
      next: this.#number(end, wordBytes),
      isWhole: end + wordBytes <= this.view.byteLength,
      hasMore: stored > ENTRIES_MAX,
      values,
      value: (tag) => values(tag, 1)[0],
    };
  }

  #values(entry: TiffEntry | undefined, most: number, type = entry?.type): number[] {
    const each = VALUE_BYTES[type ?? 0];
    if (!entry || !each || entry.at > this.view.byteLength) return [];
    const present = Math.min(entry.bytes, this.view.byteLength - entry.at);
    const count = Math.min(Math.floor(present / each), most);
    return Array.from({ length: count }, (_, n) => this.#number(entry.at + n * each, each));
  }

  /** Return a number without a sign; 0 beyond the end. One of 64 bits is exact up to the largest place in any file. */
  #number(at: number, bytes: 1 | 2 | 4 | 8): number {
    const { view } = this;
    if (at + bytes > view.byteLength) return 0;
    if (bytes === 1) return view.getUint8(at);
    if (bytes === 2) return view.getUint16(at, this.#isLittle);
    return bytes === 4 ? view.getUint32(at, this.#isLittle) : Number(view.getBigUint64(at, this.#isLittle));
  }
}
