/** Deadlines of a decoder process that is still starting. */
import { afterEach, expect, test } from 'vitest';
import { type Job, Lane, type RestartCause } from '../../src/engine/lane.js';
import type { HashReply } from '../../src/engine/protocol.js';
import { NO_SANDBOX } from '../../src/engine/sandbox.js';

const OPTIONS = {
  workers: 1,
  imageBytesMax: 1_000_000,
  degraded: 'no_match' as const,
  imagePixelsMax: 1_000_000,
  cacheBytesMax: 0,
  decodeMsMax: 1_000,
  memoryBytesMax: 1e12,
  env: {},
  sandbox: NO_SANDBOX,
  crashers: () => [],
};

const JOB: Job = {
  id: 1,
  bytes: Buffer.from('no image'),
  file: null,
  wants: { digests: ['md5'], orientations: 'none', families: 'both', algorithms: ['pdq'], frames: 1, detail: 'plain' },
  resolve: () => {},
  startedMs: null,
  isRead: true,
  worker: 0,
};

let lane: Lane | null = null;
afterEach(() => lane?.stop());

/** A lane whose process is stopped by a signal before it can decode, with one image sent. */
function startStopped() {
  const replies: HashReply[] = [];
  const deaths: { jobs: number[]; overdue: number; cause: RestartCause }[] = [];
  const started = new Lane({
    ...OPTIONS,
    keepsStandby: false,
    onOutput: () => {},
    onReply: (_job, reply) => void replies.push(reply),
    onDeath: ({ jobs, overdue, cause }) => {
      deaths.push({ jobs: jobs.map(({ id }) => id), overdue: overdue.size, cause });
    },
  });
  lane = started;
  started.send({ ...JOB });
  process.kill(started.pid!, 'SIGSTOP');
  return { lane: started, replies, deaths };
}

test('the deadline of an image begins when its process can decode', async () => {
  const { lane, replies, deaths } = startStopped();
  lane.watch(performance.now() + 5_000);
  process.kill(lane.pid!, 'SIGCONT');
  await expect.poll(() => replies.length).toBe(1);
  expect(replies[0]).toMatchObject({ ok: false, reason: 'not_an_image' });
  expect(deaths).toEqual([]);
});

test('a process that does not become ready within 30 seconds is replaced, and its images are retried elsewhere', async () => {
  const { lane, deaths } = startStopped();
  lane.watch(performance.now() + 29_000);
  lane.watch(performance.now() + 31_000);
  await expect.poll(() => deaths).toEqual([{ jobs: [1], overdue: 0, cause: 'start' }]);
});

test('a process that is silent for seconds is replaced for the image that it has; time in which the service stood still is not counted', async () => {
  const { lane, deaths } = startStopped();
  process.kill(lane.pid!, 'SIGCONT');
  await expect.poll(() => lane.inFlight.size).toBe(0);
  process.kill(lane.pid!, 'SIGSTOP');
  // What it has said by then arrives.
  const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
  await pause();
  lane.send({ ...JOB, id: 2 });
  const startMs = performance.now();
  lane.watch(startMs);
  // One look after an hour.
  let atMs = startMs + 3_600_000;
  lane.watch(atMs);
  const look = (times: number) => {
    for (let time = 0; time < times; time++) {
      atMs += 250;
      lane.watch(atMs);
    }
  };
  // The time of an image, and three seconds.
  look(14);
  await pause();
  expect(deaths).toEqual([]);
  look(3);
  await expect.poll(() => deaths).toEqual([{ jobs: [2], overdue: 1, cause: 'timeout' }]);
});
