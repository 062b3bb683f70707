/** BMP files of every variant with the pixels that each shows, for the decoder's tests and for a browser. */
import { seeded } from '../../bench/pdq-like.js';
import {
  type BmpPlan,
  type Pixel,
  type Rows,
  type Run,
  shownPixels,
  writeBmp,
  writeIcon,
  writeRuns,
} from './bmp-writer.js';

export interface Variant {
  readonly name: string;
  readonly file: Buffer;
  readonly shown: Rows<Pixel>;
  /** Chromium does not show it, or differs. */
  readonly notInChromium?: boolean;
  /** Its header is wrong, so that other programs may show it differently: degraded. */
  readonly isOdd?: boolean;
}

const [WIDTH, HEIGHT] = [13, 7];

function valuesUnder(limit: number, seed: number, width = WIDTH, height = HEIGHT): number[][] {
  const random = seeded(seed);
  return Array.from({ length: height }, () => Array.from({ length: width }, () => Math.floor(random() * limit)));
}

function coloursOf(count: number, seed: number): number[][] {
  return valuesUnder(256, seed, 3, count);
}

const planned = (name: string, plan: BmpPlan, more: Partial<Variant> = {}): Variant => ({
  name,
  file: writeBmp(plan),
  shown: shownPixels(plan),
  ...more,
});

const PALETTED = ([1, 2, 4, 8] as const).flatMap((bits) => {
  const plan = { bits, rows: valuesUnder(2 ** bits, bits), palette: coloursOf(2 ** bits, 50 + bits) };
  return [12, 16, 36, 40, 52, 56, 64, 108, 124].map((headerBytes) =>
    planned(
      `${bits} bits, header of ${headerBytes}`,
      { ...plan, headerBytes },
      {
        // OS/2 1.x has no 2 bits.
        notInChromium: bits === 2 && headerBytes === 12,
      },
    ),
  );
});

const TRUE_COLOUR = ([16, 24, 32] as const).flatMap((bits) =>
  [12, 40, 52, 64, 108, 124].map((headerBytes) =>
    planned(
      `${bits} bits, header of ${headerBytes}`,
      { bits, headerBytes, rows: valuesUnder(2 ** bits, bits) },
      // OS/2 1.x has 24 bits only.
      { notInChromium: bits !== 24 && headerBytes === 12 },
    ),
  ),
);

const MASKS: readonly (readonly [string, 16 | 32, readonly number[]])[] = [
  ['5-5-5', 16, [0x7c00, 0x03e0, 0x001f]],
  ['5-6-5', 16, [0xf800, 0x07e0, 0x001f]],
  ['4-4-4', 16, [0x0f00, 0x00f0, 0x000f]],
  ['1-3-2', 16, [0x0001, 0x000e, 0x0030]],
  ['7-2-6', 16, [0xfe00, 0x0180, 0x007e]],
  ['8-8-8 in the other order', 32, [0x000000ff, 0x0000ff00, 0x00ff0000]],
  ['10-10-10', 32, [0x3ff00000, 0x000ffc00, 0x000003ff]],
  ['12-16-4', 32, [0xfff00000, 0x000ffff0, 0x0000000f]],
  ['8-8-8 in the high bytes', 32, [0xff000000, 0x00ff0000, 0x0000ff00]],
  ['no green', 32, [0x00ff0000, 0, 0x000000ff]],
];
const ALPHAS: readonly (readonly [string, 16 | 32, readonly number[]])[] = [
  ['10-10-10-2', 32, [0x3ff00000, 0x000ffc00, 0x000003ff, 0xc0000000]],
  ['8-8-8-8', 32, [0x00ff0000, 0x0000ff00, 0x000000ff, 0xff000000]],
  ['8-8-8-8, alpha last', 32, [0xff000000, 0x00ff0000, 0x0000ff00, 0x000000ff]],
  ['4-4-4-4', 16, [0x0f00, 0x00f0, 0x000f, 0xf000]],
  ['5-5-5-1', 16, [0x7c00, 0x03e0, 0x001f, 0x8000]],
];

const BIT_FIELDS = [
  ...MASKS.flatMap(([name, bits, masks]) =>
    [40, 52, 56, 108, 124].map((headerBytes) =>
      planned(`${name}, header of ${headerBytes}`, {
        bits,
        headerBytes,
        masks: [...masks, ...(headerBytes > 52 ? [0] : [])],
        compression: 3,
        rows: valuesUnder(2 ** bits, headerBytes),
      }),
    ),
  ),
  ...ALPHAS.flatMap(([name, bits, masks]) => [
    ...[56, 108, 124].map((headerBytes) =>
      planned(`${name}, header of ${headerBytes}`, {
        bits,
        headerBytes,
        masks,
        compression: 3,
        rows: valuesUnder(2 ** bits, 3),
      }),
    ),
    planned(`${name}, masks with alpha behind the header`, {
      bits,
      masks,
      compression: 6,
      rows: valuesUnder(2 ** bits, 4),
    }),
  ]),
];

