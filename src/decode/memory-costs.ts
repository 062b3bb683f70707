/**
 * Figures of the memory that decoding and hashing an image takes. No decoder is imported here: the service reads them too.
 * Source  the bench `memory`: growth of the decoder process's peak over its size before the image, of 12, 24 and 48 megapixels in each
 *         form, by all algorithms; per pixel, rounded up.
 */
import type { ImageFormat } from '../core/vocabulary.js';

/**
 * Bytes a pixel. A damaged JPEG is decoded again by libvips and takes at most 5 more, for which there is room beside that of large images: a worker
 * decodes one of them at a time.
 */
export const JPEG = { grey: 6, progressive: 8, cmyk: 16 } as const;
export const OPAQUE = 14;
/** With its views over white and black, and its alpha. A GIF's header does not say whether a pixel is transparent. */
export const TRANSPARENT = 24;
export const AVIF = { chroma420: 17, chroma444: 20, chroma420Deep: 26, chroma444Deep: 28, alpha: 2 } as const;
export const HEIC = { chroma420: 16, chroma444: 19, chroma420Deep: 18, chroma444Deep: 24, alpha: 10 } as const;
/** Of the form that takes most, and of a format that has not been measured. */
export const BYTES_PER_PIXEL_MAX = HEIC.chroma444Deep + HEIC.alpha;
/**
 * The first frame is kept while the others are decoded; libheif gives its memory back before: four images of 12 megapixels, with crops too,
 * took 0 to 2 bytes a pixel more than one, which the estimate of HEIC has left.
 */
export const FURTHER_FRAMES = 4;
export const KEEPS_FIRST: ReadonlySet<ImageFormat> = new Set(['gif', 'webp', 'tiff', 'avif']);
/** The canvas of an animated PNG, and what it was before a frame. */
export const CANVAS = 8;
/** The file as it arrives, and once more while it is put together. */
export const COPIES = 2;

/** Return the bytes for an image of so many pixels and bytes in whichever form takes most. */
export const memoryForLargest = (pixelsMax: number, bytesMax: number): number =>
  pixelsMax * BYTES_PER_PIXEL_MAX + bytesMax * COPIES;
