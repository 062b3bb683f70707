/**
 * HEIC (HEVC in HEIF, the format of iPhones) by libheif in WebAssembly, loaded with the first HEIC image.
 * libheif prints warnings on stdout, which the decoder process has closed.
 */
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';

type Libheif = typeof import('libheif-js/wasm-bundle.js')['default'];
let loading: Promise<Libheif> | undefined;

/**
 * Decode the primary image.
 *
 * Shape   → R G B and alpha, rotated or mirrored as the container says.
 * Errors  IMAGE_TOO_MANY_PIXELS; IMAGE_CORRUPT, also if truncated: libheif does not report the difference.
 */
export async function decodeHeic(bytes: Uint8Array, pixelsMax: number): Promise<Raster> {
  loading ??= import('libheif-js/wasm-bundle.js').then((module) => module.default);
  const libheif = await loading;
  const decoder = new libheif.HeifDecoder();
  const images = decoder.decode(bytes);
  try {
    const image = images.find((one) => one.is_primary()) ?? images[0];
    if (!image) throw new AppError('IMAGE_CORRUPT', { format: 'heic' });
    const [width, height] = [image.get_width(), image.get_height()];
    if (width * height > pixelsMax) {
      throw new AppError('IMAGE_TOO_MANY_PIXELS', { format: 'heic', pixels: width * height, pixelsMax });
    }
    const data = new Uint8ClampedArray(width * height * 4);
    const shown = await new Promise((resolve) => image.display({ data, width, height }, resolve));
    if (!shown) throw new AppError('IMAGE_CORRUPT', { format: 'heic' });
    return { width, height, channels: 4, data: new Uint8Array(data.buffer) };
  } finally {
    for (const image of images) image.free();
    if (decoder.decoder) libheif.heif_context_free(decoder.decoder);
  }
}
