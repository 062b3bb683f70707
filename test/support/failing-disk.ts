/** A real service whose ledger is on a disk that fails, waits, or loses what was not synced (`failing-disk.c`). */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { listRows } from '../../bench/list-rows.js';
import { artefact } from '../../src/core/package-root.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { orLeftOut } from './left-out.js';

const MAIN = artefact('src', 'main.js');
/** The digest on the list of `storeWith`. */
export const KNOWN = Buffer.alloc(16, 7);

/** The shim is C, and is preloaded. */
export const hasCompiler = orLeftOut(
  process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0,
  'There is no C compiler, or this is not Linux',
  'tests of failing disks',
);

export async function storeWith(dataDir: string): Promise<string> {
  const store = await openSqliteStore(dataDir);
  await store.lists.createList({ list: 'known', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('known', listRows('md5', KNOWN));
  await store.close();
  return dataDir;
}

export class DiskService {
  readonly child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.child = child;
    this.url = url;
  }

  static async start(dataDir: string, { cwd, env = {} }: { cwd: string; env?: Record<string, string> }) {
    const child = spawn(process.execPath, [MAIN, '--data-dir', dataDir, 'serve', '--port', '0'], {
      // LD_PRELOAD is a list separated by spaces: a path in a temporary folder may have one.
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: childEnv({ ZEEF_LOG_LEVEL: 'silent', ...env }),
    });
    for await (const line of createInterface(child.stdout!)) {
      const url = /zeef listens on (\S+)/.exec(line)?.[1];
      if (url !== undefined) return new DiskService(child, url);
    }
    throw new Error('the service ended before it listened');
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

/** A disk whose state a test sets. */
export class Disk {
  /** What a power cut would leave. */
  readonly synced: string;
  readonly #control: string;

  constructor(dir: string, name: string) {
    execFileSync('cc', ['-shared', '-fPIC', '-o', join(dir, 'failing-disk.so'), 'test/support/failing-disk.c', '-ldl']);
    this.#control = join(dir, `control-${name}`);
    this.synced = join(dir, `synced-${name}`);
    mkdirSync(this.synced);
    this.becomes('-');
  }

  /** `-`: it works; f: full; r: read-only; s: it cannot sync; w: a sync waits. */
  becomes(state: '-' | 'f' | 'r' | 's' | 'w'): void {
    writeFileSync(this.#control, state);
  }

  get env(): Record<string, string> {
    return { LD_PRELOAD: './failing-disk.so', FAILING_DISK: this.#control, SYNCED_DISK: this.synced };
  }
}

export function expectVerified(dataDir: string): void {
  const told = execFileSync(process.execPath, [MAIN, '--data-dir', dataDir, 'ledger', 'verify'], { encoding: 'utf8' });
  expect(told).toMatch(/^ok: /);
}

export async function onRecord(url: string): Promise<{ checked: number; references: string[] }> {
  const { checked } = (await (await fetch(`${url}/v1/stats`)).json()) as { checked: number };
  const references: string[] = [];
  let more = '';
  do {
    const page = await (await fetch(`${url}/v1/hits?limit=1000${more}`)).json();
    const { hits, cursor } = page as { hits: { reference: string }[]; cursor: string | null };
    for (const { reference } of hits) references.push(reference);
    more = cursor === null ? '' : `&cursor=${cursor}`;
  } while (more !== '');
  return { checked, references };
}
