/** BMP, ICO and CUR of every variant against the pixels that their writer meant. */
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { decodeBmp } from '../../src/decode/bitmap.js';
import { createDecoder } from '../../src/decode/decode.js';
import { decodeIcon } from '../../src/decode/icon.js';
import { sniff } from '../../src/decode/sniff.js';
import { BMP_VARIANTS, ICON_VARIANTS } from '../support/bmp-variants.js';
import {
  type BmpPlan,
  type Pixel,
  type Rows,
  type Run,
  writeBmp,
  writeIcon,
  writeRuns,
} from '../support/bmp-writer.js';

const PIXELS_MAX = 1_000_000;
const decoder = createDecoder({ imageBytesMax: 10_000_000, imagePixelsMax: PIXELS_MAX });
const noPng = () => Promise.reject(new Error('not a PNG'));

const pixelsOf = ({ width, height, channels, data }: Raster): Rows<Pixel> =>
  Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x): Pixel => {
      const at = (y * width + x) * channels;
      return [data[at]!, data[at + 1]!, data[at + 2]!, channels === 4 ? data[at + 3]! : 255];
    }),
  );

/** Return the error's code, or the raster and whether it is degraded. */
function outcomeOf(
  file: Uint8Array,
): { readonly code: string } | { readonly raster: Raster; readonly degraded: boolean } {
  try {
    return decodeBmp(file, PIXELS_MAX);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code };
  }
}

const GREY = Array.from({ length: 256 }, (_, value) => [value, value, value]);
const rowsOf = (width: number, height: number, value = 1): Rows<number> =>
  Array.from({ length: height }, () => Array.from({ length: width }, () => value));
const grey = (more: Partial<BmpPlan> = {}): BmpPlan => ({ bits: 8, palette: GREY, rows: rowsOf(9, 6, 77), ...more });

describe('each variant', () => {
  test.each(BMP_VARIANTS.map((variant) => [variant.name, variant] as const))(
    '%s',
    (_name, { file, shown, isOdd = false }) => {
      const { raster, degraded } = decodeBmp(file, PIXELS_MAX);
      expect(pixelsOf(raster)).toEqual(shown);
      expect(degraded).toBe(isOdd);
      expect(raster.channels).toBe(shown.flat().some(([, , , alpha]) => alpha < 255) ? 4 : 3);
      expect(raster.data).toHaveLength(raster.width * raster.height * raster.channels);
      expect(sniff(file)).toEqual({ format: 'bmp', width: raster.width, height: raster.height });
    },
  );

  test.each(ICON_VARIANTS.map((variant) => [variant.name, variant] as const))('%s', async (_name, { file, shown }) => {
    const { format, raster, damage } = await decoder.decode(file);
    expect(format).toBe('ico');
    expect(pixelsOf(raster)).toEqual(shown);
    expect(damage).toBeNull();
  });
});

