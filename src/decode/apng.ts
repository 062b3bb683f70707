/**
 * Animated PNG: its frames as PNGs of their own, put together on the canvas as a viewer does. Viewers with animations never show
 * the default image of a file whose animation begins elsewhere; others show nothing but that.
 *
 * Source  W3C, Portable Network Graphics (PNG) Specification (Third Edition), 11.3.6 and 13.2.
 */
import { crc32 } from 'node:zlib';
import type { Raster } from '../core/vocabulary.js';

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const CHUNK_BYTES = 12;
/** Frames that are read: at 30 a second half an hour. */
const FRAMES_MAX = 65_536;
/** Pixels decoded to put one frame together: forty screens of a phone. Frames behind them are not looked at. */
const CANVAS_PIXELS_MAX = 100_000_000;
/** Ancillary chunks without which the pixels of a frame have other colours. */
const KEPT = new Set(['PLTE', 'tRNS']);

export interface PngFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** 0 leaves the frame, 1 clears its place, 2 puts back what was there. */
  readonly dispose: number;
  /** 0 replaces, 1 composites. */
  readonly blend: number;
  /** Compressed pixels, in pieces. */
  readonly data: readonly Uint8Array[];
}

export interface Animation {
  readonly width: number;
  readonly height: number;
  /** The default image is none of the frames. */
  readonly hidesDefault: boolean;
  readonly frames: readonly PngFrame[];
  /** Head and palette of the file. */
  readonly header: Uint8Array;
  readonly kept: readonly Uint8Array[];
}

interface Chunk {
  readonly type: string;
  readonly at: number;
  readonly data: Uint8Array;
}

function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE_BYTES; at + CHUNK_BYTES <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // The last chunk of a truncated file is decoded as far as it goes.
    const data = bytes.subarray(at + 8, Math.min(at + 8 + length, bytes.length));
    yield { type, at, data };
    at += CHUNK_BYTES + length;
  }
}

function frameOf(data: Uint8Array, pieces: readonly Uint8Array[]): PngFrame | null {
  if (data.length < 26) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height, left, top] = [4, 8, 12, 16].map((at) => view.getUint32(at)) as [number, number, number, number];
  return { left, top, width, height, dispose: view.getUint8(24), blend: view.getUint8(25), data: pieces };
}

const fits = (frame: PngFrame, { width, height }: Pick<Animation, 'width' | 'height'>): boolean =>
  frame.width > 0 && frame.height > 0 && frame.left + frame.width <= width && frame.top + frame.height <= height;

/** Return the animation of a PNG; null if it has none, or none that makes sense: viewers show the default image, then. */
export function readAnimation(bytes: Uint8Array): Animation | null {
  const frames: PngFrame[] = [];
  const kept: Uint8Array[] = [];
  let header: Uint8Array | null = null;
  let isAnimated = false;
  let hidesDefault = true;
  let pieces: Uint8Array[] | null = null;
  for (const { type, at, data } of chunksOf(bytes)) {
    if (type === 'IHDR' && data.length >= 13) header ??= data;
    else if (KEPT.has(type)) kept.push(bytes.subarray(at, at + CHUNK_BYTES + data.length));
    else if (type === 'acTL') isAnimated = true;
    // Behind the default image it is too late: no viewer animates the file.
    else if (type === 'IDAT' && !isAnimated) return null;
    else if (type === 'IDAT') {
      if (pieces !== null && frames.length === 1) {
        hidesDefault = false;
        pieces.push(data);
      }
    } else if (type === 'fdAT' && data.length > 4) pieces?.push(data.subarray(4));
    else if (type === 'fcTL') {
      pieces = [];
      const frame = frameOf(data, pieces);
      if (frame === null || frames.length === FRAMES_MAX) break;
      frames.push(frame);
    }
  }
  if (header === null || !isAnimated) return null;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const size = { width: view.getUint32(0), height: view.getUint32(4) };
  const whole = frames.findIndex((frame) => !fits(frame, size) || frame.data.length === 0);
  const shown = whole < 0 ? frames : frames.slice(0, whole);
  return shown.length === 0 ? null : { ...size, hidesDefault, frames: shown, header, kept };
}

function chunk(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), ...parts]);
  const [head, tail] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(content.length - 4);
  tail.writeUInt32BE(crc32(content));
  return Buffer.concat([head, content, tail]);
}

/** Return a frame as a PNG of its own. */
export function pngOf({ header, kept }: Animation, { width, height, data }: PngFrame): Uint8Array {
  const head = Buffer.from(header.subarray(0, 13));
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', head), ...kept, chunk('IDAT', ...data), chunk('IEND')]);
}

/** Return the number of frames that can be put together within the bound on pixels. */
export function framesWithin({ frames }: Pick<Animation, 'frames'>, pixelsMax = CANVAS_PIXELS_MAX): number {
  let pixels = 0;
  const beyond = frames.findIndex(({ width, height }, at) => {
    pixels += width * height;
    return at > 0 && pixels > pixelsMax;
  });
  return beyond < 0 ? frames.length : beyond;
}

/** The canvas of an animation: frames are put on it in their order. Shape: R G B and alpha; transparent black at first. */
export class Canvas {
  readonly #data: Uint8Array;
  #before: Uint8Array | null = null;
  #last: PngFrame | null = null;

  constructor(readonly size: Pick<Animation, 'width' | 'height'>) {
    this.#data = new Uint8Array(size.width * size.height * 4);
  }

  /** Put the next frame on the canvas. Errors RangeError: the raster has another size than the frame. */
  put(frame: PngFrame, raster: Raster): void {
    if (raster.width !== frame.width || raster.height !== frame.height) throw new RangeError('a frame of another size');
    this.#dispose();
    if (frame.dispose === 2) this.#before = this.#data.slice();
    this.#last = frame;
    const { channels, data } = raster;
    const [isGrey, hasAlpha] = [channels < 3, channels === 2 || channels === 4];
    for (let pixel = 0; pixel < frame.width * frame.height; pixel++) {
      const from = pixel * channels;
      const alpha = hasAlpha ? data[from + channels - 1]! : 255;
      if (frame.blend === 1 && alpha === 0) continue;
      const to = this.#at(frame, pixel);
      const below = frame.blend === 1 ? (this.#data[to + 3]! * (255 - alpha)) / 255 : 0;
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

  #at({ left, top, width }: PngFrame, pixel: number): number {
    return ((top + Math.floor(pixel / width)) * this.size.width + left + (pixel % width)) * 4;
  }

  #dispose(): void {
    const last = this.#last;
    if (last?.dispose === 2 && this.#before) this.#data.set(this.#before);
    if (last?.dispose !== 1) return;
    for (let row = 0; row < last.height; row++) {
      const at = this.#at(last, row * last.width);
      this.#data.fill(0, at, at + 4 * last.width);
    }
  }
}
