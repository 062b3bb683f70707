/** Runs `zeef` as a child process and measures its memory from outside. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { artefact } from '../src/core/package-root.js';
import type { ScanSummary } from '../src/scan/tally.js';
import { childEnv, endWithParent } from './child.js';
import { type Spent, startEndedClock } from './processor.js';

export interface ChildRun {
  /** Null where it was killed. */
  readonly code: number | null;
  /** Peak resident memory of the process itself, without its decoder; 0 on systems without /proc. */
  readonly peakBytes: number;
  readonly report: string;
  readonly spent: Spent;
}

const WATCH_MS = 100;

/** Run until the end, or kill after `killAfterMs`. */
export function runZeef(
  args: readonly string[],
  dataDir: string,
  { report, killAfterMs = null }: { report?: string; killAfterMs?: number | null } = {},
): Promise<ChildRun> {
  const stop = startEndedClock();
  const reportFlags = report === undefined ? [] : ['--report', report];
  const child = endWithParent(
    spawn(process.execPath, [artefact('src', 'main.js'), ...args, ...reportFlags], {
      env: childEnv({ ZEEF_DATA_DIR: dataDir }),
      stdio: 'ignore',
    }),
  );
  let peakBytes = 0;
  const watch = setInterval(() => {
    try {
      const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1')) ?? [];
      peakBytes = Math.max(peakBytes, Number(kib ?? 0) * 1024);
    } catch {
      // The process has just ended, or this is not Linux.
    }
  }, WATCH_MS);
  const killer = killAfterMs === null ? null : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      clearInterval(watch);
      if (killer) clearTimeout(killer);
      const text = report === undefined || code === null ? '' : readFileSync(report, 'utf8');
      resolve({ code, peakBytes, report: text, spent: stop() });
    });
  });
}

export function summaryOf(report: string): ScanSummary {
  return JSON.parse(report.trim().split('\n').at(-1)!) as ScanSummary;
}

/** Return the lines about files, sorted, without check ids, which differ between runs. */
export function linesAboutFiles(report: string): string {
  return report
    .split('\n')
    .filter((line) => line !== '' && !/^\{"type":"(begin|summary)"/.test(line))
    .map((line) => line.replace(/"checkId":"\w*"/, ''))
    .sort()
    .join('\n');
}
