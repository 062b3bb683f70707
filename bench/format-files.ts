/** Files of every format, of one photograph each, and the same with their end missing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { PACKAGE_ROOT } from '../src/core/package-root.js';
import { apng, avifItems, avifSequence, codedPicture, multiPicture, tiff } from './picture-writers.js';
import { photographs } from './pictures.js';

export interface FormatFile {
  readonly name: string;
  /** The file, and what is left of it. */
  readonly pieces: readonly Buffer[];
  /** What a viewer shows, as pixels that no decoder of the file has touched; null where they are not known. */
  readonly shown: { readonly data: Uint8Array; readonly width: number; readonly height: number } | null;
}

/** The fixture of a format that sharp does not write. */
const HEIC = join(PACKAGE_ROOT, 'test/fixtures/heic/scene.heic');
const JXL = join(PACKAGE_ROOT, 'test/fixtures/jxl/repacked.jxl');
/** Of a file, from its beginning. */
const SHARES = [1, 0.99, 0.7];

/** Write an uncompressed BMP, bottom up. */
function bmp(data: Uint8Array, width: number, height: number): Buffer {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(54 + stride * height);
  file.write('BM', 'latin1');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) file[54 + (height - 1 - y) * stride + x * 3 + c] = data[(y * width + x) * 3 + 2 - c]!;
  return file;
}

/** Return a file for each layout, of a photograph of this width. */
export async function formatFiles(width: number): Promise<FormatFile[]> {
  const [first, second] = await Promise.all(
    photographs()
      .slice(0, 2)
      .map((path) => {
        const size = { width, height: Math.round((width * 3) / 4), fit: 'cover' } as const;
        return sharp(path).removeAlpha().toColourspace('srgb').resize(size).raw().toBuffer({ resolveWithObject: true });
      }),
  );
  const { data, info } = first!;
  const { height } = info;
  const from = (pixels: Buffer = data) => sharp(pixels, { raw: { width, height, channels: 3 } });
  const whole = { data, width, height };
  const coded = async (pixels: Buffer) => codedPicture(await from(pixels).avif({ quality: 70, effort: 0 }).toBuffer());
  const animated = sharp(Buffer.concat([data, second!.data]), {
    raw: { width, height: height * 2, channels: 3, pageHeight: height },
  });
  const pages = (encode: (all: Sharp) => Sharp) => encode(animated.clone()).toBuffer();
  const inks = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++)
    for (let c = 0; c < 3; c++) inks[pixel * 4 + c] = 255 - data[pixel * 3 + c]!;
  const rgb = { width, height, samples: 3, photometric: 2 } as const;
  const cmyk = { width, height, samples: 4, photometric: 5 } as const;
  const [one, two] = await Promise.all([coded(data), coded(second!.data)]);
  const png = await from().png().toBuffer();
  const other = await from(second!.data).png().toBuffer();
  const jpeg = await from().jpeg({ quality: 90 }).toBuffer();
  const files: readonly (readonly [string, Buffer])[] = [
    ['jpeg: baseline', jpeg],
    ['jpeg: progressive', await from().jpeg({ quality: 90, progressive: true }).toBuffer()],
    ['jpeg: CMYK', await from().toColourspace('cmyk').jpeg({ quality: 90 }).toBuffer()],
    ['jpeg: two images', multiPicture([jpeg, await from(second!.data).jpeg().toBuffer()])],
    ['png: 8 bits', png],
    ['png: 16 bits', await from().toColourspace('rgb16').png().toBuffer()],
    ['png: interlaced', await from().png({ progressive: true }).toBuffer()],
    ['png: hidden default', apng([{ png }], other)],
    ['gif', await pages((all) => all.gif())],
    ['webp: lossy', await from().webp({ quality: 85 }).toBuffer()],
    ['webp: lossless', await from().webp({ lossless: true }).toBuffer()],
    ['webp: animated', await pages((all) => all.webp({ quality: 85 }))],
    ['avif: 8 bits', await from().avif({ quality: 70, effort: 0 }).toBuffer()],
    ['avif: 10 bits', await from().avif({ quality: 70, effort: 0, bitdepth: 10 }).toBuffer()],
    ['avif: second of items', avifItems([two, one], { primary: 1 })],
    ['avif: a sequence', avifSequence([one, two])],
    ['tiff: LZW', await from().tiff({ compression: 'lzw' }).toBuffer()],
    ['tiff: 16 bits', tiff(data, { ...rgb, bits: 16 })],
    ['tiff: planes', tiff(data, { ...rgb, bits: 8, isPlanar: true })],
    ['tiff: CMYK, 16 bits', tiff(inks, { ...cmyk, bits: 16 })],
    ['bmp', bmp(data, width, height)],
  ];
  const piecesOf = (bytes: Buffer) => SHARES.map((share) => bytes.subarray(0, Math.floor(bytes.length * share)));
  return [
    ...files.map(([name, bytes]) => ({ name, pieces: piecesOf(bytes), shown: whole })),
    { name: 'heic: a fixture', pieces: piecesOf(readFileSync(HEIC)), shown: null },
    { name: 'jxl: a fixture', pieces: piecesOf(readFileSync(JXL)), shown: null },
  ];
}
