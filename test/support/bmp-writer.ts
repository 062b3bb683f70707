/** A writer of BMP and ICO in all their variants, and the pixels that they show: slow, by text; shares no code with the decoder. */

export type Pixel = readonly [red: number, green: number, blue: number, alpha: number];
/** Top row first. */
export type Rows<T> = readonly (readonly T[])[];

export interface BmpPlan {
  /** Values of the pixels as stored: indices or packed colours. */
  readonly rows: Rows<number>;
  readonly bits: number;
  readonly headerBytes?: number;
  readonly compression?: number;
  /** R G B. */
  readonly palette?: readonly (readonly number[])[];
  /** The header's number of colours. */
  readonly named?: number;
  /** Red, green, blue, alpha. */
  readonly masks?: readonly number[];
  readonly topDown?: boolean;
  /** Bytes between palette and pixels. */
  readonly gapBytes?: number;
  /** The file header's offset of the pixels, if it is not their place. */
  readonly offset?: number;
  /** Bytes instead of the rows. */
  readonly stream?: Buffer;
  /** For an icon: bits of the mask, and no file header. */
  readonly mask?: Rows<number> | null;
}

const little = (value: number, bytes: number) =>
  Buffer.from(Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** at) % 256));
const unsigned = (value: number) => (value < 0 ? value + 2 ** 32 : value);

/** One row: bits as text, in bytes, padded to a multiple of `padTo` bytes. */
export function packRow(row: readonly number[], bits: number, padTo: number): Buffer {
  const bytes =
    bits >= 16
      ? Buffer.concat(row.map((value) => little(value, bits / 8)))
      : Buffer.from(
          (
            row
              .map((value) => value.toString(2).padStart(bits, '0'))
              .join('')
              .match(/.{1,8}/g) ?? []
          ).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)),
        );
  return Buffer.concat([bytes, Buffer.alloc((padTo - (bytes.length % padTo)) % padTo)]);
}

/** The header without the file header; fields behind its end are left out. */
function infoHeader(plan: BmpPlan, length: number): Buffer {
  const { rows, bits, compression = 0, named = 0, masks = [], topDown = false } = plan;
  const [width, height] = [rows[0]!.length, rows.length * (plan.mask === undefined ? 1 : 2)];
  if (length === 12)
    return Buffer.concat([little(12, 4), little(width, 2), little(height, 2), little(1, 2), little(bits, 2)]);
  const fields = Buffer.concat([
    little(length, 4),
    little(width, 4),
    little(unsigned(topDown ? -height : height), 4),
    little(1, 2),
    little(bits, 2),
    little(compression, 4),
    little(0, 4),
    little(2_835, 4),
    little(2_835, 4),
    little(named, 4),
    little(0, 4),
    ...(length === 64 ? [] : masks.map((mask) => little(mask, 4))),
  ]);
  return Buffer.concat([fields, Buffer.alloc(124)]).subarray(0, length);
}

const hasMasksInside = (length: number) => [52, 56, 108, 124].includes(length);

export function writeBmp(plan: BmpPlan): Buffer {
  const { rows, bits, compression = 0, palette = [], masks = [], topDown = false, gapBytes = 0 } = plan;
  const length = plan.headerBytes ?? 40;
  const isNamed = compression === 3 || compression === 6;
  const head = Buffer.concat([
    infoHeader(plan, length),
    ...(isNamed && !hasMasksInside(length) ? masks.map((mask) => little(mask, 4)) : []),
    ...palette.map(([red, green, blue]) => Buffer.from([blue!, green!, red!, ...(length === 12 ? [] : [0])])),
    Buffer.alloc(gapBytes, 0xaa),
  ]);
  const inOrder = topDown ? rows : [...rows].reverse();
  const pixels = plan.stream ?? Buffer.concat(inOrder.map((row) => packRow(row, bits, 4)));
  if (plan.mask !== undefined) {
    const mask = topDown ? (plan.mask ?? []) : [...(plan.mask ?? [])].reverse();
    return Buffer.concat([head, pixels, ...mask.map((row) => packRow(row, 1, 4))]);
  }
  const fileHeader = Buffer.concat([
    Buffer.from('BM'),
    little(14 + head.length + pixels.length, 4),
    little(0, 4),
    little(plan.offset ?? 14 + head.length, 4),
  ]);
  return Buffer.concat([fileHeader, head, pixels]);
}

