/** Pictures a second: where the time goes, beside plain pipelines, and through the decoder process. */
import sharp from 'sharp';
import { formatHash256 } from '../src/core/hash256.js';
import { DECODER_MEMORY_BYTES_MAX, IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/core/limits.js';
import { createDecoder } from '../src/decode/decode.js';
import { sniff } from '../src/decode/sniff.js';
import { createImageEngine } from '../src/engine/image-engine.js';
import { blockhash256 } from '../src/kernels/blockhash.js';
import { computeDigests } from '../src/kernels/digests.js';
import { createPdqHasher } from '../src/kernels/pdq.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { uploads } from './pictures.js';
import { type BenchTable, medianSeconds } from './report.js';

export async function images({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const files = await uploads(smoke ? 4 : 64);
  const limits = { imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX };
  const decoder = createDecoder(limits);
  const [twin, wasm] = [createPdqHasher(), loadPdqHasher()];
  const rows: (string | number)[][] = [];
  const sums: string[] = [];
  let plainMs = 0;
  async function measure(name: string, work: (file: Buffer) => unknown): Promise<void> {
    let last: unknown;
    const seconds = await medianSeconds(async () => {
      for (const file of files) last = await work(file);
    });
    const ms = (seconds * 1000) / files.length;
    if (plainMs === 0) plainMs = ms;
    sums.push(String(last).slice(0, 6));
    rows.push([name, ms, 1000 / ms, `${(plainMs / ms).toFixed(1)}x`]);
  }
  const plain = async (file: Buffer) => {
    const data = await sharp(file).resize(512, 512, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    return { width: 512, height: 512, channels: 3 as const, data };
  };
  const first = (families: readonly { hashes: readonly Uint8Array[] }[]) => formatHash256(families[0]!.hashes[0]!);
  await measure('plain: sharp to 512x512, PDQ in TypeScript', async (f) =>
    first(twin.hash(await plain(f), { orientations: 'none', families: 'resized' }).families),
  );
  await measure('plain: sharp to 512x512, blockhash-core', async (f) => formatHash256(blockhash256(await plain(f))));
  await measure('stage: three digests', (f) => computeDigests(f, ['md5', 'sha1', 'sha256']).md5);
  await measure('stage: sniff', (f) => sniff(f)?.width);
  await measure('stage: decode to grey', async (f) => (await decoder.decode(f)).raster.data[0]);
  await measure('stages, PDQ in 8 orientations, one thread', async (f) => {
    computeDigests(f, ['md5', 'sha1', 'sha256']);
    return first(wasm.hash((await decoder.decode(f)).raster, { orientations: 'all', families: 'both' }).families);
  });
  for (const workers of [1, 2]) {
    const engine = createImageEngine({
      ...limits,
      workers,
      decodeMsMax: 10_000,
      memoryBytesMax: DECODER_MEMORY_BYTES_MAX,
      queuePerWorker: 8,
    });
    let last = '';
    const seconds = await medianSeconds(async () => {
      const inHand: Promise<unknown>[] = [];
      for (const file of files) {
        await engine.whenRoom();
        inHand.push(
          engine
            .hashBytes(file, {
              digests: ['md5', 'sha1', 'sha256'],
              orientations: 'all',
              families: 'both',
              algorithms: ['pdq'],
            })
            .then((reply) => {
              if (!reply.ok) throw new Error(reply.reason);
              last = first(reply.families);
            }),
        );
      }
      await Promise.all(inHand);
    });
    await engine.close();
    sums.push(last.slice(0, 6));
    const ms = (seconds * 1000) / files.length;
    rows.push([
      `through the decoder process, ${workers} worker${workers > 1 ? 's' : ''}`,
      ms,
      1000 / ms,
      `${(plainMs / ms).toFixed(1)}x`,
    ]);
  }
  const kilobytes = Math.round(files.reduce((sum, file) => sum + file.length, 0) / files.length / 1000);
  return {
    title: `Images: JPEG 500x375, ${kilobytes} kB on average`,
    notes: ['digests and all 8 orientations included from "stages" on'],
    columns: ['what', 'ms', 'pictures/s', 'plain'],
    rows,
    checksum: sums.join(' '),
  };
}
