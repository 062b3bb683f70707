/**
 * PDQ by the WASM kernel. One hasher belongs to one thread: it owns a memory, reuses it for every image,
 * and caches the filter weights by size. The memory grows to the largest image.
 */
import { readFileSync } from 'node:fs';
import { artefact } from '../core/package-root.js';
import type { Family, Raster } from '../core/vocabulary.js';
import {
  type AxisWeights,
  axisWeights,
  COSINES,
  DCT_SIDE,
  DEGENERATE_BELOW,
  familiesOf,
  identityWeights,
  isResized,
  isTooSmall,
  LUMA_SIDE,
  MIRRORINGS,
  nearestIndices,
  noHash,
  type PdqFamilyResult,
  type PdqHasher,
  RESIZE_SIDE,
  symmetricWeights,
} from './pdq.js';
import { align16, growTo, type PdqExports, Span } from './pdq-memory.js';
import type { Surface } from './windows/surface.js';
import { SURFACE_BYTES, WasmSurface } from './windows/wasm-surface.js';

/** Weights of one axis as the kernel reads them: by source row (for the row half) and padded (for the column half). */
interface AxisTables {
  readonly starts: number;
  readonly outs: number;
  readonly shares: number;
  readonly firsts: number;
  readonly weights: number;
  readonly stride: number;
}

/** An image in the kernel's memory. */
interface Placed extends Omit<Raster, 'data'> {
  readonly bytes: number;
}

/**
 * Room for tables of axes; when full, all are dropped and rebuilt on demand. Enough for sides up to half a million
 * pixels; a longer side doubles the room.
 */
const TABLE_BYTES = 16 * 1_048_576;
const VECTOR = 4;
/** Matrices of a pass over the rows: of two families, forward and mirrored; each is four pointers. */
const MATRICES_MAX = 4;

const upToVector = (count: number) => Math.ceil(count / VECTOR) * VECTOR;

/** A result that is being filled. */
type Unfinished = {
  -readonly [field in keyof PdqFamilyResult]: field extends 'hashes' ? Uint8Array[] : PdqFamilyResult[field];
};

/** Return the names of the tables of both axes. A 64×64 image is used unchanged, except by centred windows. */
function axisKeys(family: Family, width: number, height: number): { readonly y: string; readonly x: string } {
  if (family === 'symmetric') return { y: `s${height}`, x: `s${width}` };
  if (width === LUMA_SIDE && height === LUMA_SIDE) return { y: 'i', x: 'i' };
  return { y: `w${height}`, x: `w${width}` };
}

/** A hasher into whose memory a decoder may write, so that the pixels need not be copied. */
interface PdqKernelHasher extends PdqHasher {
  /**
   * Return memory for so many bytes of pixels. A raster over all of it is hashed in place, and may be invalid afterwards:
   * growth replaces the kernel's memory.
   */
  takePlane(bytes: number): Buffer;
  /** Return the surface of the image that was hashed last, which is still in the kernel's memory. Valid until the next call of any function. */
  surface(): Surface;
}

