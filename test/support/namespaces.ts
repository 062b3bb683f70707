/**
 * Network namespaces as machines of a test, with real addresses, joined by cables (veth pairs). Each lives as long as a process that
 * waits for this one, and its cables with it: nothing is left, whatever ends the test. The machine's own network is not touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { childEnv, endWithParent } from '../../bench/child.js';

const POLL_MS = 5;
const START_MS_MAX = 5_000;

const spaceOf = (pid: number | 'self') => readlinkSync(`/proc/${pid}/ns/net`);

export class Namespace {
  readonly #holder: ChildProcess;
  #cables = 0;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** Errors: this machine does not permit it. */
  static async create(): Promise<Namespace> {
    // Ends with its standard input, so with this process.
    const holder = endWithParent(
      spawn('unshare', ['--net', 'cat'], { env: childEnv(), stdio: ['pipe', 'ignore', 'ignore'] }),
    );
    const failed = new Promise<never>((_, reject) => holder.once('error', reject));
    const untilMs = performance.now() + START_MS_MAX;
    const isApart = async () => {
      while (spaceOf(holder.pid!) === spaceOf('self')) {
        if (holder.exitCode !== null || performance.now() > untilMs) throw new Error('no network namespace was made');
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    };
    await Promise.race([failed, holder.pid === undefined ? failed : isApart()]);
    const space = new Namespace(holder);
    space.run('ip', 'link', 'set', 'lo', 'up');
    return space;
  }

  get #pid(): number {
    return this.#holder.pid!;
  }

  /** What a command begins with to run in here. */
  get enter(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#pid}/ns/net`];
  }

  run(...command: readonly string[]): string {
    const [program = '', ...args] = [...this.enter, '--', ...command];
    return execFileSync(program, args, { env: childEnv(), stdio: 'pipe', encoding: 'utf8' });
  }

  /** Lay a cable to another one; both ends have an address, as `10.77.1.1/24`. Result: pull it, and put it in again. */
  join(own: string, other: Namespace, others: string): { pull(): void; plug(): void } {
    const [name, far] = [`cable${this.#cables++}`, `cable${other.#cables++}`];
    this.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', far, 'netns', String(other.#pid));
    for (const [space, end, address] of [[this, name, own] as const, [other, far, others] as const]) {
      space.run('ip', 'address', 'add', address, 'dev', end);
      space.run('ip', 'link', 'set', end, 'up');
    }
    const set = (state: string) => this.run('ip', 'link', 'set', name, state);
    return { pull: () => set('down'), plug: () => set('up') };
  }

  /** Forward between cables, as a router does. */
  route(): void {
    this.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  }

  /** As a router: what comes from an address, or goes to it, vanishes from now on. Neither side learns of it. Result: end that. */
  swallow(address: string): () => void {
    const rules = ['from', 'to'].map((side) => [side, address, 'blackhole']);
    for (const rule of rules) this.run('ip', 'rule', 'add', ...rule);
    return () => {
      for (const rule of rules) this.run('ip', 'rule', 'delete', ...rule);
    };
  }

  /** Processes inside keep it alive: end them first. */
  async end(): Promise<void> {
    if (this.#holder.exitCode !== null) return;
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin!.end();
    await ended;
  }
}

/** Return whether this machine permits network namespaces to this user. */
export async function canMakeNamespaces(): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const made: Namespace[] = [];
  try {
    for (let n = 0; n < 2; n++) made.push(await Namespace.create());
    const [router, other] = made as [Namespace, Namespace];
    router.join('10.77.0.1/24', other, '10.77.0.2/24');
    router.route();
    router.swallow('10.77.0.2')();
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(made.map((one) => one.end()));
  }
}
