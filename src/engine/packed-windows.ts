/**
 * Hashes of windows as bytes: an image has a hundred of them, and JSON would cost as much as a search.
 *
 * Layout  per window: kind u8 · quality u8 · number of hashes u8 · 5 unused · degrees, left, top, right, bottom, proportion f64, little-endian · certain bits and
 *         hashes, 32 bytes each.
 */
import { HASH256_BYTES } from '../core/hash256.js';
import { WINDOW_KINDS } from '../core/window.js';
import type { WindowHash } from '../kernels/windows/hash-windows.js';

const HEAD_BYTES = 56;

export function packWindows(windows: readonly WindowHash[]): Buffer {
  const bytes = windows.reduce((sum, { hashes }) => sum + HEAD_BYTES + HASH256_BYTES * (1 + hashes.length), 0);
  const packed = Buffer.alloc(bytes);
  let at = 0;
  for (const { window, quality, hashes, certain } of windows) {
    // One of an inventory is never sent.
    if (quality === null || certain === null) throw new RangeError('a window without its certain bits');
    const { kind, rectangle, degrees, proportion } = window;
    packed.set([WINDOW_KINDS.indexOf(kind), quality, hashes.length], at);
    const { left, top, right, bottom } = rectangle;
    for (const [n, value] of [degrees, left, top, right, bottom, proportion].entries())
      packed.writeDoubleLE(value, at + 8 + 8 * n);
    at += HEAD_BYTES;
    for (const bytes of [certain, ...hashes]) {
      packed.set(bytes, at);
      at += HASH256_BYTES;
    }
  }
  return packed;
}

/** Unpack from `at` on; hashes are views into `packed`. Errors RangeError: it ends too soon, or has an unknown kind. */
export function unpackWindows(
  packed: Buffer,
  at: number,
  count: number,
): { readonly windows: WindowHash[]; readonly end: number } {
  let next = at;
  const take = () => {
    next += HASH256_BYTES;
    if (next > packed.length) throw new RangeError('packed reply is truncated');
    return new Uint8Array(packed.buffer, packed.byteOffset + next - HASH256_BYTES, HASH256_BYTES);
  };
  const windows = Array.from({ length: count }, (): WindowHash => {
    const kind = WINDOW_KINDS[packed.readUInt8(next)];
    if (kind === undefined) throw new RangeError('packed reply has an unknown window');
    const quality = packed.readUInt8(next + 1);
    const hashes = packed.readUInt8(next + 2);
    const number = (n: number) => packed.readDoubleLE(next + 8 + 8 * n);
    const [degrees, left, top, right, bottom] = [number(0), number(1), number(2), number(3), number(4)];
    const proportion = number(5);
    next += HEAD_BYTES;
    return {
      window: { kind, rectangle: { left, top, right, bottom }, degrees, proportion },
      quality,
      certain: take(),
      hashes: Array.from({ length: hashes }, take),
    };
  });
  return { windows, end: next };
}
