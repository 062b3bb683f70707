/**
 * HEIC (HEVC in HEIF, the format of iPhones) by libheif in WebAssembly, loaded with the first HEIC image.
 * libheif prints warnings on stdout, which the decoder process has closed.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';
import type { Rectangle } from './gif.js';

type Factory = typeof import('libheif-js/libheif-wasm/libheif.js')['default'];
type Libheif = ReturnType<Factory>;
type Image = Extract<ReturnType<Libheif['heif_js_decode_image2']>, { image: unknown }>;
type Handle = InstanceType<Libheif['HeifImage']>;

let compiled: Promise<{ readonly factory: Factory; readonly module: WebAssembly.Module }> | undefined;
let libheif: Libheif | null = null;
/** The image whose pixels the last raster shows. */
let shown: Image | null = null;

async function compile() {
  const file = createRequire(import.meta.url).resolve('libheif-js/libheif-wasm/libheif.wasm');
  const { default: factory } = await import('libheif-js/libheif-wasm/libheif.js');
  return { factory, module: await WebAssembly.compile(await readFile(file)) };
}

async function load(): Promise<Libheif> {
  compiled ??= compile();
  const { factory, module } = await compiled;
  libheif ??= factory({
    instantiateWasm: (imports, receive) => receive(new WebAssembly.Instance(module, imports)),
  });
  return libheif;
}

/** Drop libheif and its memory, which grows to its largest image and never shrinks. The last raster is not valid any more. */
export function dropHeic(): void {
  libheif = null;
  shown = null;
}

/**
 * Decode the primary image. `part`: only this part of it. The file's own crops are left to the caller: libheif refuses those to a small part,
 * since it takes the size behind the crop for that of the coded image.
 *
 * Shape   → R G B, and alpha where the file has one, rotated or mirrored as the container says. The bytes are in libheif's own memory:
 *           they are valid until the next call of this function or of `dropHeic`.
 * Errors  IMAGE_TOO_MANY_PIXELS; IMAGE_OVER_MEMORY; IMAGE_CORRUPT, also if truncated: libheif does not report the difference;
 *         IMAGE_DECODER_CRASH: libheif failed in its WebAssembly, and is loaded again for the next image.
 */
export async function decodeHeic(bytes: Uint8Array, pixelsMax: number, part: Rectangle | null = null): Promise<Raster> {
  const heif = await load();
  try {
    if (shown) heif.heif_image_release(shown.image);
    shown = null;
    return decode(heif, bytes, pixelsMax, part);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // What it holds is in any state now.
    dropHeic();
    if (error instanceof WebAssembly.RuntimeError) throw new AppError('IMAGE_DECODER_CRASH', { format: 'heic' }, error);
    throw error;
  }
}

function decode(heif: Libheif, bytes: Uint8Array, pixelsMax: number, part: Rectangle | null): Raster {
  const decoder = new heif.HeifDecoder();
  const images = decoder.decode(bytes);
  try {
    const image = images.find((one) => one.is_primary()) ?? images[0];
    if (!image) throw new AppError('IMAGE_CORRUPT', { format: 'heic' });
    const [width, height] = [image.get_width(), image.get_height()];
    if (width * height > pixelsMax) {
      throw new AppError('IMAGE_TOO_MANY_PIXELS', { format: 'heic', pixels: width * height, pixelsMax });
    }
    return show(heif, image, part ?? { left: 0, top: 0, width, height });
  } finally {
    for (const image of images) image.free();
    if (decoder.decoder) heif.heif_context_free(decoder.decoder);
  }
}

/** Decode the pixels. An image without alpha is not given one: that is a quarter of the memory. */
function show(heif: Libheif, image: Handle, { left, top, width, height }: Rectangle): Raster {
  const channels = image.has_alpha_channel() ? 4 : 3;
  const { heif_chroma_interleaved_RGBA: rgba, heif_chroma_interleaved_RGB: rgb } = heif.heif_chroma;
  const decoded = heif.heif_js_decode_image2(
    image.handle,
    heif.heif_colorspace.heif_colorspace_RGB,
    channels === 4 ? rgba : rgb,
  );
  if (!decoded || !('image' in decoded)) {
    const isMemory = decoded?.code === heif.heif_error_code.heif_error_Memory_allocation_error;
    throw new AppError(isMemory ? 'IMAGE_OVER_MEMORY' : 'IMAGE_CORRUPT', { format: 'heic' });
  }
  shown = decoded;
  const plane = decoded.channels.find(({ id }) => id === heif.heif_channel.heif_channel_interleaved);
  if (!plane || plane.width !== image.get_width() || plane.height !== image.get_height())
    throw new AppError('IMAGE_CORRUPT', { format: 'heic' });
  if (left + width > plane.width || top + height > plane.height)
    throw new AppError('IMAGE_CORRUPT', { format: 'heic' });
  const { data, stride } = plane;
  const rowBytes = width * channels;
  // libheif pads its rows, and a part has shorter ones: they are moved together in place.
  if (stride !== rowBytes || top > 0) {
    for (let row = 0; row < height; row++) {
      const from = (top + row) * stride + left * channels;
      data.copyWithin(row * rowBytes, from, from + rowBytes);
    }
  }
  return { width, height, channels, data: data.subarray(0, rowBytes * height) };
}
