/** Layout of hashes in a ring's memory: bits of a hash as chunks, and entries in the order of each chunk. */

/** Rotate each row k of the 16×16 bits at `at` to the right by k times `step`. */
@inline
function rotateRows(at: usize, step: u32): void {
  for (let k: u32 = 0; k < 16; k++) {
    const row = <u32>load<u16>(at + (<usize>k << 1));
    const by = (step * k) & 15;
    store<u16>(at + (<usize>k << 1), <u16>((row >> by) | (row << (16 - by))));
  }
}

/** Transpose the 16×16 bits at `at`. Hacker's Delight 7-3: swap ever smaller blocks across the diagonal. */
@inline
function transpose(at: usize): void {
  let mask: u32 = 0x00ff;
  for (let width: u32 = 8; width != 0; width >>= 1, mask ^= mask << width) {
    for (let k: u32 = 0; k < 16; k = (k + width + 1) & ~width) {
      const a = at + (<usize>k << 1);
      const b = at + (<usize>(k + width) << 1);
      const swapped = ((<u32>load<u16>(a) >> width) ^ <u32>load<u16>(b)) & mask;
      store<u16>(a, <u16>(<u32>load<u16>(a) ^ (swapped << width)));
      store<u16>(b, <u16>(<u32>load<u16>(b) ^ swapped));
    }
  }
}

/** Convert `count` hashes of 32 bytes to chunks, in place. */
export function toChunks(hashes: usize, count: u32): void {
  const end = hashes + (<usize>count << 5);
  for (let at = hashes; at < end; at += 32) {
    rotateRows(at, 5);
    transpose(at);
  }
}

/** Convert chunks back to hashes, in place. */
export function fromChunks(hashes: usize, count: u32): void {
  const end = hashes + (<usize>count << 5);
  for (let at = hashes; at < end; at += 32) {
    transpose(at);
    rotateRows(at, 11);
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
