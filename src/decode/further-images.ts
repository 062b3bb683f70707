/**
 * Further images of a JPEG file, by its index: stereo pairs, previews, gain maps.
 * Source  CIPA DC-007-2009, 5.2: offsets count from the index's own TIFF head.
 */

const APP2 = 0xe2;
const SOS = 0xda;
/** Images of one file: the standard's cameras write two to a few. */
const PICTURES_MAX = 16;
const ENTRIES_TAG = 0xb002;
const ENTRY_BYTES = 16;

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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const head = findIndex(view);
    return head === null ? [] : readEntries(bytes, view, head);
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function readEntries(bytes: Uint8Array, view: DataView, head: number): Uint8Array[] {
  const little = view.getUint8(head) === 0x49;
  const directory = head + view.getUint32(head + 4, little);
  const found: Uint8Array[] = [];
  for (let entry = 0; entry < view.getUint16(directory, little); entry++) {
    const at = directory + 2 + 12 * entry;
    if (view.getUint16(at, little) !== ENTRIES_TAG) continue;
    const count = Math.min(Math.floor(view.getUint32(at + 4, little) / ENTRY_BYTES), PICTURES_MAX);
    const entries = head + view.getUint32(at + 8, little);
    // The first entry is the file's own first image.
    for (let n = 1; n < count; n++) {
      const [size, offset] = [4, 8].map((field) => view.getUint32(entries + n * ENTRY_BYTES + field, little)) as [
        number,
        number,
      ];
      const picture = bytes.subarray(head + offset, head + offset + size);
      if (offset > 0 && picture[0] === 0xff && picture[1] === 0xd8) found.push(picture);
    }
    break;
  }
  return found;
}
