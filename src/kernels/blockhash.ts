/**
 * Blockhash of 256 bits, by `blockhash-core`.
 * Source  Yang, Gu, Niu: Block Mean Value Based Image Perceptual Hashing, 2006, method 2.
 */
import { bmvbhash } from 'blockhash-core';
import { parseHash256 } from '../core/hash256.js';
import type { Raster } from '../core/vocabulary.js';

/** 16×16 blocks: one bit each. */
const BLOCKS_PER_SIDE = 16;

/** Return the blockhash. Shape: a raster of any size → 32 bytes. */
export function blockhash256(raster: Raster): Uint8Array {
  const { width, height, channels, data } = raster;
  const rgba = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) rgba[pixel * 4 + c] = data[pixel * channels + (channels >= 3 ? c : 0)]!;
    rgba[pixel * 4 + 3] = 255;
  }
  return parseHash256(bmvbhash({ width, height, data: rgba }, BLOCKS_PER_SIDE));
}
