/** Layout of hashes in a ring's memory: bits of a hash as chunks, and entries in the order of each chunk. */

/** Rotate eight rows to the left by the binary logarithms of `factors`: the product of a row has its upper bits in its upper half. */
@inline
function rotateRows(rows: v128, factors: v128): v128 {
  const first = i32x4.extmul_low_i16x8_u(rows, factors);
  const last = i32x4.extmul_high_i16x8_u(rows, factors);
  const ones = i32x4.splat(0xffff);
  return i16x8.narrow_i32x4_u(
    v128.or(v128.and(first, ones), i32x4.shr_u(first, 16)),
    v128.or(v128.and(last, ones), i32x4.shr_u(last, 16)),
  );
}

/** Store the columns of 8×16 bits from `at` on, the last one first: column j is the j-th bit of each byte. */
@inline
function storeColumns(bytes: v128, at: usize): void {
  for (let column: u32 = 0; column < 8; column++) {
    store<u16>(at + (<usize>(7 - column) << 1), <u16>i8x16.bitmask(bytes));
    // The next bit of each byte becomes its first.
    bytes = i8x16.add(bytes, bytes);
  }
}

/** Transpose 16×16 bits, the rows 0 to 7 and 8 to 15, and store them at `at`. */
@inline
function storeTransposed(first: v128, last: v128, at: usize): void {
  storeColumns(i8x16.shuffle(first, last, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), at);
  storeColumns(i8x16.shuffle(first, last, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), at + 16);
}

/** Convert `count` hashes of 32 bytes to chunks, in place: row k is rotated to the right by 5k bits. */
export function toChunks(hashes: usize, count: u32): void {
  const end = hashes + (<usize>count << 5);
  const first = i16x8(1, 1 << 11, 1 << 6, 1 << 1, 1 << 12, 1 << 7, 1 << 2, 1 << 13);
  const last = i16x8(1 << 8, 1 << 3, 1 << 14, 1 << 9, 1 << 4, -32_768, 1 << 10, 1 << 5);
  for (let at = hashes; at < end; at += 32)
    storeTransposed(rotateRows(v128.load(at), first), rotateRows(v128.load(at, 16), last), at);
}

/** Convert chunks back to hashes, in place: row k is rotated to the left by 5k bits. */
export function fromChunks(hashes: usize, count: u32): void {
  const end = hashes + (<usize>count << 5);
  const first = i16x8(1, 1 << 5, 1 << 10, -32_768, 1 << 4, 1 << 9, 1 << 14, 1 << 3);
  const last = i16x8(1 << 8, 1 << 13, 1 << 2, 1 << 7, 1 << 12, 1 << 1, 1 << 6, 1 << 11);
  for (let at = hashes; at < end; at += 32) {
    storeTransposed(v128.load(at), v128.load(at, 16), at);
    v128.store(at, rotateRows(v128.load(at), first));
    v128.store(at, rotateRows(v128.load(at, 16), last), 16);
  }
}

/** Parameters of every search, in the order of `headerWords` in `../../index/ring-layout.ts`. */
@unmanaged
export class Header {
  entryCount: u32;
  masks: u32;
  hashes: u32;
  tables: u32;
  tableBytes: u32;
  secondOffset: u32;
  thirdOffset: u32;
  idsOffset: u32;
}

/** Build the table of chunk c by counting: bucket bounds, then per posting the next chunk, the one after it, the entry. */
export function buildTable(header: Header, c: u32): void {
  const count = header.entryCount;
  const hashes = <usize>header.hashes;
  const starts = <usize>header.tables + <usize>c * header.tableBytes;
  const seconds = starts + header.secondOffset;
  const thirds = starts + header.thirdOffset;
  const ids = starts + header.idsOffset;
  memory.fill(starts, 0, 65_537 << 2);
  const offset = <usize>c << 1;
  const second = <usize>((c + 1) & 15) << 1;
  const third = <usize>((c + 2) & 15) << 1;
  for (let i: u32 = 0; i < count; i++) {
    const bucket = starts + (<usize>load<u16>(hashes + (<usize>i << 5) + offset) << 2);
    store<u32>(bucket, load<u32>(bucket, 4) + 1, 4);
  }
  for (let at: usize = 4; at <= 65_536 << 2; at += 4) store<u32>(starts + at, load<u32>(starts + at) + load<u32>(starts + at - 4));
  // starts[b] moves through bucket b and ends as starts[b + 1]; one shift at the end restores the bounds.
  for (let i: u32 = 0; i < count; i++) {
    const hash = hashes + (<usize>i << 5);
    const bucket = starts + (<usize>load<u16>(hash + offset) << 2);
    const at = <usize>load<u32>(bucket);
    store<u32>(bucket, <u32>at + 1);
    store<u16>(seconds + (at << 1), load<u16>(hash + second));
    store<u16>(thirds + (at << 1), load<u16>(hash + third));
    const id = ids + at * 3;
    store<u16>(id, <u16>i);
    store<u8>(id, <u8>(i >> 16), 2);
  }
  memory.copy(starts + 4, starts, 65_536 << 2);
  store<u32>(starts, 0);
}
