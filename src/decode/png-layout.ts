/** Rows and passes of a PNG's unpacked pixels. Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition), 8.1 and 11.2.1. */

type Step = readonly [columns: number, rows: number];

/** The pixels of every so many columns and rows. */
export interface Pass {
  /** First column and row, and the distance to the next. */
  readonly start: Step;
  readonly step: Step;
  /** What is complete with this pass and all before it. */
  readonly grid: Step;
}

/** Those of an interlaced image (Adam7). */
export const PASSES: readonly Pass[] = [
  { start: [0, 0], step: [8, 8], grid: [8, 8] },
  { start: [4, 0], step: [8, 8], grid: [4, 8] },
  { start: [0, 4], step: [4, 8], grid: [4, 4] },
  { start: [2, 0], step: [4, 4], grid: [2, 4] },
  { start: [0, 2], step: [2, 4], grid: [2, 2] },
  { start: [1, 0], step: [2, 2], grid: [1, 2] },
  { start: [0, 1], step: [1, 2], grid: [1, 1] },
];
const WHOLE: Pass = { start: [0, 0], step: [1, 1], grid: [1, 1] };

/** Samples a pixel, by the type of colour: grey, R G B, palette, and the first two with alpha. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Of a pixel. */
  readonly bits: number;
  readonly isInterlaced: boolean;
}

/** Return how many of so many columns or rows a step meets. */
export const across = (length: number, start: number, step: number) => Math.max(0, Math.ceil((length - start) / step));
export const rowBytes = (pixels: number, bits: number) => Math.ceil((pixels * bits) / 8);

/** Pixels of a pass, a row and all, and its bytes with a filter's number before each row; a pass without pixels has none. */
export function sizeOf({ start, step }: Pass, { width, height, bits }: Layout) {
  const [columns, rows] = [across(width, start[0], step[0]), across(height, start[1], step[1])];
  return { columns, rows, bytes: columns === 0 ? 0 : rows * (1 + rowBytes(columns, bits)) };
}

/** Return the bytes that the pixels take, unpacked. */
export const unpackedBytes = (layout: Layout): number =>
  (layout.isInterlaced ? PASSES : [WHOLE]).reduce((sum, pass) => sum + sizeOf(pass, layout).bytes, 0);

/** Return what the data of an IHDR say; null if they make no sense. */
export function layoutOf(header: Uint8Array): Layout | null {
  if (header.length < 13) return null;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const [width, height, depth, colour, interlacing] = [
    view.getUint32(0),
    view.getUint32(4),
    ...[8, 9, 12].map((at) => view.getUint8(at)),
  ] as [number, number, number, number, number];
  const bits = depth * (SAMPLES[colour] ?? 0);
  const isLayout = [1, 2, 4, 8, 16, 24, 32, 48, 64].includes(bits) && interlacing <= 1;
  return isLayout ? { width, height, bits, isInterlaced: interlacing === 1 } : null;
}