class WasmHasher implements PdqKernelHasher {
  readonly #kernel: PdqExports;
  #tables: Span;
  readonly #axes = new Map<string, AxisTables>();
  readonly #fixed: {
    cosines: number;
    cosinesTurned: number;
    half: number;
    dct: number;
    room: number;
    hash: number;
    lumas: number;
    matrices: number;
  };
  readonly #surface: WasmSurface;
  #imageStart: number;
  #last: Placed | null = null;

  constructor(kernel: PdqExports) {
    this.#kernel = kernel;
    const fixed = new Span(align16(kernel.heapBase()), 1_048_576);
    const floats = (count: number) => fixed.take(count * 4);
    this.#fixed = {
      cosines: floats(DCT_SIDE * LUMA_SIDE),
      cosinesTurned: floats(DCT_SIDE * LUMA_SIDE),
      half: floats(DCT_SIDE * LUMA_SIDE),
      dct: floats(DCT_SIDE * DCT_SIDE),
      room: floats(DCT_SIDE * DCT_SIDE),
      hash: fixed.take(32),
      lumas: floats(LUMA_SIDE * LUMA_SIDE),
      matrices: fixed.take(MATRICES_MAX * 4 * 4),
    };
    const surface = new Span(fixed.start + fixed.bytes, SURFACE_BYTES);
    this.#tables = new Span(surface.start + surface.bytes, TABLE_BYTES);
    this.#imageStart = this.#tables.start + TABLE_BYTES;
    this.#grow(this.#imageStart);
    this.#surface = new WasmSurface(kernel, this.#fixed, surface);
    this.#floatsAt(this.#fixed.cosines).set(COSINES);
    for (let k = 0; k < LUMA_SIDE; k++) {
      for (let j = 0; j < DCT_SIDE; j++) {
        this.#floatsAt(this.#fixed.cosinesTurned)[k * DCT_SIDE + j] = COSINES[j * LUMA_SIDE + k]!;
      }
    }
  }

  takePlane(bytes: number): Buffer {
    this.#grow(this.#imageStart + align16(bytes + VECTOR * 4));
    return Buffer.from(this.#kernel.memory.buffer, this.#imageStart, bytes);
  }

  surface(): Surface {
    if (this.#last === null) throw new Error('no image has been hashed');
    const rows = this.#imageStart + align16(this.#last.bytes + VECTOR * 4);
    return this.#surface.open({ ...this.#last, at: this.#imageStart, rows });
  }

  hash(raster: Raster, { orientations, families }: Parameters<PdqHasher['hash']>[1]): ReturnType<PdqHasher['hash']> {
    const mirrorings = orientations === 'all' ? MIRRORINGS : MIRRORINGS.slice(0, 1);
    const { width, height, channels, data } = raster;
    const bytes = width * height * channels;
    if (data.byteLength !== bytes) throw new RangeError(`${data.byteLength} bytes for ${bytes} samples`);
    // Both families are hashed from one copy of the image; an image in the taken plane needs no copy.
    this.#grow(this.#imageStart + align16(bytes + VECTOR * 4));
    const isInPlace = data.buffer === this.#kernel.memory.buffer && data.byteOffset === this.#imageStart;
    if (!isInPlace) new Uint8Array(this.#kernel.memory.buffer, this.#imageStart, bytes).set(data);
    const placed = { width, height, channels, bytes };
    this.#last = placed;
    const names = familiesOf(raster, families);
    // Families that read the same pixels share the conversion to luma.
    const groups = isResized(raster, 'resized') ? names.map((name) => [name]) : [names];
    return {
      families: groups.flatMap((group) =>
        isTooSmall(raster, group[0]!)
          ? group.map((family) => noHash(family, mirrorings.length))
          : this.#hashGroup(placed, group, mirrorings.length),
      ),
    };
  }

  #hashGroup(raster: Placed, families: readonly Family[], orientationCount: number): PdqFamilyResult[] {
    const resizes = isResized(raster, families[0]!);
    const width = resizes ? RESIZE_SIDE : raster.width;
    const height = resizes ? RESIZE_SIDE : raster.height;
    const keys = families.map((family) => axisKeys(family, width, height));

    // Tables first: building one may drop others, so all tables of this image are requested at once.
    const withMirrored = (key: string) => [key, `${key}m`];
    const weights = keys.flatMap(({ y, x }) => (resizes ? [y, x] : [y, x].flatMap(withMirrored)));
    const nearest = resizes ? [`n${raster.height}`, `n${raster.width}`].flatMap(withMirrored) : [];
    this.#ensure([...weights, ...nearest], raster.bytes);
    const axis = (key: string, mirrored: boolean) => this.#axes.get(mirrored ? `${key}m` : key)!;

    const paddedWidth = upToVector(width) + Math.max(...weights.map((key) => axis(key, false).stride));
    const rowBuffer = this.#imageStart + align16(raster.bytes + VECTOR * 4);
    const sumsAt = (at: number) => rowBuffer + align16(paddedWidth * 4) + at * align16(LUMA_SIDE * paddedWidth * 4);
    this.#grow(sumsAt(2 * families.length));
    new Float32Array(this.#kernel.memory.buffer, rowBuffer, paddedWidth).fill(0);

    const rowsOf = (rows: number, columns: number, matrices: readonly AxisTables[]) => {
      const pointers = matrices.flatMap(({ starts, outs, shares }, at) => [starts, outs, shares, sumsAt(at)]);
      this.#intsAt(this.#fixed.matrices).set(pointers);
      const size = [height, width, paddedWidth, rowBuffer, this.#fixed.matrices, matrices.length];
      this.#kernel.filterRows(this.#imageStart, raster.channels, raster.width, rows, columns, ...size);
    };
    const results = families.map((family): Unfinished => ({ family, quality: 0, degenerate: false, hashes: [] }));
    const mirrors = orientationCount > 1 ? [false, true] : [false];
    if (!resizes)
      rowsOf(
        0,
        0,
        keys.flatMap(({ y }) => mirrors.map((mirrorY) => axis(y, mirrorY))),
      );
    for (const mirrorY of mirrors) {
      for (const mirrorX of mirrors) {
        if (resizes) {
          // Nearest neighbour picks different pixels from the far end, so each mirror image is hashed separately.
          const rows = axis(`n${raster.height}`, mirrorY).firsts;
          rowsOf(rows, axis(`n${raster.width}`, mirrorX).firsts, [axis(keys[0]!.y, false)]);
        }
        for (const [at, result] of results.entries()) {
          const sums = sumsAt(resizes ? 0 : at * mirrors.length + Number(mirrorY));
          const columns = axis(keys[at]!.x, mirrorX && !resizes);
          this.#kernel.filterColumns(
            sums,
            paddedWidth,
            columns.firsts,
            columns.weights,
            columns.stride,
            this.#fixed.lumas,
          );
          this.#finish(result, mirrorX, mirrorY, orientationCount);
        }
      }
    }
    const [first] = results;
    return results.map((result) => (result.family === 'symmetric' ? { ...result, quality: first!.quality } : result));
  }

  /** Add the hashes of the luma in memory, which is mirrored so. */
  #finish(result: Unfinished, mirrorX: boolean, mirrorY: boolean, orientationCount: number): void {
    const { lumas, cosines, cosinesTurned, half, dct, room, hash } = this.#fixed;
    this.#kernel.dct(lumas, cosines, cosinesTurned, half, dct);
    const median = this.#kernel.lowerMedian(dct, room);
    if (!mirrorX && !mirrorY) {
      if (result.family !== 'symmetric') result.quality = this.#kernel.quality(lumas);
      result.degenerate = this.#kernel.largest(dct) < DEGENERATE_BELOW;
    }
    for (let at = 0; at < orientationCount; at++) {
      const mirroring = MIRRORINGS[at]!;
      if (mirroring.mirrorX !== mirrorX || mirroring.mirrorY !== mirrorY) continue;
      this.#kernel.bits(dct, median, mirroring.transposed ? 1 : 0, hash);
      result.hashes[at] = new Uint8Array(this.#kernel.memory.buffer, hash, 32).slice();
    }
  }

  /** Build the named tables: `w300` weights of an axis of 300, `s300` centred ones, `n1200` nearest indices, `i` identity; `m` mirrored. */
  #ensure(keys: readonly string[], imageBytes: number): void {
    const makeAll = () => keys.every((key) => this.#axes.has(key) || this.#make(key));
    if (makeAll()) return;
    this.#tables.clear();
    this.#axes.clear();
    while (!makeAll()) {
      // Memory first: where it cannot grow, this image fails and the hasher stays unchanged.
      const larger = new Span(this.#tables.start, this.#tables.bytes * 2);
      const imageStart = larger.start + larger.bytes;
      this.#grow(imageStart + align16(imageBytes + VECTOR * 4));
      new Uint8Array(this.#kernel.memory.buffer).copyWithin(
        imageStart,
        this.#imageStart,
        this.#imageStart + imageBytes,
      );
      this.#tables = larger;
      this.#imageStart = imageStart;
      this.#axes.clear();
    }
  }

  #make(key: string): boolean {
    const mirrored = key.endsWith('m');
    const n = Number.parseInt(key.slice(1), 10);
    if (key.startsWith('n')) {
      const firsts = this.#tables.take(RESIZE_SIDE * 4);
      if (firsts < 0) return false;
      this.#intsAt(firsts).set(nearestIndices(n, mirrored));
      this.#axes.set(key, { starts: 0, outs: 0, shares: 0, firsts, weights: 0, stride: 0 });
      return true;
    }
    if (key.startsWith('i')) return this.#layOut(key, identityWeights(mirrored), LUMA_SIDE);
    return this.#layOut(key, key.startsWith('s') ? symmetricWeights(n, mirrored) : axisWeights(n, mirrored), n);
  }

  #layOut(key: string, axis: AxisWeights, n: number): boolean {
    const shareCount = axis.counts.reduce((sum, count) => sum + count, 0);
    const stride = upToVector(axis.stride);
    const [starts, outs, shares, firsts, weights] = [n + 1, shareCount, shareCount, LUMA_SIDE, LUMA_SIDE * stride].map(
      (words) => this.#tables.take(words * 4),
    ) as [number, number, number, number, number];
    if (weights < 0) return false;
    const padded = new Float32Array(LUMA_SIDE * stride);
    const bySource: { out: number; share: number }[][] = Array.from({ length: n }, () => []);
    for (let out = 0; out < LUMA_SIDE; out++) {
      for (let t = 0; t < axis.counts[out]!; t++) {
        const share = axis.weights[out * axis.stride + t]!;
        padded[out * stride + t] = share;
        bySource[axis.firsts[out]! + t]!.push({ out, share });
      }
    }
    let at = 0;
    bySource.forEach((row, y) => {
      this.#intsAt(starts)[y] = at;
      for (const { out, share } of row) {
        this.#intsAt(outs)[at] = out;
        this.#floatsAt(shares)[at] = share;
        at++;
      }
    });
    this.#intsAt(starts)[n] = at;
    this.#intsAt(firsts).set(axis.firsts);
    this.#floatsAt(weights).set(padded);
    this.#axes.set(key, { starts, outs, shares, firsts, weights, stride });
    return true;
  }

  #grow(bytes: number): void {
    growTo(this.#kernel, bytes);
  }

  #floatsAt(offset: number): Float32Array {
    return new Float32Array(this.#kernel.memory.buffer, offset);
  }

  #intsAt(offset: number): Int32Array {
    return new Int32Array(this.#kernel.memory.buffer, offset);
  }
}

let compiled: WebAssembly.Module | undefined;

/** Create a hasher with its own memory, for one thread. Errors: throws where `npm run build` has not made the WASM file. */
export function loadPdqHasher(): PdqKernelHasher {
  compiled ??= new WebAssembly.Module(readFileSync(artefact('wasm', 'pdq.wasm')));
  const instance = new WebAssembly.Instance(compiled, {
    env: {
      abort: () => {
        throw new Error('PDQ kernel aborted');
      },
    },
  });
  return new WasmHasher(instance.exports as unknown as PdqExports);
}
