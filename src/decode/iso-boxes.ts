/** Boxes of ISO base media files, as AVIF and HEIC are, read and written. Pure. Source: ISO/IEC 14496-12, 4.2. */

/** Boxes read of one file: a photograph of 48 megapixels has 60 tiles with some boxes each. */
const BOXES_MAX = 20_000;
/** Box in box: `moov` to a sample entry's configuration is seven deep. */
const DEPTH_MAX = 12;

export interface Box {
  readonly type: string;
  /** Of its content, behind the head. */
  readonly start: number;
  readonly end: number;
}

export class Boxes {
  readonly view: DataView;
  #left = BOXES_MAX;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Yield the boxes in a range, as far as they make sense. */
  *in(start: number, end: number): Generator<Box> {
    for (let at = start; at + 8 <= end && this.#left-- > 0; ) {
      const type = String.fromCharCode(...this.bytes.subarray(at + 4, at + 8));
      let size = this.view.getUint32(at);
      let head = 8;
      if (size === 1 && at + 16 <= end) {
        size = Number(this.view.getBigUint64(at + 8));
        head = 16;
      } else if (size === 0) size = end - at;
      if (size < head || at + size > end) return;
      yield { type, start: at + head, end: at + size };
      at += size;
    }
  }

  /** Return the first box of a path, with its version and flags passed where a name ends in `*`; null if there is none. */
  find(path: readonly string[], within: Pick<Box, 'start' | 'end'> = { start: 0, end: this.bytes.length }): Box | null {
    let place: Pick<Box, 'start' | 'end'> = within;
    let found: Box | null = null;
    for (const name of path.slice(0, DEPTH_MAX)) {
      const type = name.slice(0, 4);
      found = null;
      for (const box of this.in(place.start, place.end)) {
        if (box.type !== type) continue;
        found = name.endsWith('*') ? { ...box, start: Math.min(box.start + 4, box.end) } : box;
        break;
      }
      if (found === null) return null;
      place = found;
    }
    return found;
  }
}

/** Run a reader: numbers that lead out of the file are no file's. */
export function orNull<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Return a box as bytes. */
export const box = (type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
};
export const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
/** Version and flags of a full box. */
export const FULL = [0, 0, 0, 0];
