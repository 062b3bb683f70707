/** Memory of decoding and hashing one image, by form and size: peak of the decoder process above its size before, against the estimate. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { estimateMemory } from '../src/decode/memory-estimate.js';
import { createImageEngine } from '../src/engine/image-engine.js';
import { WANTS } from './hash-wants.js';
import { photographs } from './pictures.js';
import type { BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const SIZES = [
  [4_032, 3_024],
  [6_000, 4_000],
  [8_064, 6_048],
] as const;
const HEIF_ENC = '/usr/bin/heif-enc';

const deep = (image: Sharp) => image.toColourspace('rgb16');
const clear = (image: Sharp) => image.ensureAlpha(0.5);
/** Forms that sharp writes. */
const FORMS: Readonly<Record<string, (image: Sharp) => Sharp>> = {
  JPEG: (image) => image.jpeg({ chromaSubsampling: '4:4:4' }),
  'JPEG, progressive': (image) => image.jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
  'JPEG, CMYK': (image) => image.toColourspace('cmyk').jpeg({ quality: 60 }),
  PNG: (image) => image.png({ compressionLevel: 3 }),
  'PNG, interlaced, 16 bits': (image) => deep(image).png({ compressionLevel: 3, progressive: true }),
  'PNG, alpha, interlaced, 16 bits': (image) => deep(clear(image)).png({ compressionLevel: 3, progressive: true }),
  GIF: (image) => image.gif({ effort: 1, colours: 16 }),
  WebP: (image) => image.webp({ effort: 0 }),
  'WebP, lossless, alpha': (image) => clear(image).webp({ lossless: true, effort: 0 }),
  'AVIF, 4:2:0': (image) => image.avif({ effort: 0, chromaSubsampling: '4:2:0' }),
  'AVIF, 4:4:4, alpha': (image) => clear(image).avif({ effort: 0, chromaSubsampling: '4:4:4' }),
  TIFF: (image) => image.tiff({ compression: 'lzw', predictor: 'horizontal' }),
  'TIFF, alpha, 16 bits': (image) => deep(clear(image)).tiff({ compression: 'lzw', predictor: 'horizontal' }),
};
/** Forms that `heif-enc` writes from a PNG: its arguments, whether of 16 bits, whether with alpha. */
const HEIF_FORMS: Readonly<Record<string, readonly [string[], boolean, boolean]>> = {
  'HEIC, 4:2:0': [[], false, false],
  'HEIC, 4:2:0, alpha': [[], false, true],
  'HEIC, 4:2:0, 10 bits': [['-b', '10'], true, false],
  'HEIC, 4:4:4, 10 bits, alpha': [['-b', '10', '-p', 'chroma=444'], true, true],
  'AVIF, 4:4:4, 12 bits, alpha': [['-A', '-b', '12', '-p', 'chroma=444', '-p', 'speed=9'], true, true],
};

async function byHeifEnc(image: Sharp, form: string): Promise<Buffer> {
  const [args, isDeep, isClear] = HEIF_FORMS[form]!;
  const folder = tempFolder('memory');
  const [source, target] = [join(folder, 'in.png'), join(folder, 'out.heif')];
  const shown = isClear ? clear(image) : image;
  writeFileSync(source, await (isDeep ? deep(shown) : shown).png({ compressionLevel: 1 }).toBuffer());
  const preset = args.includes('-A') ? [] : ['-p', 'preset=ultrafast'];
  execFileSync(HEIF_ENC, ['-q', '30', ...preset, ...args, '-o', target, source], { stdio: 'ignore' });
  return readFileSync(target);
}

/** Return the peak of a fresh decoder process above its size before the image, and how much of that remains. */
async function growth(bytes: Buffer, first: Buffer): Promise<{ peak: number; left: number }> {
  const engine = createImageEngine({
    workers: 1,
    imageBytesMax: 400_000_000,
    imagePixelsMax: IMAGE_PIXELS_MAX,
    decodeMsMax: 600_000,
    memoryBytesMax: 100_000_000_000,
    queuePerWorker: 1,
  });
  try {
    for (let time = 0; time < 2; time++) await engine.hashBytes(first, WANTS);
    const status = (name: string) => {
      const text = readFileSync(`/proc/${engine.status.pid}/status`, 'latin1');
      return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)![1]) * 1_024;
    };
    // The peak starts again.
    writeFileSync(`/proc/${engine.status.pid}/clear_refs`, '5');
    const before = status('VmRSS');
    const reply = await engine.hashBytes(bytes, WANTS);
    if (!reply.ok) throw new Error(reply.reason);
    return { peak: status('VmHWM') - before, left: status('VmRSS') - before };
  } finally {
    await engine.close();
  }
}

export async function memory({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const hasHeif = existsSync(HEIF_ENC);
  const [photograph] = photographs();
  const first = readFileSync(photograph!);
  const rows: (string | number)[][] = [];
  let above = 0;
  for (const [width, height] of smoke ? [[2_000, 1_500] as const] : SIZES) {
    const data = await sharp(photograph).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    const image = () => sharp(data, { raw: { width, height, channels: 3 } });
    const files: [string, () => Promise<Buffer>][] = [
      ...Object.entries(FORMS).map(([form, make]): [string, () => Promise<Buffer>] => [
        form,
        () => make(image()).toBuffer(),
      ]),
      ...(hasHeif ? Object.keys(HEIF_FORMS) : []).map((form): [string, () => Promise<Buffer>] => [
        form,
        () => byHeifEnc(image(), form),
      ]),
    ];
    for (const [form, make] of files) {
      const bytes = await make();
      const { peak, left } = await growth(bytes, first);
      const estimate = estimateMemory(bytes, IMAGE_PIXELS_MAX) ?? 0;
      const pixels = width * height;
      if (peak > estimate) above++;
      rows.push([form, pixels / 1e6, peak / 1e6, estimate / 1e6, peak / pixels, left / 1e6]);
    }
  }
  return {
    title: 'Memory of one image in the decoder process, hashed by all algorithms',
    notes: hasHeif ? [] : [`left out, without ${HEIF_ENC}:`, ...Object.keys(HEIF_FORMS).map((form) => `  ${form}`)],
    columns: ['form', 'megapixels', 'peak, MB', 'estimate, MB', 'bytes a pixel', 'left, MB'],
    rows,
    checksum: `${rows.length} images hashed, ${above} above their estimate`,
  };
}
