/** Compact encoding of numbers and bytes in sequence. Varints: seven bits a byte, the lowest first (LEB128). */
import { AppError } from '../../core/errors.js';

/** Writer of packed bytes. */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** The bytes that were written. */
  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
  u8(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }
  varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.u8((rest % 128) | 128);
    this.u8(rest);
  }
  bigVarint(value: bigint): void {
    let rest = value;
    for (; rest > Number.MAX_SAFE_INTEGER; rest >>= 7n) this.u8(Number(rest & 127n) | 128);
    this.varint(Number(rest));
  }
  /** The lowest 64 bits. */
  i64(value: bigint): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setBigInt64(this.#length, value, true);
    this.#length += 8;
  }
  all(values: Uint8Array): void {
    this.#reserve(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
  }
  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Return the value at a position that was read. Errors RangeError: there is none. */
export function valueAt<T>(values: readonly T[], place: number): T {
  const value = values[place];
  if (value === undefined) throw new RangeError(`the facts of a file name value ${place} of ${values.length}`);
  return value;
}

/** 64 bits, seven a byte. */
const VARINT_BYTES_MAX = 10;

/** Reader of packed bytes. Errors RangeError: no more bytes, or an invalid number. */
export class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}
  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }
  /** Errors RangeError: there are bytes left. */
  requireEnd(): void {
    if (!this.isAtEnd) throw new RangeError('bytes after the end of the facts of a file');
  }
  u8(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new RangeError('the facts of a file end too soon');
    return value;
  }
  varint(): number {
    const value = this.#roundedVarint();
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('a number in the facts of a file is too large');
    return value;
  }
  /** Values above 2^53 are read again, exactly. */
  bigVarint(): bigint {
    const from = this.at;
    const rounded = this.#roundedVarint();
    if (rounded <= Number.MAX_SAFE_INTEGER) return BigInt(rounded);
    let value = 0n;
    for (let at = from; at < this.at; at++) value |= BigInt(this.bytes[at]! & 127) << BigInt(7 * (at - from));
    return value;
  }
  #roundedVarint(): number {
    let value = 0;
    let scale = 1;
    for (let left = VARINT_BYTES_MAX; left > 0; left--) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw new RangeError('a number in the facts of a file is too large');
  }
  i64(): bigint {
    const { buffer, byteOffset, byteLength } = this.bytes;
    this.pass(8);
    return new DataView(buffer, byteOffset, byteLength).getBigInt64(this.at - 8, true);
  }
  take(length: number): Uint8Array {
    this.pass(length);
    return this.bytes.subarray(this.at - length, this.at);
  }
  pass(length: number): void {
    if (this.at + length > this.bytes.length) throw new RangeError('the facts of a file end too soon');
    this.at += length;
  }
  passVarint(): void {
    while (this.u8() > 127);
  }
}

/** Run a reader of a row; the file may be damaged. Errors STORE_FAILED, for every RangeError of `read`. */
export function readRow<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError('STORE_FAILED', { why: 'the inventory is damaged: scan into an empty folder' }, error);
  }
}
