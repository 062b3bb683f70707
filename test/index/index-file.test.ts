import { describe, expect, test } from 'vitest';
import type { Algorithm } from '../../src/core/vocabulary.js';
import { openIndex, sealIndex } from '../../src/index/index-file.js';
import { buildRing, givenHashes } from '../../src/index/ring.js';
import { sealStream } from '../../src/vault/sealed-stream.js';
import { randomBytes, seeded } from '../support/random.js';
import { vaultOf } from '../support/vault.js';

const position = { storeId: 7, generation: 12 };
const section = (algorithm: Algorithm, valueBytes: number, count: number) => ({
  algorithm,
  valueBytes,
  keys: Uint32Array.from({ length: count }, (_, at) => at * 3 + 1),
  listKeys: Uint16Array.from({ length: count }, (_, at) => at % 5),
  values: randomBytes(seeded(count + valueBytes), count * valueBytes),
});
const sections = [section('pdq', 32, 40), section('md5', 16, 3), section('sha1', 20, 0)];

type Section = (typeof sections)[number];
const whole = (column: Uint32Array | Uint16Array) => new Uint8Array(column.buffer);
/** Columns in pieces that are no rows. */
const sourceOf = ({ algorithm, valueBytes, keys, listKeys, values }: Section) => ({
  algorithm,
  valueBytes,
  entryCount: keys.length,
  columns: [[whole(keys)], [whole(listKeys).subarray(0, 3), whole(listKeys).subarray(3)], [values]],
});

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const written = () => bytesOf(sealIndex({ position, sections: sections.map(sourceOf) }, vaultOf()));

async function* piecesOf(bytes: Uint8Array, onEnd = () => {}): AsyncGenerator<Uint8Array> {
  try {
    for (let at = 0; at < bytes.length; at += 300) yield bytes.subarray(at, at + 300);
  } finally {
    onEnd();
  }
}

const read = (bytes: Uint8Array, onEnd?: () => void) => openIndex(piecesOf(bytes, onEnd), bytes.length, vaultOf());

const INVALID = { code: 'INDEX_FILE_INVALID' };

test('a file is read as it was written', async () => {
  const found = await read(await written());
  expect(found.position).toEqual(position);
  expect(found.sections.map((one) => ({ ...one, values: Uint8Array.from(one.values) }))).toEqual(sections);
});

test('a flipped bit anywhere is refused', async () => {
  const good = await written();
  for (let bit = 0; bit < good.length * 8; bit += bit < 1_000 ? 1 : 37) {
    const bad = Buffer.from(good);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    await expect(read(bad), `bit ${bit}`).rejects.toMatchObject(INVALID);
  }
});

test('a truncated or extended file is refused', async () => {
  const good = await written();
  for (let bytes = 0; bytes < good.length; bytes += bytes < 200 ? 1 : 13)
    await expect(read(good.subarray(0, bytes)), `${bytes} bytes`).rejects.toMatchObject(INVALID);
  await expect(read(Buffer.concat([good, Buffer.alloc(1)]))).rejects.toMatchObject(INVALID);
});

/** The content under the seal, with `rest` bytes after the header. */
function withHeader(header: string, rest = 100): string {
  return `ZEEFIDX2${String.fromCharCode(header.length)}\0\0\0\0\0\0\0${header}${'x'.repeat(rest)}`;
}

describe('an invalid index file', () => {
  test.each([
    ['an empty file', ''],
    ['text', 'hello, this is a text of some length that is no index file at all'],
    ['a header that names gigabytes', `ZEEFIDX2\xff\0\0\0\0\0\0\0${'{"sections":[{"entryCount":9e9}]}'.padEnd(255)}`],
    ['a header that is not JSON', `ZEEFIDX2\x10\0\0\0\0\0\0\0${'x'.repeat(100)}`],
    ['a header that is null', `ZEEFIDX2\x04\0\0\0\0\0\0\0null${'x'.repeat(100)}`],
    ['a section that is null', withHeader('{"position":1,"sections":[null]}')],
    ['a negative count', withHeader('{"position":1,"sections":[{"algorithm":"md5","entryCount":-5,"valueBytes":16}]}')],
    [
      'more entries than the file has bytes for',
      withHeader('{"position":1,"sections":[{"algorithm":"md5","entryCount":900000000000,"valueBytes":16}]}'),
    ],
    [
      'values of another length than that of their algorithm',
      withHeader('{"position":1,"sections":[{"algorithm":"md5","entryCount":1,"valueBytes":20}]}', 26),
    ],
    [
      'an unknown algorithm',
      withHeader('{"position":1,"sections":[{"algorithm":"md4","entryCount":1,"valueBytes":16}]}', 22),
    ],
    ['more bytes than its sections', withHeader('{"position":1,"sections":[]}', 1)],
  ])('%s is refused', async (_name, bytes) => {
    // As it is, and under a valid seal: the content is checked too.
    await expect(read(Buffer.from(bytes, 'latin1'))).rejects.toMatchObject(INVALID);
    const sealed = await bytesOf(sealStream(vaultOf(), [Buffer.from(bytes, 'latin1')]));
    await expect(read(sealed)).rejects.toMatchObject(INVALID);
  });
});

test('a source is ended where the file is refused in its middle, and its failure is that of the reader', async () => {
  let ended = 0;
  const bad = Buffer.concat([await written(), Buffer.alloc(100_000)]);
  bad[60]! ^= 1;
  await expect(read(bad, () => ended++)).rejects.toMatchObject(INVALID);
  expect(ended).toBe(1);
  const broken = async function* () {
    yield bad.subarray(0, 40);
    throw new Error('the source broke');
  };
  await expect(openIndex(broken(), bad.length, vaultOf())).rejects.toThrow('the source broke');
});

test('a failure of a column is that of the file', async () => {
  const failing = (function* () {
    yield new Uint8Array(32);
    throw new Error('the column broke');
  })();
  const source = { ...sourceOf(sections[0]!), columns: [failing] };
  await expect(bytesOf(sealIndex({ position, sections: [source] }, vaultOf()))).rejects.toThrow('the column broke');
});

test('a ring returns the hashes that it was built from, in any number of pieces', () => {
  const hashes = randomBytes(seeded(4), 40_000 * 32);
  const back = Buffer.concat(Array.from(givenHashes(buildRing(hashes).share()), (piece) => Buffer.from(piece)));
  expect(back.equals(hashes)).toBe(true);
});
