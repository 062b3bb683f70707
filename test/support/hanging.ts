/** A library that makes system calls on some names hang, for tests of a filesystem whose server is gone. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { orLeftOut } from './left-out.js';

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { env: childEnv(), stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** False without a C compiler, or on another system than Linux: then such tests are left out. */
export const canHang = orLeftOut(
  process.platform === 'linux' && hasCompiler(),
  'There is no C compiler, or no LD_PRELOAD',
  'tests of files that never answer',
);

/** Return the variables with which a process hangs on the names of `hanging-files.c`. */
export function hangingEnv(): Record<string, string> {
  const library = join(tempFolder('hanging'), 'hanging-files.so');
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, 'test/support/hanging-files.c', '-ldl'], { env: childEnv() });
  return { LD_PRELOAD: library };
}
