/** Errors of a process that has reached a limit of its system, in one line each: a stack says nothing about them. */

import { closeSync, openSync } from 'node:fs';

/** Opened at once while the modules are loaded, with the files of a scan or of a service; each decoder needs some more. */
const OPEN_FILES = 1_024;

const LINES: Readonly<Record<string, string>> = {
  EMFILE: `too many open files: raise the limit of the process (ulimit -n) to ${OPEN_FILES} or more`,
  ENFILE: 'too many open files on this machine: raise fs.file-max, or stop other processes',
  ENOMEM: 'out of memory: raise the memory limit of the process',
  ERR_WORKER_OUT_OF_MEMORY: 'out of memory in a worker: raise the memory limit of the process, or lower ZEEF_WORKERS',
};

/** Return the line for an error that reached such a limit; null for all other errors. */
export function limitProblem(error: unknown): string | null {
  return LINES[codeOf(error)] ?? LINES[codeOfOpening()] ?? null;
}

const codeOf = (error: unknown): string => String((error as { readonly code?: unknown } | null)?.code);

/** Node reports a package that it cannot open as one that is missing, so whether a file can be opened is tried. */
function codeOfOpening(): string {
  try {
    closeSync(openSync(process.execPath, 'r'));
    return '';
  } catch (error) {
    return codeOf(error);
  }
}
