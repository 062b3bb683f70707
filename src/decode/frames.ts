/** Views of a file: selection of frames, compositing over white, detection of missing rows. */
import type { Background, Raster } from '../core/vocabulary.js';

/** One view of a file: a frame or page, and the background under its transparent pixels. */
export interface View {
  /** 0 is the first. */
  readonly frame: number;
  readonly background: Background;
  readonly raster: Raster;
}

/** Return the numbers of `wanted` of `count` frames, evenly spread, with the first and the last; all if there are fewer. */
export function spreadFrames(count: number, wanted: number): number[] {
  if (wanted >= count) return Array.from({ length: count }, (_, frame) => frame);
  if (wanted <= 1) return [0];
  return Array.from({ length: wanted }, (_, at) => Math.round((at * (count - 1)) / (wanted - 1)));
}

/** Composite an image over white; null if no pixel is transparent. */
export function overWhite(raster: Raster): Raster | null {
  const { width, height, channels, data } = raster;
  if (channels === 1 || channels === 3) return null;
  const alphaAt = channels - 1;
  let first = alphaAt;
  while (first < data.length && data[first] === 255) first += channels;
  if (first >= data.length) return null;
  const colours = alphaAt as 1 | 3;
  const shown = new Uint8Array(width * height * colours);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = data[pixel * channels + alphaAt]!;
    for (let c = 0; c < colours; c++) {
      const over = data[pixel * channels + c]! * alpha + 255 * (255 - alpha);
      shown[pixel * colours + c] = Math.round(over / 255);
    }
  }
  return { width, height, channels: colours, data: shown };
}

/** Yield the views of one frame: as stored, and over white if that differs. */
export function* viewsOf(frame: number, raster: Raster): Generator<View> {
  yield { frame, background: null, raster };
  const shown = overWhite(raster);
  if (shown) yield { frame, background: 'white', raster: shown };
}

/**
 * Return the number of rows at the end that a JPEG decoder made up. After the end of the data libjpeg repeats the last
 * block's mean, so these rows have one colour; original rows of that colour at the end are counted too.
 */
export function missingRows({ width, height, channels, data }: Raster): number {
  const last = data.subarray((height * width - 1) * channels, height * width * channels);
  let at = height * width * channels - channels;
  while (at >= 0 && last.every((value, c) => data[at + c] === value)) at -= channels;
  return height - Math.ceil((at + channels) / (width * channels));
}