/** What a mask selects of a value: its bits as text, of many the first 8, of few spread over 0..255. */
function selected(value: number, mask: number, bits: number): number {
  const text = value.toString(2).padStart(bits, '0');
  const where = mask.toString(2).padStart(bits, '0').slice(-bits);
  const picked = [...text].filter((_, at) => where[at] === '1').slice(0, 8);
  return picked.length === 0 ? 0 : Math.round((Number.parseInt(picked.join(''), 2) * 255) / (2 ** picked.length - 1));
}

/** The pixels that a plan without a stream shows, apart from rules on idle alpha. */
export function shownPixels(plan: BmpPlan): Rows<Pixel> {
  const { rows, bits, palette = [], compression = 0, masks = [] } = plan;
  const defaults = bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0xff00, 0xff];
  const alphaMask = masks[3] ?? 0;
  const colours = compression === 3 || compression === 6 ? masks : defaults;
  const pixelOf = (value: number): Pixel => {
    if (bits <= 8) {
      const [red = 0, green = 0, blue = 0] = palette[value] ?? [];
      return [red, green, blue, 255];
    }
    const [red, green, blue] = [0, 1, 2].map((c) => selected(value, colours[c]!, bits));
    return [red!, green!, blue!, alphaMask === 0 ? 255 : selected(value, alphaMask, bits)];
  };
  return rows.map((row) => row.map(pixelOf));
}

/** Parts of run-length encoding. */
export type Run =
  | { readonly run: readonly [count: number, code: number | readonly number[]] }
  | { readonly absolute: readonly number[] | Rows<number> }
  | { readonly delta: readonly [right: number, on: number] }
  | 'line'
  | 'end';

/** 8, 4 or 24 bits: a colour of 24 bits is R G B. */
export function writeRuns(runs: readonly Run[], bits: 4 | 8 | 24): Buffer {
  const bgr = (colour: unknown) => [...(colour as number[])].reverse();
  const parts = runs.map((part): Buffer => {
    if (part === 'line') return Buffer.from([0, 0]);
    if (part === 'end') return Buffer.from([0, 1]);
    if ('delta' in part) return Buffer.from([0, 2, ...part.delta]);
    if ('run' in part) {
      const [count, code] = part.run;
      return Buffer.from([count, ...(bits === 24 ? bgr(code) : [code as number])]);
    }
    const body =
      bits === 24 ? Buffer.from(part.absolute.flatMap(bgr)) : packRow(part.absolute as readonly number[], bits, 1);
    return Buffer.concat([Buffer.from([0, part.absolute.length]), body, Buffer.alloc(body.length % 2)]);
  });
  return Buffer.concat(parts);
}

/** Width and height as the directory has them. */
export interface IconPart {
  readonly bytes: Buffer;
  readonly width?: number;
  readonly height?: number;
  readonly bits?: number;
}

/** An ICO, or a CUR with hot spots, of images that are each a PNG or a BMP without its file header. */
export function writeIcon(parts: readonly IconPart[], isCursor = false): Buffer {
  let at = 6 + 16 * parts.length;
  const entries = parts.map(({ bytes, width = 0, height = 0, bits = 0 }) => {
    const spot = isCursor ? [little(3, 2), little(5, 2)] : [little(1, 2), little(bits, 2)];
    const entry = [Buffer.from([width, height, 0, 0]), ...spot, little(bytes.length, 4), little(at, 4)];
    at += bytes.length;
    return Buffer.concat(entry);
  });
  const head = Buffer.concat([little(0, 2), little(isCursor ? 2 : 1, 2), little(parts.length, 2)]);
  return Buffer.concat([head, ...entries, ...parts.map(({ bytes }) => bytes)]);
}
