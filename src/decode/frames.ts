/** Views of a file: selection of frames, and compositing over backgrounds. */
import type { Background, Raster, ViewName } from '../core/vocabulary.js';

/** One view of a file: a frame or page, its part, and the background under its transparent pixels. */
export interface View extends ViewName {
  /** 0 is the first. */
  readonly frame: number;
  readonly raster: Raster;
}

/** Return the numbers of `wanted` of `count` frames, evenly spread, with the first and the last; all if there are fewer. */
export function spreadFrames(count: number, wanted: number): number[] {
  if (wanted >= count) return Array.from({ length: count }, (_, frame) => frame);
  if (wanted <= 1) return [0];
  return Array.from({ length: wanted }, (_, at) => Math.round((at * (count - 1)) / (wanted - 1)));
}

/** Return whether any pixel is transparent. */
export function isTransparent({ channels, data }: Raster): boolean {
  if (channels === 1 || channels === 3) return false;
  let at = channels - 1;
  while (at < data.length && data[at] === 255) at += channels;
  return at < data.length;
}

/** Composite a transparent image over a grey, 0 black to 255 white. */
export function over(raster: Raster, grey: number): Raster {
  const { width, height, channels, data } = raster;
  const colours = (channels - 1) as 1 | 3;
  const shown = new Uint8Array(width * height * colours);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = data[pixel * channels + colours]!;
    for (let c = 0; c < colours; c++) {
      const mixed = data[pixel * channels + c]! * alpha + grey * (255 - alpha);
      shown[pixel * colours + c] = Math.round(mixed / 255);
    }
  }
  return { width, height, channels: colours, data: shown };
}

/** Return the alpha of a transparent image as a grey image. */
export function alphaOf({ width, height, channels, data }: Raster): Raster {
  const alpha = new Uint8Array(width * height);
  for (let pixel = 0; pixel < alpha.length; pixel++) alpha[pixel] = data[pixel * channels + channels - 1]!;
  return { width, height, channels: 1, data: alpha };
}

const BACKGROUNDS_SHOWN: readonly (readonly [Exclude<Background, null>, (raster: Raster) => Raster])[] = [
  ['white', (raster) => over(raster, 255)],
  ['black', (raster) => over(raster, 0)],
  ['alpha', alphaOf],
];

/** Yield the views of one image: as stored, and, where a pixel is transparent, over each background. */
export function* viewsOf({ frame, part }: Pick<View, 'frame' | 'part'>, raster: Raster): Generator<View> {
  const shows = isTransparent(raster);
  // Before the first view is used: its bytes may be overwritten then.
  yield { frame, part, background: null, raster };
  if (!shows) return;
  for (const [background, show] of BACKGROUNDS_SHOWN) yield { frame, part, background, raster: show(raster) };
}
