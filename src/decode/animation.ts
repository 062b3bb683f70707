/** Animations of frames that cover a part of the canvas each: how they are put together, as viewers do. */
import type { Raster } from '../core/vocabulary.js';

/** Pixels decoded to put one frame together: forty screens of a phone. Frames that need more are not looked at. */
const CHAIN_PIXELS_MAX = 100_000_000;

export interface AnimationFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** What happens to its place before the next frame. */
  readonly dispose: 'leave' | 'clear' | 'restore';
  /** Composited over what is there; otherwise in its place. */
  readonly blends: boolean;
}

export interface Animation {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly AnimationFrame[];
  /** No frame has transparent pixels. */
  readonly isOpaque: boolean;
  /** Return a frame as a file of its own. */
  file(frame: number): Uint8Array;
}

type Size = Pick<Animation, 'width' | 'height'>;

/** Return whether a frame lies on the canvas. */
export const fits = (frame: AnimationFrame, { width, height }: Size): boolean =>
  frame.width > 0 && frame.height > 0 && frame.left + frame.width <= width && frame.top + frame.height <= height;

/** Return the frames that can be put together within the bound on pixels, each with the first frame that it needs. */
export function reachable(
  { width, height, frames, isOpaque }: Pick<Animation, 'width' | 'height' | 'frames' | 'isOpaque'>,
  pixelsMax = CHAIN_PIXELS_MAX,
): { readonly frame: number; readonly first: number }[] {
  let [first, pixels] = [0, 0];
  return frames.flatMap((one, frame) => {
    if (one.width === width && one.height === height && (isOpaque || !one.blends)) [first, pixels] = [frame, 0];
    pixels += one.width * one.height;
    return frame === first || pixels <= pixelsMax ? [{ frame, first }] : [];
  });
}

/** The canvas of an animation: frames are put on it in their order. Shape: R G B and alpha; transparent black at first. */
export class Canvas {
  readonly #data: Uint8Array;
  #before: Uint8Array | null = null;
  #last: AnimationFrame | null = null;

  constructor(readonly size: Size) {
    this.#data = new Uint8Array(size.width * size.height * 4);
  }

  /** Put the next frame on the canvas. Errors RangeError: the raster has another size than the frame. */
  put(frame: AnimationFrame, raster: Raster): void {
    if (raster.width !== frame.width || raster.height !== frame.height) throw new RangeError('a frame of another size');
    this.#dispose();
    if (frame.dispose === 'restore') this.#before = this.#data.slice();
    this.#last = frame;
    const { channels, data } = raster;
    const [isGrey, hasAlpha] = [channels < 3, channels === 2 || channels === 4];
    for (let pixel = 0; pixel < frame.width * frame.height; pixel++) {
      const from = pixel * channels;
      const alpha = hasAlpha ? data[from + channels - 1]! : 255;
      if (frame.blends && alpha === 0) continue;
      const to = this.#at(frame, pixel);
      const below = frame.blends ? (this.#data[to + 3]! * (255 - alpha)) / 255 : 0;
      const shown = alpha + below;
      for (let c = 0; c < 3; c++) {
        const colour = data[from + (isGrey ? 0 : c)]!;
        const mixed = below > 0 ? (colour * alpha + this.#data[to + c]! * below) / shown : colour;
        this.#data[to + c] = Math.round(mixed);
      }
      this.#data[to + 3] = Math.round(shown);
    }
  }

  /** A copy of what a viewer shows now. */
  get raster(): Raster {
    return { ...this.size, channels: 4, data: this.#data.slice() };
  }

  #at({ left, top, width }: AnimationFrame, pixel: number): number {
    return ((top + Math.floor(pixel / width)) * this.size.width + left + (pixel % width)) * 4;
  }

  #dispose(): void {
    const last = this.#last;
    if (last?.dispose === 'restore' && this.#before) this.#data.set(this.#before);
    if (last?.dispose !== 'clear') return;
    for (let row = 0; row < last.height; row++) {
      const at = this.#at(last, row * last.width);
      this.#data.fill(0, at, at + 4 * last.width);
    }
  }
}
