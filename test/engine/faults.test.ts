/**
 * Decoder processes are killed, stopped and filled at random while images arrive: every image gets its reply, and the
 * counts add up. Only processes that these tests started are touched.
 */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { plainCheck } from '../../bench/check-options.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { createImageEngine, type HashWants, type ImageEngine } from '../../src/engine/image-engine.js';
import { decoderPids } from '../support/decoder-pids.js';
import { sceneRaster, seeded } from '../support/random.js';
import { type Running, startService } from '../support/running.js';

const WANTS: HashWants = {
  digests: ['sha256'],
  orientations: 'all',
  families: 'both',
  algorithms: ['pdq'],
  frames: 1,
  detail: 'plain',
};
const OPTIONS = {
  imageBytesMax: 25_000_000,
  imagePixelsMax: 50_000_000,
  decodeMsMax: 20_000,
  queuePerWorker: 200,
};
const png = (seed: number) => {
  const { width, height, data } = sceneRaster(seed, 160, 120, 3);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
};
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let engine: ImageEngine | undefined;
let running: Running | undefined;
afterEach(async () => {
  await engine?.close();
  await running?.stop();
  engine = undefined;
  running = undefined;
});

describe('under load', () => {
  test('decoders killed and stopped at random: every request is answered, and the counts add up', async () => {
    running = await startService({ workers: '2', decodeMsMax: '1000', cacheBytesMax: '0' });
    const { service } = running;
    const random = seeded(11);
    const files = await Promise.all(Array.from({ length: 12 }, (_, at) => png(at)));
    const options = plainCheck('faults');
    let answered = 0;
    let hashedSinceStrike = 0;
    const ask = async (bytes: Buffer) => {
      answered++;
      const answer = await service.checkImage({ bytes }, options);
      if (answer.verdict !== 'not_checked') hashedSinceStrike++;
      return answer;
    };
    // On a busy machine a process may take longer to start than the deadline of an image.
    const hashed = async (bytes: Buffer) => {
      for (;;) {
        const one = await ask(bytes);
        if (one.verdict !== 'not_checked') return one;
      }
    };
    const before: Awaited<ReturnType<typeof ask>>[] = [];
    for (const bytes of files) before.push(await hashed(bytes));
    const askedBefore = answered;
    const signals = ['SIGKILL', 'SIGSTOP', 'SIGSEGV'] as const;
    const sent: string[] = [];
    const seen = new Map<number, number>();
    const chaos = setInterval(() => {
      for (const pid of decoderPids()) if (!seen.has(pid)) seen.set(pid, performance.now());
      // One that is stopped while it starts is noticed only after half a minute.
      const pids = decoderPids().filter((pid) => performance.now() - seen.get(pid)! > 1_500);
      const pid = pids[Math.floor(random() * pids.length)];
      // On a busy machine, a process that is struck before it has hashed anything would never get to work.
      if (pid === undefined || hashedSinceStrike === 0) return;
      hashedSinceStrike = 0;
      const signal = signals[sent.length % signals.length]!;
      process.kill(pid, signal);
      sent.push(signal);
    }, 300);
    const sinceMs = performance.now();
    // Eight seconds, and on a busy machine, where a process takes long to start, until each signal came twice.
    const isEnough = () => performance.now() - sinceMs > 8_000 && sent.length >= 2 * signals.length;
    const client = async () => {
      while (!isEnough()) {
        const at = Math.floor(random() * files.length);
        const { verdict, reason, pdq, digests } = await ask(files[at]!);
        expect(digests.sha256).toBe(sha256(files[at]!));
        if (verdict === 'not_checked') expect(['timeout', 'decoder_crash']).toContain(reason);
        else expect(pdq).toEqual(before[at]!.pdq);
      }
    };
    try {
      await Promise.all(Array.from({ length: 6 }, client));
    } finally {
      clearInterval(chaos);
    }
    const { checked, matched, suppressed, notChecked, byReason } = await service.ledger.stats({});
    expect(checked).toBe(answered);
    expect(matched + suppressed).toBe(0);
    expect(Object.values(byReason).reduce((sum, count) => sum + count, 0)).toBe(notChecked);
    expect(notChecked, 'some were hashed all the while').toBeLessThan(checked - askedBefore);
    const { decoder, ready } = service.readiness();
    expect(ready).toBe(true);
    expect(decoder.restarts).toBeGreaterThanOrEqual(signals.length);
    // On a machine so slow that fewer restarts fit into a minute, no alarm is right.
    expect(decoder.underAttack).toBe(decoder.restartsLastMinute > 5);
    expect((await service.renderMetrics()).body).toContain(
      `zeef_decoder_restarts_last_minute ${service.readiness().decoder.restartsLastMinute}`,
    );
  });

  test('an image that needs more memory than allowed is refused alone', async () => {
    engine = createImageEngine({ ...OPTIONS, workers: 1, memoryBytesMax: 250_000_000 });
    const large = await sharp({ create: { width: 7_000, height: 7_000, channels: 3, background: '#8a5' } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const small = await png(50);
    await engine.hashBytes(small, WANTS);
    const taken = Array.from({ length: 20 }, (_, at) => engine!.hashBytes(at === 7 ? large : small, WANTS));
    const replies = await Promise.all(taken);
    expect(replies.map(({ ok }) => ok)).toEqual(Array.from({ length: 20 }, (_, at) => at !== 7));
    expect(replies[7]).toMatchObject({ reason: 'too_many_pixels', digests: { sha256: sha256(large) } });
    expect(engine.status.restarts).toBe(0);
  });
});

describe('a file that ended its decoder', () => {
  test('is refused by its digest, sent or read, until its time is over', async () => {
    engine = createImageEngine({ ...OPTIONS, workers: 1, decodeMsMax: 2_500, memoryBytesMax: 1e12, crasherMs: 15_000 });
    const [guilty, innocent, first] = [await png(60), await png(61), await png(63)];
    // On a busy machine a process may take longer to start than the deadline, which would count against the image.
    const isUp = async () => {
      while (!(await engine!.hashBytes(first, WANTS)).ok);
    };
    // A stopped decoder stands for an image that never ends; it counts from the second time on.
    for (let time = 0; time < 2; time++) {
      await isUp();
      process.kill(engine.status.pid!, 'SIGSTOP');
      expect(await engine.hashBytes(guilty, WANTS)).toMatchObject({
        reason: 'timeout',
        digests: { sha256: sha256(guilty) },
      });
    }
    await isUp();
    const path = join(tempFolder('faults'), 'guilty.png');
    writeFileSync(path, guilty);
    expect(await engine.hashBytes(guilty, WANTS, sha256(guilty))).toMatchObject({ ok: false, reason: 'timeout' });
    expect(await engine.hashPath(path, WANTS)).toMatchObject({ ok: false, reason: 'decoder_crash' });
    expect(await engine.hashBytes(innocent, WANTS, sha256(innocent))).toMatchObject({ ok: true });
    await new Promise((resolve) => setTimeout(resolve, 15_100));
    await isUp();
    expect(await engine.hashBytes(guilty, WANTS, sha256(guilty))).toMatchObject({ ok: true });
    expect(await engine.hashPath(path, WANTS)).toMatchObject({ ok: true });
  });

  test.each([
    ['SIGSEGV', 'is remembered after its second process'],
    ['SIGKILL', 'is not remembered: the system may have lacked memory'],
  ] as const)('by %s, %s', async (signal, _) => {
    engine = createImageEngine({ ...OPTIONS, workers: 1, memoryBytesMax: 1e12 });
    const file = await png(64);
    await engine.hashBytes(file, WANTS);
    let isAnswered = false;
    const reply = engine.hashBytes(file, WANTS, sha256(file)).finally(() => {
      isAnswered = true;
    });
    // The process that has it, and then each that retries it.
    process.kill(engine.status.pid!, signal);
    const dead = new Set([engine.status.pid!]);
    while (!isAnswered) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const pid of decoderPids()) {
        if (pid === engine.status.pid || dead.has(pid)) continue;
        dead.add(pid);
        process.kill(pid, signal);
      }
    }
    expect(await reply).toMatchObject({ ok: false, reason: 'decoder_crash' });
    expect((await engine.hashBytes(file, WANTS, sha256(file))).ok).toBe(signal === 'SIGKILL');
  });

  test('a standby process takes over', async () => {
    engine = createImageEngine({ ...OPTIONS, workers: 1, memoryBytesMax: 1e12 });
    const file = await png(62);
    await engine.hashBytes(file, WANTS);
    const pid = engine.status.pid!;
    const others = () => decoderPids().filter((one) => one !== engine!.status.pid);
    while (others().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const [standBy] = others();
    process.kill(pid, 'SIGKILL');
    expect(await engine.hashBytes(file, WANTS)).toMatchObject({ ok: true });
    expect(engine.status.pid).toBe(standBy);
  });
});
