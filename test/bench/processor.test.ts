/** Processor time as the benches measure it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import {
  medianSpent,
  microsecondsOf,
  millisecondsOf,
  startClock,
  startEndedClock,
  startTreeClock,
} from '../../bench/processor.js';
import { orLeftOut } from '../support/left-out.js';

const hasProc = orLeftOut(
  process.platform === 'linux',
  'this is not Linux',
  'the test of the processor time of other processes',
);

/** Processor time that work of this test takes. */
const BUSY_MS = 300;
/** A tick, and what the clock itself and a busy machine may add. */
const WITHIN_MS = 250;

function busy(ms: number): void {
  const { user, system } = process.cpuUsage();
  for (let now = process.cpuUsage(); now.user + now.system - user - system < ms * 1000; ) now = process.cpuUsage();
}

/** A process that is busy, by a process of its own, and ends when its stdin does. */
function startBusyChild() {
  const work = `const from = process.cpuUsage(); for (let u = from; u.user + u.system - from.user - from.system < ${BUSY_MS * 1000};) u = process.cpuUsage();`;
  const source = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(work)}]);
    process.stdout.write('done');
    process.stdin.resume();`;
  return spawn(process.execPath, ['-e', source], { env: childEnv(), stdio: ['pipe', 'pipe', 'inherit'] });
}

test('the clock of this process counts work, and no waiting', async () => {
  const stop = startClock();
  busy(BUSY_MS);
  await new Promise((resolve) => setTimeout(resolve, 2 * BUSY_MS));
  const { seconds, processorSeconds } = stop();
  expect(seconds * 1000).toBeGreaterThanOrEqual(3 * BUSY_MS - 1);
  expect(processorSeconds * 1000).toBeGreaterThanOrEqual(BUSY_MS);
  expect(processorSeconds * 1000).toBeLessThan(BUSY_MS + WITHIN_MS);
});

test.runIf(hasProc)('work of processes below counts while they run, and after they ended', async () => {
  const [tree, own, ended] = [startTreeClock(), startClock(), startEndedClock()];
  const child = startBusyChild();
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  // Its own child has ended, and it has not.
  expect(tree().processorSeconds * 1000).toBeGreaterThanOrEqual(BUSY_MS);
  expect(ended().processorSeconds).toBe(0);
  child.stdin.end();
  await exited;
  expect(tree().processorSeconds * 1000).toBeGreaterThanOrEqual(BUSY_MS);
  expect(ended().processorSeconds * 1000).toBeGreaterThanOrEqual(BUSY_MS);
  expect(own().processorSeconds * 1000).toBeLessThan(WITHIN_MS);
});

test('a median is of five calls after the first', async () => {
  let calls = 0;
  const spent = await medianSpent(() => {
    calls++;
    busy(calls === 1 ? BUSY_MS : 5);
  });
  expect(calls).toBe(6);
  expect(spent.processorSeconds * 1000).toBeGreaterThanOrEqual(5);
  expect(spent.processorSeconds * 1000).toBeLessThan(BUSY_MS);
});

test('a cell is the time of one unit, and a dash where there is none', () => {
  const spent = { seconds: 9, processorSeconds: 2 };
  expect([microsecondsOf(spent, 1_000), millisecondsOf(spent, 1_000)]).toEqual([2_000, 2]);
  expect([microsecondsOf(spent, 0), millisecondsOf({ ...spent, processorSeconds: 0 }, 5)]).toEqual(['-', '-']);
});
