/**
 * Runs a program for each file that matched. The arguments are passed unchanged, without a shell. A failure of the
 * program is reported and counted; the scan continues.
 */
import { spawn } from 'node:child_process';
import { systemPath, textOf } from '../../core/path-bytes.js';
import type { FileResult } from '../facts/file-result.js';

export interface OnMatch {
  /** Run the program for a result, or queue it while too many run. */
  run(result: FileResult): void;
  /** Resolves when the last has ended. */
  finished(): Promise<{ readonly ran: number; readonly failed: number }>;
}

/** Programs that run concurrently. */
const RUNNING_MAX = 4;
/** Maximum length of the queue; an item is a path and a few words. Further hits are reported, but not run. */
const WAITING_MAX = 100_000;

const PLACEHOLDERS = ['path', 'list', 'entry', 'distance', 'match', 'sha256'] as const;

/** Arguments as strings of bytes (latin1). */
function argumentsFor(templates: readonly string[], { pathBytes, matches, digests }: FileResult): string[] {
  const [nearest] = matches;
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  const values: Readonly<Record<(typeof PLACEHOLDERS)[number], string>> = {
    path: pathBytes,
    list: bytes(nearest?.list ?? ''),
    entry: bytes(nearest?.entryId ?? ''),
    distance: String(nearest?.distance ?? ''),
    match: nearest?.matchType ?? '',
    sha256: digests.sha256 ?? '',
  };
  return templates.map((template) =>
    bytes(template).replace(/\{(\w+)\}/g, (whole, name: string) =>
      name in values ? values[name as keyof typeof values] : whole,
    ),
  );
}

/** Start the program. Node passes arguments as UTF-8 only; other bytes go through `xargs -0`, also without a shell. */
function start(command: string, args: readonly string[]) {
  const texts = args.map(textOf);
  if (texts.every((text) => text !== null)) return spawn(command, texts, { stdio: ['ignore', 'ignore', 'inherit'] });
  const child = spawn('xargs', ['-0', command], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.on('error', () => {});
  child.stdin.end(Buffer.concat(args.flatMap((arg) => [systemPath(arg), Buffer.from([0])])));
  return child;
}

export function createOnMatch(
  command: string,
  templates: readonly string[],
  onFailure: (why: string) => void,
): OnMatch {
  const waiting: string[][] = [];
  let running = 0;
  let ran = 0;
  let failed = 0;
  let idle: (() => void) | null = null;
  const next = (): void => {
    while (running < RUNNING_MAX && waiting.length > 0) {
      running++;
      const child = start(command, waiting.shift()!);
      let isOver = false;
      const over = (why: string | null) => {
        if (isOver) return;
        isOver = true;
        running--;
        ran++;
        if (why !== null) {
          failed++;
          onFailure(`${command}: ${why}`);
        }
        next();
      };
      child.on('error', (error) => over(error.message));
      child.on('close', (code, signal) => over(code === 0 ? null : `ended with ${signal ?? code}`));
    }
    if (running === 0) idle?.();
  };
  return {
    run(result) {
      if (waiting.length >= WAITING_MAX) {
        failed++;
        onFailure(`${command}: queue full (${WAITING_MAX}); not run for one hit`);
        return;
      }
      const args = argumentsFor(templates, result);
      // A key of a bucket may have one; an argument ends at it.
      if (args.some((arg) => arg.includes('\0'))) {
        failed++;
        onFailure(`${command}: a path with a zero byte; not run for one hit`);
        return;
      }
      waiting.push(args);
      next();
    },
    async finished() {
      if (running > 0) await new Promise<void>((resolve) => (idle = resolve));
      return { ran, failed };
    },
  };
}
