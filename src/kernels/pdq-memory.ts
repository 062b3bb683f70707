/** Memory of the PDQ kernel: what it exports, and blocks of its memory. */
export interface PdqExports {
  readonly memory: WebAssembly.Memory;
  /** The first byte after the module's own static data. */
  heapBase(): number;
  filterRows(...pointersAndSizes: number[]): void;
  filterColumns(sums: number, paddedWidth: number, firsts: number, weights: number, stride: number, luma: number): void;
  quality(luma: number): number;
  dct(luma: number, cosines: number, cosinesTurned: number, half: number, out: number): void;
  largest(dct: number): number;
  lowerMedian(dct: number, room: number): number;
  bits(dct: number, median: number, transposed: number, hash: number): void;
  shrink(...pointersAndSizes: number[]): void;
  halve(plane: number, width: number, halfWidth: number, halfHeight: number, out: number): void;
  toGrey(plane: number, count: number, grey: number): void;
  sampleUpright(...pointersAndSizes: number[]): void;
  softenOutside(luma: number, columnDepths: number, rowDepths: number, room: number): void;
  sampleTurned(...pointersSizesAndDirections: number[]): void;
  mirror(dct: number, out: number): void;
  distances(dct: number, median: number, out: number): void;
  commonest(pixels: number, step: number, count: number, bins: number): number;
  sums(pixels: number, step: number, count: number, out: number): void;
  difference(a: number, b: number, step: number, count: number): number;
  lineSums(...pointersAndSizes: number[]): void;
  seams(...pointersAndSizes: number[]): void;
}

const PAGE_BYTES = 65_536;

export const align16 = (bytes: number) => Math.ceil(bytes / 16) * 16;

/** Grow the kernel's memory to at least so many bytes. */
export function growTo({ memory }: PdqExports, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}

/** A bump allocator over one span of the kernel's memory. */
export class Span {
  #next: number;
  constructor(
    readonly start: number,
    readonly bytes: number,
  ) {
    this.#next = start;
  }

  /** Return the offset of a fresh, 16-byte aligned block, or -1 where the span is full. */
  take(bytes: number): number {
    const at = this.#next;
    if (at + align16(bytes) > this.start + this.bytes) return -1;
    this.#next += align16(bytes);
    return at;
  }

  clear(): void {
    this.#next = this.start;
  }
}
