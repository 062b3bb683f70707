/** Position of a GIF's first frame on its screen. Source: GIF89a specification (CompuServe, 1990), sections 18 to 26. */

export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const EXTENSION = 0x21;
const IMAGE = 0x2c;

const tableBytes = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);

/** Return the part of the screen that the first frame covers; null if it covers the whole screen, or is not found. */
export function firstFrame(bytes: Uint8Array): Rectangle | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 13) return null;
  const [screenWidth, screenHeight] = [view.getUint16(6, true), view.getUint16(8, true)];
  let at = 13 + tableBytes(view.getUint8(10));
  while (at + 10 <= view.byteLength && view.getUint8(at) === EXTENSION) {
    at += 2;
    while (at < view.byteLength && view.getUint8(at) !== 0) at += 1 + view.getUint8(at);
    at++;
  }
  if (at + 10 > view.byteLength || view.getUint8(at) !== IMAGE) return null;
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true)) as [
    number,
    number,
    number,
    number,
  ];
  const isInside = width > 0 && height > 0 && left + width <= screenWidth && top + height <= screenHeight;
  const coversAll = width === screenWidth && height === screenHeight;
  return isInside && !coversAll ? { left, top, width, height } : null;
}
