/** Numbers and bytes, one after the other, in as few bytes as they take. Varints: seven bits a byte, the lowest first (LEB128). */
export class Writer {
  readonly bytes: number[] = [];
  u8(value: number): void {
    this.bytes.push(value);
  }
  varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.bytes.push((rest % 128) | 128);
    this.bytes.push(rest);
  }
  bigVarint(value: bigint): void {
    let rest = value;
    for (; rest > Number.MAX_SAFE_INTEGER; rest >>= 7n) this.bytes.push(Number(rest & 127n) | 128);
    this.varint(Number(rest));
  }
  i64(value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    this.all(bytes);
  }
  all(values: Iterable<number>): void {
    for (const value of values) this.bytes.push(value);
  }
}

/** Errors RangeError: there are no more bytes. */
export class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}
  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }
  u8(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new RangeError('the facts of a file end too soon');
    return value;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }
  bigVarint(): bigint {
    const from = this.at;
    const value = this.varint();
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(value);
    this.at = from;
    return this.#exactVarint();
  }
  #exactVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
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
