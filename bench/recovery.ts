/** Time until images are hashed again after the decoder process was killed, and until image bombs are refused. */

import sharp from 'sharp';
import { IMAGE_BYTES_MAX, IMAGE_MEMORY_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { createImageEngine, type HashWants } from '../src/engine/image-engine.js';
import { WANTS } from './hash-wants.js';
import type { BenchTable } from './report.js';

const PDQ: HashWants = { ...WANTS, algorithms: ['pdq'] };
/** Enough time for the standby process to start. */
const BETWEEN_MS = 1_500;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function spread(name: string, allMs: readonly number[]): (string | number)[] {
  const sorted = [...allMs].sort((a, b) => a - b);
  return [name, sorted.length, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
}

/** Make a PNG and a BMP whose headers claim 60,000 pixels a side. */
function bombs(file: Buffer, bmp: Buffer): Buffer[] {
  const png = Buffer.from(file);
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  const wide = Buffer.from(bmp);
  wide.writeInt32LE(60_000, 18);
  wide.writeInt32LE(60_000, 22);
  return [png, wide];
}

export async function recovery({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const picture = { create: { width: 500, height: 375, channels: 3 as const, background: '#864' } };
  const file = await sharp(picture).png().toBuffer();
  const bmp = Buffer.alloc(4_096);
  bmp.write('BM', 'latin1');
  bmp.writeUInt32LE(40, 14);
  const engine = createImageEngine({
    imageBytesMax: IMAGE_BYTES_MAX,
    imagePixelsMax: IMAGE_PIXELS_MAX,
    workers: 2,
    decodeMsMax: 10_000,
    memoryBytesMax: IMAGE_MEMORY_BYTES_MAX * 2,
    queuePerWorker: 8,
  });
  const timed = async (bytes: Buffer) => {
    const startedMs = performance.now();
    const reply = await engine.hashBytes(bytes, PDQ);
    return { ms: performance.now() - startedMs, reply };
  };
  const idle: number[] = [];
  const busy: number[] = [];
  const refused: number[] = [];
  let answered = 0;
  await engine.hashBytes(file, PDQ);
  for (let time = 0; time < (smoke ? 1 : 15); time++) {
    await pause(BETWEEN_MS);
    process.kill(engine.status.pid!, 'SIGKILL');
    const { ms, reply } = await timed(file);
    if (reply.ok) answered++;
    idle.push(ms);
    await pause(BETWEEN_MS);
    // With images queued: until an image that was sent after the kill is answered.
    const waiting = Array.from({ length: 10 }, () => engine.hashBytes(file, PDQ));
    process.kill(engine.status.pid!, 'SIGKILL');
    const after = await timed(file);
    if (after.reply.ok) answered++;
    busy.push(after.ms);
    await Promise.all(waiting);
  }
  for (let time = 0; time < (smoke ? 2 : 100); time++) {
    for (const bomb of bombs(file, bmp)) {
      const { ms, reply } = await timed(bomb);
      if (!reply.ok && reply.reason === 'too_many_pixels') answered++;
      refused.push(ms);
    }
  }
  await engine.close();
  return {
    title: 'Recovery: decoder process killed (goal 250 ms); headers with too many pixels (goal 20 ms)',
    notes: [],
    columns: ['milliseconds until', 'times', 'median', 'max'],
    rows: [
      spread('the next image is hashed, empty queue', idle),
      spread('the next image is hashed, ten images queued', busy),
      spread('3,600 megapixels are refused (PNG, BMP)', refused),
    ],
    checksum: `${answered} correct replies`,
  };
}