const idleAlpha = (rows: Rows<Pixel>): Rows<Pixel> =>
  rows.map((row) => row.map(([r, g, b]) => [r, g, b, 255] as const));
const opaqueRows = valuesUnder(2 ** 24, 9);
const alphaMasks = ALPHAS[1]![2];
const zeroAlpha: BmpPlan = { bits: 32, headerBytes: 108, masks: alphaMasks, compression: 3, rows: opaqueRows };
const idleBytes: BmpPlan = { bits: 32, rows: valuesUnder(2 ** 32, 10) };
const declared: BmpPlan = { bits: 32, headerBytes: 124, masks: alphaMasks, rows: valuesUnder(2 ** 32, 11) };
const short: BmpPlan = { bits: 8, rows: valuesUnder(256, 12), palette: coloursOf(100, 12), named: 100 };
const plain: BmpPlan = { bits: 8, rows: valuesUnder(256, 14), palette: coloursOf(256, 14) };
/** The file with another offset, and the pixels of 8 bits that begin there. */
function odd(name: string, offset: number): Variant {
  const file = writeBmp({ ...plain, offset });
  const strides = Array.from({ length: HEIGHT }, (_, row) => [...file.subarray(offset + row * 16).subarray(0, WIDTH)]);
  return { name, file, shown: shownPixels({ ...plain, rows: strides.reverse() }), isOdd: true };
}
const cutPalette: BmpPlan = { bits: 8, rows: valuesUnder(80, 15, WIDTH, 100), palette: coloursOf(60, 15) };
const cutFile = writeBmp(cutPalette);
const cutRest = Array.from({ length: 20 }, (_, colour) =>
  [...cutFile.subarray(54 + 240 + colour * 4).subarray(0, 3)].reverse(),
);

const SPECIAL: readonly Variant[] = [
  planned('top row first, 8 bits', { ...plain, topDown: true }),
  planned('top row first, 24 bits', { bits: 24, rows: valuesUnder(2 ** 24, 16), topDown: true }),
  planned('bytes between palette and pixels', { ...plain, gapBytes: 1_024 }),
  odd('no offset: pixels from the first byte', 0),
  odd('an offset inside the header: pixels from there', 34),
  planned('a short palette; black behind it', short),
  {
    name: 'a palette that goes on into the pixels',
    file: cutFile,
    shown: shownPixels({ ...cutPalette, palette: [...coloursOf(60, 15), ...cutRest] }),
  },
  planned('a number of colours that is too large', { ...plain, named: 100_000 }),
  planned('a palette with 24 bits', { bits: 24, rows: opaqueRows, palette: coloursOf(7, 17), named: 7 }),
  // Chromium shows nothing.
  {
    name: 'alpha of 0 everywhere',
    file: writeBmp(zeroAlpha),
    shown: idleAlpha(shownPixels(zeroAlpha)),
    notInChromium: true,
  },
  { name: 'a fourth byte without a mask', file: writeBmp(idleBytes), shown: shownPixels(idleBytes) },
  planned('alpha in the header of uncompressed pixels', declared),
];

const COLOURS = coloursOf(16, 20);
/** A picture of run-length encoding: a colour a sign in hexadecimal, a dot for a pixel that nothing draws. */
function drawn(rows: readonly string[], palette: BmpPlan['palette'] = COLOURS): Rows<Pixel> {
  return rows.map((row) =>
    [...row].map((sign): Pixel => {
      const [red, green, blue] = palette[Number.parseInt(sign, 16)] ?? [0, 0, 0];
      return [red!, green!, blue!, sign === '.' ? 0 : 255];
    }),
  );
}

function runs(
  name: string,
  bits: 4 | 8 | 24,
  parts: readonly Run[],
  rows: readonly string[],
  more: Partial<Variant> & Partial<BmpPlan> = {},
): Variant {
  const { notInChromium = false, ...plan } = more;
  const shown = drawn(rows, bits === 24 ? COLOURS : plan.palette);
  const file = writeBmp({
    bits,
    compression: bits === 8 ? 1 : bits === 4 ? 2 : 4,
    headerBytes: bits === 24 ? 64 : 40,
    palette: bits === 24 ? [] : COLOURS,
    named: bits === 24 ? 0 : 16,
    rows: valuesUnder(1, 1, rows[0]!.length, rows.length),
    stream: writeRuns(parts, bits),
    ...plan,
  });
  return { name, file, shown, notInChromium };
}

