/**
 * Hostile work against a `zeef serve`: how long it takes, how long it holds the thread that answers everybody, what it does
 * to a neighbour's single check, and how much memory it takes. With `against`, the same for another build.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { artefact } from '../src/core/package-root.js';
import { type Attack, attacks, serveSource } from './hostile/attacks.js';
import type { ProbeResult, ProbeSetup } from './hostile/probe.js';
import { makeStore, startTarget, type Target } from './hostile/target.js';
import { startTreeClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';

/** Longest wait for one attack: what takes longer is reported as this long. */
const ATTACK_MS_MAX = 180_000;

function startProbe({ url, neighbour }: Target): { end(): Promise<ProbeResult> } {
  const worker = new Worker(artefact('bench', 'hostile', 'probe.js'), {
    workerData: { url, authorization: neighbour } satisfies ProbeSetup,
  });
  const result = new Promise<ProbeResult>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    async end() {
      worker.postMessage('end');
      const measured = await result;
      await worker.terminate();
      return measured;
    },
  };
}

const medianOf = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
const longest = (times: readonly number[]) => times.reduce((max, time) => Math.max(max, time), 0);

async function withTimeLimit(work: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not answered in ${ATTACK_MS_MAX / 1000} s`), ATTACK_MS_MAX);
  });
  const outcome = await Promise.race([work, tooLong]);
  clearTimeout(timer);
  return outcome;
}

/** Measure one attack on a service that runs already. */
async function measure(target: Target, attack: Attack): Promise<{ outcome: string; figures: number[] }> {
  const before = target.peakMegabytes() ?? Number.NaN;
  const probe = startProbe(target);
  const stop = startTreeClock(target.pid);
  const outcome = await withTimeLimit(attack.run(target));
  const { seconds, processorSeconds } = stop();
  const { livezMs, neighbourMs } = await probe.end();
  const stalls = [longest(livezMs), medianOf(livezMs), longest(neighbourMs), medianOf(neighbourMs)];
  return { outcome, figures: [seconds, processorSeconds, ...stalls, (target.peakMegabytes() ?? Number.NaN) - before] };
}

/** Measure one attack on a service of its own, and how long that takes to stop. */
async function measureAlone(main: string, store: string, attack: Attack): ReturnType<typeof measure> {
  const source = attack.source ? await serveSource(attack.source) : null;
  const target = await startTarget({ main, store, quota: attack.quota ?? null, source: source?.url ?? null });
  const { outcome, figures } = await measure(target, attack);
  const stopSeconds = await target.stop();
  source?.stop();
  const pages = source ? `${source.pages()} pages fetched` : outcome;
  return { outcome: pages, figures: [...figures, stopSeconds] };
}

export async function hostile({ smoke, against }: BenchOptions): Promise<BenchTable> {
  const builds = [{ which: '', main: artefact('src', 'main.js') }];
  if (against !== undefined) builds.unshift({ which: ', other', main: join(against, 'dist', 'src', 'main.js') });
  const stores = await Promise.all(builds.map(({ main }) => makeStore(main)));
  const rows: (string | number)[][] = [];
  const outcomes: string[] = [];
  for (const attack of attacks(smoke)) {
    // One after the other, so that all builds meet the machine as it is now.
    for (const [n, { which, main }] of builds.entries()) {
      const { outcome, figures } = await measureAlone(main, stores[n]!, attack);
      rows.push([attack.name + which, ...figures]);
      outcomes.push(`${attack.name}${which}: ${outcome}`);
    }
  }
  return {
    title: 'Hostile requests, lists and sources, each against a service with 10,300 PDQ entries',
    notes: [
      'livez, check: answers to /livez and to a neighbour meanwhile, ms; MB: growth of peak memory',
      'CPU: processor time of the service, with its answers to the probes',
      'stop: seconds from SIGTERM to the end of the process, which is killed after 60',
      ...outcomes,
    ],
    columns: ['attack', 's', 'CPU s', 'livez max', 'median', 'check max', 'median', 'MB', 'stop'],
    rows,
    checksum: String(rows.length),
  };
}
