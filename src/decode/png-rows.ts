/**
 * How many rows of a damaged PNG its data have, by the file itself: libpng leaves old rows of the image in the place of those that are
 * missing, so the pixels do not show it. The unpacked data are counted, never kept.
 *
 * Source  W3C, Portable Network Graphics (PNG) Specification (Third Edition), 5.3, 8.1 and 10.
 */
import { once } from 'node:events';
import { constants, createInflate } from 'node:zlib';
import { chunksOf, isCritical } from './png-chunks.js';
import { type Layout, layoutOf, unpackedBytes } from './png-layout.js';

/** At damage the last piece is lost: a row or a few. */
const PIECE_BYTES = 4_096;

interface Unpacked {
  readonly bytes: number;
  /** The packed data are not what an encoder wrote; data that just end are not. */
  readonly isDamaged: boolean;
}

/** Count what the packed data unpack to, at most so many bytes. */
async function countUnpacked(pieces: readonly Uint8Array[], bytesMax: number): Promise<Unpacked> {
  let [bytes, isDamaged] = [0, false];
  const inflate = createInflate({ chunkSize: PIECE_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
  inflate.on('data', (piece: Buffer) => {
    bytes += piece.length;
    // The checksum behind the last row is looked at too, which needs one more step.
    if (bytes > bytesMax) inflate.destroy();
  });
  inflate.on('error', () => {
    isDamaged = true;
  });
  const closed = once(inflate, 'close').catch(() => {});
  for (const piece of pieces) inflate.write(piece);
  inflate.end();
  await closed;
  return { bytes: Math.min(bytes, bytesMax), isDamaged };
}

interface Packed {
  readonly layout: Layout | null;
  /** Pixels up to the first chunk with a wrong checksum. */
  readonly checked: readonly Uint8Array[];
  /** The last chunk, if it is cut: it has no checksum. */
  readonly unchecked: Uint8Array | null;
}

function packedOf(bytes: Uint8Array): Packed {
  let layout: Layout | null = null;
  const checked: Uint8Array[] = [];
  for (const { type, data, isSound } of chunksOf(bytes)) {
    const [isPixels, sound] = [type === 'IDAT', isCritical(type) ? isSound() : true];
    if (isPixels && sound === null) return { layout, checked, unchecked: data };
    // What is behind a header, a palette or pixels that are wrong is not to be trusted.
    if (type === 'IEND' || !sound) break;
    if (type === 'IHDR') layout ??= layoutOf(data);
    if (isPixels) checked.push(data);
  }
  return { layout, checked, unchecked: null };
}

/**
 * Return the share of a PNG's rows, 0 to 1, that its data do not have; of an interlaced one that is not complete all.
 * Errors  IMAGE_CORRUPT: too many chunks.
 */
export async function missingOfPng(bytes: Uint8Array): Promise<number> {
  const { layout, checked, unchecked } = packedOf(bytes);
  if (layout === null) return 1;
  const whole = unpackedBytes(layout);
  const all = unchecked === null ? checked : [...checked, unchecked];
  const counted = await countUnpacked(all, whole);
  // Of a chunk without a checksum that is damaged somewhere nothing is known.
  const isUnknown = counted.isDamaged && unchecked !== null;
  const { bytes: unpacked } = isUnknown ? await countUnpacked(checked, whole) : counted;
  if (layout.isInterlaced) return unpacked === whole ? 0 : 1;
  return 1 - Math.floor((unpacked * layout.height) / whole) / layout.height;
}