const RUNS: readonly Variant[] = [
  runs(
    'RLE8: runs and pixels',
    8,
    [{ run: [3, 1] }, { absolute: [2, 3, 4] }, 'line', { run: [6, 5] }, 'end'],
    ['555555', '111234'],
  ),
  runs(
    'RLE8: without an end of the last line',
    8,
    [{ run: [2, 1] }, 'line', { run: [2, 2] }, 'line', 'end'],
    ['22', '11'],
  ),
  runs('RLE8: a line that ends early', 8, [{ run: [2, 1] }, 'line', { run: [4, 2] }, 'end'], ['2222', '11..']),
  runs('RLE8: an end that comes early', 8, [{ run: [2, 1] }, 'end'], ['....', '....', '11..']),
  runs('RLE8: a delta', 8, [{ run: [1, 1] }, { delta: [2, 1] }, { run: [1, 2] }, 'end'], ['....', '...2', '1...']),
  runs(
    'RLE8: a jump to the end of a row',
    8,
    [{ run: [2, 1] }, { delta: [2, 0] }, 'line', { run: [4, 2] }, 'end'],
    ['2222', '11..'],
  ),
  runs(
    'RLE8: runs and jumps behind the last line',
    8,
    [{ run: [2, 1] }, 'line', { run: [2, 5] }, { delta: [9, 9] }, 'end'],
    ['11'],
  ),
  runs('RLE8: a run past its row', 8, [{ run: [9, 1] }, 'line', { run: [255, 2] }, 'end'], ['2222', '1111']),
  runs('RLE8: a colour behind the palette', 8, [{ run: [2, 1] }, { absolute: [15, 14, 3] }, 'end'], ['11ff3'], {
    palette: COLOURS.slice(0, 14),
    named: 14,
  }),
  runs('RLE8: top row first', 8, [{ run: [2, 1] }, 'line', { run: [2, 2] }, 'end'], ['11', '22'], { topDown: true }),
  runs('RLE8: behind a gap', 8, [{ run: [2, 1] }, 'end'], ['11'], { gapBytes: 66 }),
  runs(
    'RLE4: runs of two colours and pixels',
    4,
    [{ run: [5, 0x12] }, { absolute: [3, 4, 5, 6, 7] }, 'end'],
    ['1212134567'],
  ),
  runs(
    'RLE4: absolute pixels of an odd number of bytes',
    4,
    [{ absolute: [1, 2, 3] }, { run: [3, 0x45] }, 'line', { absolute: [9, 8, 7, 6, 5, 4] }, 'end'],
    ['987654', '123454'],
  ),
  runs(
    'RLE4: a run past its row, a delta, an early end',
    4,
    [{ run: [200, 0xab] }, 'line', { delta: [1, 0] }, { run: [1, 0xc0] }, 'end'],
    ['.c.', 'aba'],
  ),
  runs(
    'RLE24: runs and pixels',
    24,
    [
      { run: [2, COLOURS[3]!] },
      { absolute: [COLOURS[4]!, COLOURS[5]!, COLOURS[6]!] },
      'line',
      { run: [9, COLOURS[7]!] },
      'end',
    ],
    ['77777', '33456'],
  ),
  runs('RLE24: a delta', 24, [{ delta: [1, 0] }, { run: [1, COLOURS[3]!] }, 'end'], ['.3.']),
];

const MASK = valuesUnder(2, 30, 16, 16);
function icon(
  name: string,
  plan: Omit<BmpPlan, 'rows'> & { readonly values?: number },
  isCursor = false,
  more: Partial<Variant> = {},
): Variant {
  const made: BmpPlan = { ...plan, rows: valuesUnder(plan.values ?? 2 ** plan.bits, 31, 16, 16) };
  const mask = made.mask ?? null;
  const isOpaque = plan.masks === undefined;
  const shown = shownPixels(made).map((row, y) =>
    row.map(([r, g, b, a], x): Pixel => [r, g, b, isOpaque && mask?.[y]?.[x] === 1 ? 0 : a]),
  );
  const { masks: _, ...written } = made;
  return {
    name,
    file: writeIcon([{ bytes: writeBmp({ ...written, mask }), width: 16, height: 16, bits: plan.bits }], isCursor),
    shown,
    ...more,
  };
}

const ICONS: readonly Variant[] = [
  icon('icon of 1 bit with a mask', { bits: 1, palette: coloursOf(2, 32), mask: MASK }),
  icon('icon of 4 bits with a mask', { bits: 4, palette: coloursOf(16, 33), mask: MASK }),
  icon('icon of 8 bits with a mask', { bits: 8, palette: coloursOf(256, 34), mask: MASK }),
  icon('icon of 24 bits with a mask', { bits: 24, mask: MASK }),
  icon('icon of 24 bits whose header names colours', { bits: 24, named: 6, mask: MASK }),
  icon('icon of 32 bits with its own alpha', { bits: 32, masks: [0, 0, 0, 0xff000000], mask: MASK }),
  icon('icon of 32 bits with an alpha of 0 everywhere', { bits: 32, mask: MASK, values: 2 ** 24 }),
  icon('icon of 8 bits without a mask', { bits: 8, palette: coloursOf(256, 35), mask: null }),
  icon('icon of 24 bits, top row first', { bits: 24, mask: MASK, topDown: true }),
  icon('cursor of 4 bits with a mask', { bits: 4, palette: coloursOf(16, 36), mask: MASK }, true),
  icon('cursor of 32 bits with its own alpha', { bits: 32, masks: [0, 0, 0, 0xff000000], mask: MASK }, true),
];

export const BMP_VARIANTS: readonly Variant[] = [...PALETTED, ...TRUE_COLOUR, ...BIT_FIELDS, ...SPECIAL, ...RUNS];
export const ICON_VARIANTS = ICONS;
