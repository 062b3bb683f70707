/** What a decoder process writes to stderr: read always, and reported within a bound. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { launchDecoder } from '../../src/engine/decoder-launch.js';
import { readOutput } from '../../src/engine/decoder-output.js';
import { DecoderProcess } from '../../src/engine/decoder-process.js';
import { NO_SANDBOX } from '../../src/engine/sandbox.js';

test('a process that writes megabytes does not wait for a reader, and little of it is reported', async () => {
  const script = join(tempFolder('output'), 'loud.mjs');
  writeFileSync(
    script,
    `import { writeSync } from 'node:fs';
     const loud = Buffer.alloc(65_536, '\\u001b[31m');
     for (let at = 0; at < 128; at++) for (let from = 0; from < loud.length; )
       try { from += writeSync(2, loud, from); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
     writeSync(3, 'done');`,
  );
  const child = endWithParent(launchDecoder(script, [], { sandbox: NO_SANDBOX, workers: 1, env: process.env }));
  const reports: string[] = [];
  readOutput(child.stderr!, (text) => reports.push(text));
  const done = await new Promise((resolve) => (child.stdio[3] as Duplex).once('data', resolve));
  expect(String(done)).toBe('done');
  child.kill('SIGKILL');
  const text = reports.join('');
  expect(text).toContain('\u001b[31m');
  expect(text).toMatch(/ \[left out: the rest of a minute\]$/);
  expect(text.length).toBeLessThan(20_000);
});

test('many small pieces are few reports; the next minute has its own', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const stderr = new PassThrough();
    let reports = 0;
    readOutput(stderr, () => reports++);
    const write = () => {
      for (let at = 0; at < 10_000; at++) stderr.emit('data', Buffer.from('x'));
    };
    write();
    expect(reports).toBeGreaterThan(10);
    expect(reports).toBeLessThan(100);
    const before = reports;
    vi.advanceTimersByTime(60_000);
    write();
    expect(reports).toBe(2 * before);
  } finally {
    vi.useRealTimers();
  }
});

test('a decoder process that cannot start says why by the callback', async () => {
  let text = '';
  await new Promise<void>((resolve) => {
    const one = new DecoderProcess({
      workers: 1,
      imageBytesMax: 1,
      degraded: 'no_match',
      imagePixelsMax: 1,
      cacheBytesMax: -5,
      decodeMsMax: 10_000,
      memoryBytesMax: 1e12,
      env: process.env,
      sandbox: NO_SANDBOX,
      onReady: () => {},
      onDecoding: () => {},
      onLate: () => {},
      onReply: () => {},
      onOutput: (more) => {
        text += more;
      },
      onEnd: () => setTimeout(resolve, 200),
    });
    setTimeout(() => one.kill(), 20_000).unref();
  });
  expect(text).toMatch(/decoder process failed: .*maxSize/);
});
