/** Whether a file ends before its format says that it does: decoders report that as damage of any kind. Pure, and of little cost. */
import type { ImageFormat } from '../core/vocabulary.js';
import { TiffReader } from './tiff-directories.js';

type View = DataView;

/** Chunks of a PNG up to IEND. Source: PNG specification, 5.3. */
function endsEarlyPng(view: View): boolean {
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at))
    if (view.getUint32(at + 4) === 0x49454e44) return false;
  return true;
}

/** Blocks of a GIF up to its trailer. Source: GIF89a specification, appendix B. */
function endsEarlyGif(view: View): boolean {
  let at = Math.min(view.byteLength, 13);
  const skipTable = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  if (at === 13) at += skipTable(view.getUint8(10));
  while (at < view.byteLength) {
    const kind = view.getUint8(at);
    if (kind === 0x3b) return false;
    if (kind === 0x2c && at + 10 > view.byteLength) return true;
    // An image: its descriptor, colours and code size; an extension: its label.
    at += kind === 0x2c ? 11 + skipTable(view.getUint8(at + 9)) : 2;
    while (at < view.byteLength && view.getUint8(at) !== 0) at += 1 + view.getUint8(at);
    at++;
  }
  return true;
}

/** Source: RFC 9649, 2.4: the size of the file behind its first eight bytes. */
const declaredByWebp = (view: View): number => (view.byteLength < 12 ? 12 : 8 + view.getUint32(4, true));

/** Boxes on the outermost level; the last may have no size. Source: ISO/IEC 14496-12, 4.2. */
function declaredByIso(view: View): number {
  let at = 0;
  while (at < view.byteLength) {
    if (at + 8 > view.byteLength) return at + 8;
    const short = view.getUint32(at);
    if (short === 1 && at + 16 > view.byteLength) return at + 16;
    const size = short === 1 ? Number(view.getBigUint64(at + 8)) : short;
    if (size < 8) return view.byteLength;
    at += size;
  }
  return at;
}

const DECLARED: Partial<Record<ImageFormat, (view: View) => number>> = {
  webp: declaredByWebp,
  avif: declaredByIso,
  heic: declaredByIso,
};

/** Tags of places and lengths: of strips, of tiles. */
const PIECES = [
  [273, 279],
  [324, 325],
] as const;
/** Strips that are looked at: one for each row of the largest image that is written so. */
const STRIPS_MAX = 65_536;

/**
 * Return how much of a TIFF is missing at its end, 0 to 1: of the strips or tiles of its first image the share that leaves the file, or all
 * without their directory. Of a BigTIFF 0. Source: TIFF 6.0, 2 and 3.
 */
function missingOf(view: View): number {
  const tiff = new TiffReader(view);
  if (tiff.isBig) return 0;
  const directory = tiff.first();
  if (!directory?.isWhole) return 1;
  const isBeyond = ({ at, bytes }: { at: number; bytes: number }) => at + bytes > view.byteLength;
  const shares = PIECES.map((tags) => {
    if (tags.some((tag) => isBeyond(directory.entries.get(tag) ?? { at: 0, bytes: 0 }))) return 1;
    const [places, lengths] = tags.map((tag) => directory.values(tag, STRIPS_MAX)) as [number[], number[]];
    const beyond = places.filter((at, n) => isBeyond({ at, bytes: lengths[n] ?? 0 })).length;
    return beyond / Math.max(1, places.length);
  });
  return Math.max(...shares);
}

const viewOf = (bytes: Uint8Array): View => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** As `missingOf`. Errors: none, for any bytes. */
export const missingOfTiff = (bytes: Uint8Array): number => missingOf(viewOf(bytes));

/** Return whether the file is known to end early; decoders say so themselves of the other formats. Errors: none, for any bytes. */
export function isCutOff(format: ImageFormat, bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  if (format === 'png') return endsEarlyPng(view);
  if (format === 'gif') return endsEarlyGif(view);
  if (format === 'tiff') return missingOf(view) > 0;
  return (DECLARED[format]?.(view) ?? 0) > bytes.length;
}

/** A file of which more is missing than there is has nothing to see. */
const FILLED_SHARE_MAX = 1 / 2;

/**
 * Return a truncated file with zeros up to the size that it declares, for decoders that decode nothing of a file that is shorter;
 * null if it declares none, or too little is there. `share`: of the file that is missing.
 */
export function filledUp(format: ImageFormat, bytes: Uint8Array): { bytes: Uint8Array; share: number } | null {
  const declared = DECLARED[format]?.(viewOf(bytes)) ?? 0;
  const share = (declared - bytes.length) / declared;
  if (!(share > 0 && share <= FILLED_SHARE_MAX)) return null;
  const filled = new Uint8Array(declared);
  filled.set(bytes);
  return { bytes: filled, share };
}