describe('damage', () => {
  test('rows that are missing at the end are black, down to the first row; then it is truncated', () => {
    const whole = writeBmp(grey());
    expect(outcomeOf(whole.subarray(0, -3))).toMatchObject({ degraded: false });
    const start = whole.length - 6 * 12;
    for (let rows = 5; rows >= 1; rows--) {
      const expected = Array.from({ length: 6 }, (_, y) => rowsOf(9, 1, y >= 6 - rows ? 77 : 0)[0]!);
      for (const cut of [start + rows * 12, start + rows * 12 + 8, start + (rows - 1) * 12 + 9]) {
        const { raster, degraded } = decodeBmp(whole.subarray(0, cut), PIXELS_MAX);
        expect(pixelsOf(raster).map((row) => row.map(([red]) => red))).toEqual(expected);
        expect(degraded).toBe(true);
      }
    }
    expect(outcomeOf(whole.subarray(0, start + 8))).toEqual({ code: 'IMAGE_TRUNCATED' });
    for (let cut = 26; cut < start; cut += 7)
      expect(outcomeOf(whole.subarray(0, cut))).toEqual({ code: 'IMAGE_TRUNCATED' });
  });

  test('run-length encoding that ends early is degraded; what it drew is kept', () => {
    const stream = writeRuns([{ run: [4, 9] }, 'line', { absolute: [1, 2, 3, 4] }, 'end'], 8);
    const made = (length: number) =>
      decodeBmp(writeBmp(grey({ rows: rowsOf(4, 2), compression: 1, stream: stream.subarray(0, length) })), PIXELS_MAX);
    expect(made(stream.length)).toMatchObject({ degraded: false, raster: { channels: 3 } });
    // The end itself may be missing.
    expect(made(stream.length - 2)).toMatchObject({ degraded: false, raster: { channels: 3 } });
    const cut = made(stream.length - 4);
    expect(cut).toMatchObject({ degraded: true });
    expect(pixelsOf(cut.raster)[0]!.map(([red, , , alpha]) => [red, alpha])).toEqual([
      [1, 255],
      [2, 255],
      [0, 0],
      [0, 0],
    ]);
    expect(made(2)).toMatchObject({ degraded: true });
  });

  test.each<[string, readonly Run[], number[][]]>([
    [
      'pixels past the row are dropped',
      [{ run: [2, 5] }, { absolute: [1, 2, 3] }, 'line', { run: [4, 6] }],
      [
        [6, 6, 6, 6],
        [5, 5, 1, 2],
      ],
    ],
    [
      'a jump past the row stops at its edge',
      [{ run: [2, 5] }, { delta: [3, 0] }, { run: [1, 7] }, 'line', { run: [4, 6] }, 'end'],
      [
        [6, 6, 6, 6],
        [5, 5, 0, 0],
      ],
    ],
    [
      'a jump past the last row ends it',
      [{ run: [2, 5] }, { delta: [0, 2] }, { run: [1, 7] }, 'end'],
      [
        [0, 0, 0, 0],
        [5, 5, 0, 0],
      ],
    ],
  ])('%s', (_name, parts, expected) => {
    const { raster, degraded } = decodeBmp(
      writeBmp(grey({ rows: rowsOf(4, 2), compression: 1, stream: writeRuns(parts, 8) })),
      PIXELS_MAX,
    );
    expect(pixelsOf(raster).map((row) => row.map(([red]) => red))).toEqual(expected);
    expect(degraded).toBe(true);
  });

  test.each<[string, string, BmpPlan]>([
    ['a header of 15 bytes', 'IMAGE_CORRUPT', grey({ headerBytes: 15 })],
    ['a header of 65 bytes', 'IMAGE_CORRUPT', grey({ headerBytes: 65 })],
    ['a width of 0', 'IMAGE_CORRUPT', grey({ rows: [[]] })],
    ['bit fields with 24 bits', 'IMAGE_CORRUPT', grey({ bits: 24, compression: 3, masks: [0xff, 0xff00, 0xff0000] })],
    ['bit fields in OS/2', 'IMAGE_CORRUPT', grey({ bits: 32, headerBytes: 64, compression: 3 })],
    ['a mask with a hole', 'IMAGE_CORRUPT', grey({ bits: 32, compression: 3, masks: [0xf0f000, 0xff, 0] })],
    ['run-length encoding of 16 bits', 'IMAGE_CORRUPT', grey({ bits: 16, compression: 1 })],
    ['3 bits', 'IMAGE_CORRUPT', grey({ bits: 3 })],
    ['pixels behind the end', 'IMAGE_TRUNCATED', grey({ offset: 5_000 })],
    ['64 bits', 'IMAGE_UNSUPPORTED_FORMAT', grey({ bits: 64 })],
    ['Huffman coding of OS/2', 'IMAGE_UNSUPPORTED_FORMAT', grey({ bits: 1, headerBytes: 64, compression: 3 })],
    ['a JPEG inside', 'IMAGE_UNSUPPORTED_FORMAT', grey({ bits: 8, compression: 4 })],
    ['a JPEG inside, of 24 bits', 'IMAGE_UNSUPPORTED_FORMAT', grey({ bits: 24, compression: 4 })],
    ['a PNG inside', 'IMAGE_UNSUPPORTED_FORMAT', grey({ bits: 8, compression: 5 })],
    ['CMYK', 'IMAGE_UNSUPPORTED_FORMAT', grey({ bits: 8, compression: 11 })],
  ])('%s: %s', (_name, code, plan) => {
    expect(outcomeOf(writeBmp(plan))).toEqual({ code });
  });

  test('a negative width is corrupt; the pixels are limited before any is drawn', () => {
    const file = writeBmp(grey());
    file.writeInt32LE(-9, 18);
    expect(outcomeOf(file)).toEqual({ code: 'IMAGE_CORRUPT' });
    const wide = writeBmp(grey({ rows: [rowsOf(1_000, 1)[0]!] }));
    wide.writeInt32LE(1_000, 22);
    expect(outcomeOf(wide)).toMatchObject({ degraded: true });
    wide.writeInt32LE(1_001, 22);
    expect(outcomeOf(wide)).toEqual({ code: 'IMAGE_TOO_MANY_PIXELS' });
    wide.writeInt32LE(-2_147_483_648, 22);
    expect(outcomeOf(wide)).toEqual({ code: 'IMAGE_TOO_MANY_PIXELS' });
  });
});

