/**
 * JPEG XL: what its header promises decides which decoder takes it, and whether its pixels fit into memory.
 * Both get the bare codestream, so that no decoder's reading of the container decides.
 */
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';
import { decodeByJsquash } from './jsquash.js';
import { type JxlHeader, jxlCodestream, readJxlHeader } from './jxl-header.js';
import { decodeByMagick } from './magick.js';

/** Measured at 21 and 50 megapixels (docs/decisions/0033-two-decoders-of-jpeg-xl.md). */
interface Costs {
  readonly memoryBytesMax: number;
  /** With the raster, for up to 8 bits and for more. */
  readonly bytesPerPixel: readonly [number, number];
}
/** The engine allows a gibibyte for an image by default. */
const PLAIN: Costs = { memoryBytesMax: 1_000_000_000, bytesPerPixel: [20, 30] };
/** Half of that: V8 keeps the memory of the last such image until the next is decoded. */
const OTHER: Costs = { memoryBytesMax: 500_000_000, bytesPerPixel: [48, 64] };

/** Values in sRGB (IEC 61966-2-1) by values of linear light. */
const SRGB_OF_LINEAR = Uint8Array.from({ length: 256 }, (_, value) => {
  const light = value / 255;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

function toSrgb({ channels, data }: Raster): void {
  const alpha = channels === 2 || channels === 4 ? channels - 1 : -1;
  for (let at = 0; at < data.length; at++) if (at % channels !== alpha) data[at] = SRGB_OF_LINEAR[data[at]!]!;
}

const costsOf = ({ isPlain }: JxlHeader): Costs => (isPlain ? PLAIN : OTHER);
const perPixel = (header: JxlHeader): number => costsOf(header).bytesPerPixel[header.bits > 8 ? 1 : 0];

/** Return the memory that decoding takes, in bytes a pixel; of a file without a header the most. */
export function jxlBytesPerPixel(bytes: Uint8Array): number {
  const header = readJxlHeader(bytes);
  return header ? perPixel(header) : OTHER.bytesPerPixel[1];
}

/**
 * Decode the image, or the first frame.
 *
 * Shape   → the samples of the file, as of other formats; in sRGB where it has none or they cannot be shown. Oriented as shown.
 * Errors  IMAGE_TOO_MANY_PIXELS; IMAGE_TRUNCATED where the container says so; IMAGE_CORRUPT, also if a bare codestream is
 *         truncated.
 */
export async function decodeJxl(bytes: Uint8Array, pixelsMax: number): Promise<Raster> {
  const { bytes: codestream, isCut } = jxlCodestream(bytes);
  const header = readJxlHeader(codestream);
  const damage = isCut ? 'IMAGE_TRUNCATED' : 'IMAGE_CORRUPT';
  if (!header) throw new AppError(damage, { format: 'jxl' });
  const { width, height, isPlain, isLinear } = header;
  const most = Math.min(pixelsMax, Math.floor(costsOf(header).memoryBytesMax / perPixel(header)));
  if (width * height > most) {
    throw new AppError('IMAGE_TOO_MANY_PIXELS', { format: 'jxl', pixels: width * height, pixelsMax: most });
  }
  const raster = await (isPlain ? decodeByMagick : decodeByJsquash)(codestream).catch((error: unknown) => {
    throw isCut ? new AppError('IMAGE_TRUNCATED', { format: 'jxl' }, error) : error;
  });
  if (raster.width !== width || raster.height !== height) {
    throw new AppError(damage, { format: 'jxl', width: raster.width, height: raster.height });
  }
  if (isPlain && isLinear) toSrgb(raster);
  return raster;
}
