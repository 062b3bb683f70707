/**
 * Further images of a JPEG file, by its index: stereo pairs, previews, gain maps.
 * Source  CIPA DC-007-2009, 5.2: offsets count from the index's own TIFF head.
 */
import { TiffReader } from './tiff-directories.js';

const APP2 = 0xe2;
const SOS = 0xda;
/** Images of one file: the standard's cameras write two to a few. */
const PICTURES_MAX = 16;
const ENTRIES_TAG = 0xb002;
/** An entry as numbers of 32 bits: attributes, size, place, and two of 16 bits. */
const NUMBERS = 4;
const SIZE = 1;
const OFFSET = 2;
const LONG = 4;

/** Return the position of the index's TIFF head; null if there is none before the first scan. */
function findIndex(view: DataView): number | null {
  for (let at = 2; at + 12 <= view.byteLength && view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (marker === SOS) return null;
    // "MPF" and a zero.
    if (marker === APP2 && view.getUint32(at + 4) === 0x4d504600) return at + 8;
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Return the JPEGs behind the first one. Errors: none, for any bytes. */
export function furtherImages(bytes: Uint8Array): Uint8Array[] {
  const head = findIndex(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (head === null) return [];
  const behind = bytes.subarray(head);
  const tiff = new TiffReader(new DataView(behind.buffer, behind.byteOffset, behind.byteLength));
  const numbers = tiff.first()?.values(ENTRIES_TAG, PICTURES_MAX * NUMBERS, LONG) ?? [];
  const found: Uint8Array[] = [];
  // The first entry is the file's own first image.
  for (let n = NUMBERS; n + NUMBERS <= numbers.length; n += NUMBERS) {
    const [size, offset] = [numbers[n + SIZE]!, numbers[n + OFFSET]!];
    const picture = behind.subarray(offset, offset + size);
    if (offset > 0 && picture[0] === 0xff && picture[1] === 0xd8) found.push(picture);
  }
  return found;
}