describe('any bytes', () => {
  /** The outcome is an error of the table or a raster of the header's size. */
  function check(file: Uint8Array): void {
    const outcome = outcomeOf(file);
    if ('code' in outcome) {
      expect(outcome.code).toMatch(/^IMAGE_/);
      return;
    }
    const { width, height, channels, data } = outcome.raster;
    expect(sniff(file)).toEqual({ format: 'bmp', width, height });
    expect(data).toHaveLength(width * height * channels);
  }
  const files = BMP_VARIANTS.map(({ file }) => file);

  test('any bytes behind a header', () => {
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.uint8Array({ maxLength: 400 }), (file, rest) => {
        check(Buffer.concat([file.subarray(0, file.readUInt32LE(10) || 54), rest]));
      }),
      { numRuns: 600 },
    );
  });

  test('any changes of a header, and any end', () => {
    const change = fc.tuple(fc.nat(140), fc.constantFrom(0, 1, 2, 4, 8, 12, 16, 32, 40, 64, 127, 128, 255));
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(change, { maxLength: 4 }),
        fc.nat(1_000),
        (file, changes, cut) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) if (at >= 2 && at < bytes.length) bytes[at] = value;
          check(bytes.subarray(0, Math.max(26, bytes.length - cut)));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('each byte of a header, with each of its values', () => {
    for (const name of ['8 bits, header of 40', '10-10-10-2, header of 124', 'RLE4: runs of two colours and pixels']) {
      const { file } = BMP_VARIANTS.find((variant) => variant.name === name)!;
      for (let at = 2; at < 70; at++) {
        for (const value of [0, 1, 2, 3, 4, 12, 16, 24, 40, 56, 64, 108, 127, 128, 254, 255]) {
          const bytes = Buffer.from(file);
          bytes[at] = value;
          check(bytes);
        }
      }
    }
  });

  test('run-length encoding draws what its parts say', () => {
    const [width, height] = [9, 6];
    const part = fc.oneof(
      fc.record({ run: fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat(255)) }),
      fc.record({ absolute: fc.array(fc.nat(15), { minLength: 3, maxLength: 9 }) }),
      fc.record({ delta: fc.tuple(fc.nat(3), fc.nat(1)) }),
      fc.constant('line' as const),
    );
    const property = fc.property(
      fc.array(part, { maxLength: 30 }),
      fc.constantFrom(4 as const, 8 as const),
      (parts, bits) => {
        const painted = new Map<string, number>();
        let [x, y] = [0, height - 1];
        const paint = (value: number) => {
          if (x < width && y >= 0) painted.set(`${x++},${y}`, value);
        };
        for (const one of parts) {
          if (y < 0) break;
          if (one === 'line') [x, y] = [0, y - 1];
          else if ('delta' in one) [x, y] = [Math.min(width, x + one.delta[0]), y - one.delta[1]];
          else if ('run' in one) {
            const [count, code] = one.run;
            const nibbles = [Math.floor(code / 16), code % 16];
            for (let i = 0; i < count; i++) paint(bits === 8 ? code : nibbles[i % 2]!);
          } else for (const value of one.absolute) paint(value);
        }
        const file = writeBmp(
          grey({
            bits,
            palette: GREY.slice(0, 2 ** bits),
            compression: bits === 8 ? 1 : 2,
            rows: rowsOf(width, height),
            stream: writeRuns([...parts, 'end'], bits),
          }),
        );
        const { raster } = decodeBmp(file, PIXELS_MAX);
        const isAll = painted.size === 0 || painted.size === width * height;
        pixelsOf(raster).forEach((row, atY) => {
          row.forEach(([red, , , alpha], atX) => {
            const value = painted.get(`${atX},${atY}`);
            expect([red, alpha]).toEqual([value ?? 0, value === undefined && !isAll ? 0 : 255]);
          });
        });
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('the work of run-length encoding is bounded by bytes and pixels', () => {
    const width = 1_000;
    const made = (stream: Buffer) => writeBmp(grey({ rows: rowsOf(width, 1), compression: 1, stream }));
    const full = writeRuns(
      Array.from({ length: 4 }, () => ({ run: [255, 3] as const })),
      8,
    );
    const cpuMs = (file: Buffer) => {
      const before = process.cpuUsage();
      outcomeOf(file);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    };
    // Ten million runs of 255 pixels in a row that is full: 2.5 billion pixels, if each were drawn.
    const file = made(Buffer.concat([full, Buffer.alloc(20_000_000, 0xff)]));
    expect(cpuMs(file)).toBeLessThan(2_000);
    expect(outcomeOf(file)).toMatchObject({ degraded: false });
  });
});

describe('icons', () => {
  const image = (value: number, size: number): Buffer =>
    writeBmp(grey({ rows: rowsOf(size, size, value), mask: rowsOf(size, size, 0) }));
  const part = (value: number, size: number, more = {}) => ({
    bytes: image(value, size),
    width: size,
    height: size,
    ...more,
  });
  const shade = async (file: Buffer) => {
    const { raster, damage } = await decoder.decode(file);
    return [raster.data[0], raster.width, damage !== null];
  };
  const damaged = (size: number) => ({ bytes: Buffer.alloc(60, 0xff), width: size, height: size });

  test('the largest by the directory is decoded, and of equal ones that with the most bits', async () => {
    expect(await shade(writeIcon([part(1, 16), part(2, 32), part(3, 24)]))).toEqual([2, 32, false]);
    expect(await shade(writeIcon([part(1, 32, { bits: 4 }), part(2, 32, { bits: 8 }), part(3, 32)]))).toEqual([
      2,
      32,
      false,
    ]);
    // The size in the directory counts, as in browsers.
    expect(await shade(writeIcon([part(1, 64, { width: 16, height: 16 }), part(2, 32)]))).toEqual([2, 32, false]);
  });

  test('a hot spot is no number of bits', async () => {
    const cursor = writeIcon([part(1, 32), part(2, 32)], true);
    cursor.writeUInt16LE(31, 6 + 16 + 6);
    expect(await shade(cursor)).toEqual([1, 32, false]);
  });

  test('a size of 0 in the directory is 256', async () => {
    expect(await shade(writeIcon([part(1, 255), part(2, 256, { width: 0, height: 0 })]))).toEqual([2, 256, false]);
  });

  test('if the largest is damaged, the next one is decoded, and the answer is degraded', async () => {
    expect(await shade(writeIcon([damaged(64), part(2, 32), part(3, 48)]))).toEqual([3, 48, true]);
    expect(await shade(writeIcon([damaged(64), damaged(64), damaged(64), part(2, 32)]))).toEqual([2, 32, true]);
    const many = writeIcon([damaged(64), damaged(64), damaged(64), damaged(64), part(2, 32)]);
    await expect(decoder.decode(many)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  test('an image that is not damaged but refused is not replaced by a smaller one', async () => {
    const huge = image(1, 16);
    huge.writeInt32LE(2_000, 4);
    huge.writeInt32LE(4_000, 8);
    await expect(decoder.decode(writeIcon([{ bytes: huge }, part(2, 32)]))).rejects.toMatchObject({
      code: 'IMAGE_TOO_MANY_PIXELS',
    });
  });

  test('an image that ends with the file before its rows do is degraded', async () => {
    const file = writeIcon([part(9, 32)]);
    expect(await shade(file.subarray(0, -32 * 4))).toEqual([9, 32, false]);
    expect(await shade(file.subarray(0, -32 * 4 - 32 * 3))).toEqual([0, 32, true]);
    // The part of a row is no mask.
    const { raster } = await decoder.decode(file.subarray(0, -32 * 4 - 32 * 3 + 20));
    expect(pixelsOf(raster)[31]!.every(([red, , , alpha]) => red === 9 && alpha === 255)).toBe(true);
    await expect(decoder.decode(file.subarray(0, 30))).rejects.toMatchObject({ code: 'IMAGE_TRUNCATED' });
    await expect(decodeIcon(Buffer.alloc(6), PIXELS_MAX, noPng)).rejects.toMatchObject({ code: 'IMAGE_TRUNCATED' });
  });

  test('a PNG inside is decoded with its alpha; a damaged one gives way to the next image', async () => {
    const create = { width: 40, height: 40, channels: 4 as const, background: { r: 10, g: 20, b: 30, alpha: 0.2 } };
    const png = await sharp({ create }).png().toBuffer();
    const { raster } = await decoder.decode(writeIcon([{ bytes: png, width: 40, height: 40 }, part(2, 32)], true));
    expect([...raster.data.subarray(0, 4)]).toEqual([10, 20, 30, 51]);
    const cut = Buffer.from(png);
    cut.fill(0, 40);
    expect(await shade(writeIcon([{ bytes: cut, width: 40, height: 40 }, part(2, 32)]))).toEqual([2, 32, true]);
  });

  test('what begins like a cursor, but has no images, is none', () => {
    const cursor = writeIcon([part(1, 16)], true);
    expect(sniff(cursor)).toMatchObject({ format: 'ico' });
    const tga = Buffer.alloc(30);
    tga[2] = 2;
    expect(sniff(tga)).toBeNull();
    cursor.writeUInt32LE(21, 18);
    expect(sniff(cursor)).toBeNull();
  });

  test('any bytes behind a directory, and any changes', async () => {
    const files = ICON_VARIANTS.map(({ file }) => file);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 4 }),
        fc.nat(900),
        async (file, changes, cut) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) if (at > 3) bytes[at] = value;
          const outcome = await decodeIcon(bytes.subarray(0, bytes.length - cut), PIXELS_MAX, noPng).catch(
            (error: unknown) => error,
          );
          expect(outcome instanceof AppError || 'raster' in (outcome as object), String(outcome)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
