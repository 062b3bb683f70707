/** Sizes of a TIFF's pages, without decoding. Source: TIFF 6.0 (Adobe, 1992), section 3. */
import { type TiffDirectory, TiffReader } from './tiff-directories.js';

interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  /** Unpacked bytes of the largest strip or tile. */
  readonly pieceBytes: number;
}

const TAG = { width: 256, height: 257, bits: 258, samples: 277, rowsPerStrip: 278, tileWidth: 322, tileHeight: 323 };

/** Return the pages; none where a directory is damaged. Errors: none, for any bytes. */
export function readTiffPages(view: DataView): TiffPage[] {
  const pages: TiffPage[] = [];
  for (const directory of new TiffReader(view).directories()) {
    if (!directory.isWhole || directory.hasMore) return [];
    pages.push(pageOf(directory));
  }
  return pages;
}

/** Of several values, as the bits of each sample, the first. */
function pageOf({ value }: TiffDirectory): TiffPage {
  const [width, height] = [value(TAG.width) ?? 0, value(TAG.height) ?? 0];
  const samples = value(TAG.samples) ?? 1;
  const rows = value(TAG.tileHeight) ?? Math.min(height, value(TAG.rowsPerStrip) ?? height);
  const pieceBytes = (value(TAG.tileWidth) ?? width) * rows * samples * Math.ceil((value(TAG.bits) ?? 1) / 8);
  return { width, height, samples, pieceBytes };
}
