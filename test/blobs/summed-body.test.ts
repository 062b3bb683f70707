/** A body with its sum is read as it was written, or not at all. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSummed, SUM_BYTES, SummedBody } from '../../src/blobs/summed-body.js';
import { BLOB_BYTES_MAX } from '../../src/store/blob-contract.js';

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const sealed = (body: Buffer, sizes: readonly number[] = []) => collect(new SummedBody(inPieces(body, sizes)).pieces());
const opened = (bytes: Buffer, sizes: readonly number[] = []) => collect(readSummed(inPieces(bytes, sizes)));

test('any body in any pieces', async () => {
  const sizes = fc.array(fc.nat(50), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 150 }), sizes, sizes, async (array, put, got) => {
      const body = Buffer.from(array);
      const bytes = await sealed(body, put);
      expect(bytes.length).toBe(body.length + SUM_BYTES);
      expect((await opened(bytes, got)).equals(body)).toBe(true);
    }),
  );
});

test('a body with any one bit changed, or cut anywhere, or with more behind it, is refused', async () => {
  const refused = { code: 'STORE_FAILED', details: { why: 'the blob is damaged or cut' } };
  const bytes = await sealed(Buffer.from('a body of some length, longer than its sum'));
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 1 << (at % 8);
    await expect(opened(damaged, [40]), `byte ${at}`).rejects.toMatchObject(refused);
    await expect(opened(bytes.subarray(0, at), [7]), `cut at ${at}`).rejects.toMatchObject(refused);
  }
  await expect(opened(Buffer.concat([bytes, Buffer.alloc(1)]))).rejects.toMatchObject(refused);
});

test('a body may have as many bytes as the limit, and no more', async () => {
  const bounded = (bytes: number) => new SummedBody(inPieces(Buffer.alloc(bytes), [3, 3]), 10);
  expect(await collect(bounded(10).pieces())).toHaveLength(10 + SUM_BYTES);
  const body = bounded(11);
  await expect(collect(body.pieces())).rejects.toMatchObject({ code: 'BODY_TOO_LARGE', details: { bytesMax: 10 } });
  expect(body.sourceFault).toMatchObject({ error: { code: 'BODY_TOO_LARGE' } });
  // 10,000 parts of 16 MiB.
  expect(BLOB_BYTES_MAX + SUM_BYTES).toBeLessThanOrEqual(10_000 * 16_777_216);
});
