/** How many rows a damaged PNG's data have, of files made here: which part of them is to be trusted. */
import { hash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { pngChunk } from '../../src/decode/png-chunks.js';
import { missingOfPng } from '../../src/decode/png-rows.js';

const [WIDTH, HEIGHT] = [64, 800];
/** Eight bits of grey, a filter before each row. Noise of sixteen levels: it is packed by codes, and each part of the packed data is as large a part of the rows. */
const noise = Buffer.concat(
  Array.from({ length: (WIDTH * HEIGHT) / 32 }, (_, at) => hash('sha256', `${at}`, 'buffer').map((byte) => byte & 15)),
);
const rows = Buffer.concat(
  Array.from({ length: HEIGHT }, (_, row) => [Buffer.of(0), noise.subarray(row * WIDTH, (row + 1) * WIDTH)]).flat(),
);
const header = Buffer.alloc(13);
header.writeUInt32BE(WIDTH, 0);
header.writeUInt32BE(HEIGHT, 4);
header.set([8, 0, 0, 0, 0], 8);
const signature = Buffer.from('89504e470d0a1a0a', 'hex');
const packed = deflateSync(rows, { level: 1 });

/** A PNG with these pieces of pixels, each a chunk with a right checksum. */
const pngOf = (...pieces: readonly Uint8Array[]) =>
  Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    ...pieces.map((piece) => pngChunk('IDAT', piece)),
    pngChunk('IEND'),
  ]);
const thirds = [0, 1, 2].map((part) =>
  packed.subarray((part * packed.length) / 3, ((part + 1) * packed.length) / 3),
) as [Buffer, Buffer, Buffer];

test('whole data miss nothing, in one chunk or several', async () => {
  expect(await missingOfPng(pngOf(packed))).toBe(0);
  expect(await missingOfPng(pngOf(...thirds))).toBe(0);
});

test('a chunk that is cut counts as far as it goes; one that is also damaged does not count', async () => {
  const file = pngOf(thirds[0], Buffer.concat([thirds[1], thirds[2]]));
  // Within the second chunk of pixels, of which a half is there.
  const cutAt = file.length - pngChunk('IEND').length - 4 - Math.round(packed.length / 3);
  const cut = file.subarray(0, cutAt);
  const byCut = await missingOfPng(cut);
  expect(byCut).toBeGreaterThan(0.25);
  expect(byCut).toBeLessThan(0.4);
  const damaged = Buffer.from(cut);
  // In the middle of what is left of the second chunk: what an encoder did not write. Some rows before it can be read.
  const from = signature.length + 25 + 12 + thirds[0].length + 8 + Math.round(thirds[1].length / 2);
  damaged.fill(0xff, from, from + 200);
  const byDamage = await missingOfPng(damaged);
  expect(byDamage).toBeGreaterThan(0.6);
  expect(byDamage).toBeLessThan(0.75);
  expect(await missingOfPng(pngOf(thirds[0]))).toBe(byDamage);
});

test('pixels behind a chunk with a wrong checksum do not count', async () => {
  const file = Buffer.from(pngOf(...thirds));
  const inSecond = signature.length + 25 + 12 + thirds[0].length + 8 + 5;
  file[inSecond]! ^= 1;
  expect(await missingOfPng(file)).toBe(await missingOfPng(pngOf(thirds[0])));
});
