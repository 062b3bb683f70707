/** POSIX shell scripts as processes of their own, each in a process group that ends with it. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ShellResult {
  /** Null: it was ended by a signal. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Background {
  output(): string;
  stop(): Promise<void>;
}

interface Group {
  readonly child: ChildProcess;
  readonly out: Buffer[];
  readonly err: Buffer[];
  readonly closed: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

const textOf = (pieces: readonly Buffer[]) => Buffer.concat(pieces).toString('utf8');

function start(script: string, { cwd, env }: ShellOptions): Group {
  const child = spawn('sh', ['-eu', '-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (piece: Buffer) => out.push(piece));
  child.stderr.on('data', (piece: Buffer) => err.push(piece));
  let isClosed = false;
  const kill = (signal: NodeJS.Signals) => {
    if (isClosed) return;
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // It has just ended.
    }
  };
  // A test run that ends early leaves no process.
  const last = () => kill('SIGKILL');
  process.once('exit', last);
  const closed = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      isClosed = true;
      process.off('exit', last);
      resolve(code);
    }),
  );
  return { child, out, err, closed, kill };
}

/** Run a script to its end; one that takes too long is killed, and its code is null. */
export async function runShell(script: string, options: ShellOptions & { msMax: number }): Promise<ShellResult> {
  const group = start(script, options);
  const timer = setTimeout(() => group.kill('SIGKILL'), options.msMax);
  const code = await group.closed;
  clearTimeout(timer);
  return { code, out: textOf(group.out), err: textOf(group.err) };
}

/** Resolve when the script's output matches `ready`. Errors: it ends or takes too long before that. */
export async function startShell(
  script: string,
  { ready, msMax, ...options }: ShellOptions & { ready: RegExp; msMax: number },
): Promise<Background> {
  const group = start(script, options);
  const output = () => textOf(group.out) + textOf(group.err);
  const isReady = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), msMax);
    const look = () => {
      if (!ready.test(textOf(group.out))) return;
      clearTimeout(timer);
      resolve(true);
    };
    group.child.stdout!.on('data', look);
    void group.closed.then(() => {
      clearTimeout(timer);
      resolve(false);
    });
  });
  if (!isReady) {
    group.kill('SIGKILL');
    await group.closed;
    throw new Error(`not ready: ${script}\n${output().slice(-2_000)}`);
  }
  return {
    output,
    async stop() {
      group.kill('SIGTERM');
      const timer = setTimeout(() => group.kill('SIGKILL'), 20_000);
      await group.closed;
      clearTimeout(timer);
    },
  };
}
