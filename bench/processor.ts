/** Wall time and processor time (user and system, of all threads) of measured work. */
import { endedChildrenSeconds, processorSeconds, withDescendants } from './child.js';

export interface Spent {
  readonly seconds: number;
  /** 0 where the system does not say, and where the work took less than a tick of 10 ms of other processes. */
  readonly processorSeconds: number;
}

/** Measures from its creation to its call. */
export type Clock = () => Spent;

function clock(processorSeconds: () => number): Clock {
  const before = processorSeconds();
  const startedMs = performance.now();
  return () => ({
    seconds: (performance.now() - startedMs) / 1000,
    processorSeconds: processorSeconds() - before,
  });
}

/** Measure this process, to the microsecond, without the processes below it. */
export function startClock(): Clock {
  return clock(() => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}

/** Measure a process and all below it, in ticks of 10 ms (Linux). */
export function startTreeClock(pid = process.pid): Clock {
  return clock(() => processorSeconds(withDescendants(pid)));
}

/** Measure the child processes that end meanwhile, with all below them that have ended, in ticks of 10 ms (Linux). */
export function startEndedClock(): Clock {
  return clock(() => endedChildrenSeconds());
}

/** Processor time of one of `count` units in microseconds, as a cell of a table. */
export function microsecondsOf({ processorSeconds }: Spent, count: number): number | '-' {
  return processorSeconds > 0 && count > 0 ? (processorSeconds * 1e6) / count : '-';
}

/** The same in milliseconds. */
export function millisecondsOf(spent: Spent, count: number): number | '-' {
  const us = microsecondsOf(spent, count);
  return us === '-' ? us : us / 1000;
}

/** Return the middle value. */
export function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

const TRIALS = 5;

/** Return the medians of five calls, after one that warms up. */
export async function medianSpent(work: () => unknown, start: () => Clock = startClock): Promise<Spent> {
  const all: Spent[] = [];
  for (let trial = 0; trial <= TRIALS; trial++) {
    const stop = start();
    await work();
    if (trial > 0) all.push(stop());
  }
  return {
    seconds: medianOf(all.map(({ seconds }) => seconds)),
    processorSeconds: medianOf(all.map(({ processorSeconds }) => processorSeconds)),
  };
}
