/** JPEG headers, read from the markers without decoding. Source: ITU-T T.81, annex B. */

interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly precision: number;
  /** 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK. */
  readonly components: number;
  readonly progressive: boolean;
  /** Lossless, hierarchical or JPEG-LS: libjpeg-turbo has no decoder for it. */
  readonly isOtherProcess: boolean;
}

const SOI = 0xd8;
export const EOI = 0xd9;
export const SOS = 0xda;
/** Frame header of JPEG-LS. Source: ITU-T T.87, annex C. */
const SOF_LS = 0xf7;
/** Frame headers are C0..CF except DHT (C4), JPG (C8) and DAC (CC). */
export const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === SOF_LS;
/** Of the marker of a frame header. */
export const isProgressive = (marker: number) => (marker & 3) === 2;
/** Baseline, extended and progressive, each with Huffman or arithmetic coding. */
const DECODED_FRAMES = new Set([0xc0, 0xc1, 0xc2, 0xc9, 0xca]);
/** Markers without a segment: TEM and the restart markers. */
export const isBare = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** Return the first frame header; null if there is none before the first scan or the end. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | null {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return null;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) {
      at++;
      continue;
    }
    const marker = bytes[at + 1]!;
    if (marker === 0xff || isBare(marker)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === SOS || marker === EOI) return null;
    if (isFrame(marker)) {
      if (at + 10 > bytes.length) return null;
      return {
        precision: bytes[at + 4]!,
        height: (bytes[at + 5]! << 8) | bytes[at + 6]!,
        width: (bytes[at + 7]! << 8) | bytes[at + 8]!,
        components: bytes[at + 9]!,
        progressive: isProgressive(marker),
        isOtherProcess: !DECODED_FRAMES.has(marker),
      };
    }
    at += 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  }
  return null;
}

/**
 * Return the number of scans, at most `most`. In entropy-coded data FF is always followed by 00 or a restart marker, so
 * every FF DA is a scan; the few in thumbnails make the count too high, never too low.
 */
export function countScans(bytes: Uint8Array, most: number): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = buffer.indexOf('\xff\xda', 0, 'latin1'); at >= 0 && count < most; count++) {
    at = buffer.indexOf('\xff\xda', at + 2, 'latin1');
  }
  return count;
}
