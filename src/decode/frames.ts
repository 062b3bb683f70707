/** What of a file is looked at: which frames, how a transparent picture looks on a white page, which rows are missing. */
import type { Background, Raster } from '../core/vocabulary.js';

/** One way to see a file: a frame or page of it, and what its transparent pixels were laid over. */
export interface View {
  /** 0 is the first. */
  readonly frame: number;
  readonly background: Background;
  readonly raster: Raster;
}

/** Shape: `wanted` of `count` frames, evenly spread, the first and the last among them; all where there are fewer. */
export function spreadFrames(count: number, wanted: number): number[] {
  if (wanted >= count) return Array.from({ length: count }, (_, frame) => frame);
  if (wanted <= 1) return [0];
  return Array.from({ length: wanted }, (_, at) => Math.round((at * (count - 1)) / (wanted - 1)));
}

/** The picture as it looks on a white page, or null where nothing of it is transparent. */
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

/** The views of one frame: as stored, and over white where that is another picture. */
export function* viewsOf(frame: number, raster: Raster): Generator<View> {
  yield { frame, background: null, raster };
  const shown = overWhite(raster);
  if (shown) yield { frame, background: 'white', raster: shown };
}

/**
 * Rows at the end that a JPEG decoder made up: where the data end, libjpeg goes on with the last block's mean, so all of
 * them are of one colour. A picture that really ends in such rows is taken to have lost them.
 */
export function missingRows({ width, height, channels, data }: Raster): number {
  const last = data.subarray((height * width - 1) * channels, height * width * channels);
  let at = height * width * channels - channels;
  while (at >= 0 && last.every((value, c) => data[at + c] === value)) at -= channels;
  return height - Math.ceil((at + channels) / (width * channels));
}
