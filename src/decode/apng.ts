/**
 * Animated PNG: its frames as PNGs of their own. Viewers with animations never show the default image of a file whose animation
 * begins elsewhere; others show nothing but that.
 *
 * Source  W3C, Portable Network Graphics (PNG) Specification (Third Edition), 11.3.6 and 13.2.
 */
import { type Animation, type AnimationFrame, fits } from './animation.js';
import { CHUNK_BYTES, chunksOf, pngChunk, SIGNATURE } from './png-chunks.js';

/** Frames that are read: at 30 a second half an hour. */
const FRAMES_MAX = 65_536;
/** Ancillary chunks without which the pixels of a frame have other colours. */
const KEPT = new Set(['PLTE', 'tRNS']);

interface PngFrame extends AnimationFrame {
  /** Compressed pixels, in pieces. */
  readonly data: readonly Uint8Array[];
}

interface PngAnimation extends Animation {
  /** The default image is none of the frames. */
  readonly hidesDefault: boolean;
}

/** By the number in a frame's control chunk. */
const DISPOSALS = ['leave', 'clear', 'restore'] as const;
const HAS_ALPHA = 4;

function frameOf(data: Uint8Array, pieces: readonly Uint8Array[]): PngFrame | null {
  if (data.length < 26) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height, left, top] = [4, 8, 12, 16].map((at) => view.getUint32(at)) as [number, number, number, number];
  const dispose = DISPOSALS[view.getUint8(24)] ?? 'leave';
  return { left, top, width, height, dispose, blends: view.getUint8(25) === 1, data: pieces };
}

/**
 * Return the animation of a PNG; null if it has none, or none that makes sense: viewers show the default image, then.
 * Errors  IMAGE_CORRUPT: too many chunks.
 */
export function readPngAnimation(bytes: Uint8Array): PngAnimation | null {
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
  const head = header;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const size = { width: view.getUint32(0), height: view.getUint32(4) };
  const wrong = frames.findIndex((frame) => !fits(frame, size) || frame.data.length === 0);
  const shown = wrong < 0 ? frames : frames.slice(0, wrong);
  if (shown.length === 0) return null;
  const isOpaque = (view.getUint8(9) & HAS_ALPHA) === 0 && !kept.some((one) => one[4] === 't'.charCodeAt(0));
  return { ...size, hidesDefault, isOpaque, frames: shown, file: (frame) => pngOf(head, kept, shown[frame]!) };
}

function pngOf(header: Uint8Array, kept: readonly Uint8Array[], { width, height, data }: PngFrame): Uint8Array {
  const head = Buffer.from(header.subarray(0, 13));
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  return Buffer.concat([SIGNATURE, pngChunk('IHDR', head), ...kept, pngChunk('IDAT', ...data), pngChunk('IEND')]);
}
