/** Sizes of a TIFF's pages, without decoding. Source: TIFF 6.0 (Adobe, 1992), section 2; the BigTIFF extension of libtiff. */

interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  /** Unpacked bytes of the largest strip or tile. */
  readonly pieceBytes: number;
}

const TAG = { width: 256, height: 257, bits: 258, samples: 277, rowsPerStrip: 278, tileWidth: 322, tileHeight: 323 };
/** More pages than are ever hashed; a loop of pages ends there too. */
const PAGES_MAX = 1_000;
const ENTRIES_MAX = 1_000;

/** Return the pages; none where the header is damaged. Errors: none, for any bytes. */
export function readTiffPages(view: DataView): TiffPage[] {
  try {
    return readPages(view);
  } catch (error) {
    // Beyond the end.
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function readPages(view: DataView): TiffPage[] {
  const little = view.getUint8(0) === 0x49;
  const isBig = view.getUint16(2, little) === 43;
  const u16 = (at: number) => view.getUint16(at, little);
  const u32 = (at: number) => view.getUint32(at, little);
  const word = (at: number) => (isBig ? Number(view.getBigUint64(at, little)) : u32(at));
  const [entryBytes, valueAt, countBytes] = isBig ? [20, 12, 8] : [12, 8, 2];
  const pages: TiffPage[] = [];
  for (let at = word(isBig ? 8 : 4); at > 0 && pages.length < PAGES_MAX; ) {
    const entries = isBig ? word(at) : u16(at);
    if (entries > ENTRIES_MAX) break;
    const values = new Map<number, number>();
    for (let entry = 0; entry < entries; entry++) {
      const start = at + countBytes + entry * entryBytes;
      const [tag, type, count] = [u16(start), u16(start + 2), word(start + 4)];
      const room = isBig ? 8 : 4;
      // Several values, as the bits of each sample, may be elsewhere: the first one is read.
      const place = count * (type === 3 ? 2 : 4) > room ? word(start + valueAt) : start + valueAt;
      if (type === 3 || type === 4) values.set(tag, type === 3 ? u16(place) : u32(place));
    }
    pages.push(pageOf(values));
    at = word(at + countBytes + entries * entryBytes);
  }
  return pages;
}

function pageOf(values: ReadonlyMap<number, number>): TiffPage {
  const [width, height] = [values.get(TAG.width) ?? 0, values.get(TAG.height) ?? 0];
  const samples = values.get(TAG.samples) ?? 1;
  const pieceWidth = values.get(TAG.tileWidth) ?? width;
  const rows = values.get(TAG.tileHeight) ?? Math.min(height, values.get(TAG.rowsPerStrip) ?? height);
  const pieceBytes = pieceWidth * rows * samples * Math.ceil((values.get(TAG.bits) ?? 1) / 8);
  return { width, height, samples, pieceBytes };
}
