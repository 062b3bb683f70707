/** Zeef in processes of its own, as a user runs it, with all that they print. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { childEnv, endWithParent } from '../../bench/child.js';
import { artefact } from '../../src/core/package-root.js';

const MAIN = artefact('src', 'main.js');

export interface Serving {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything on stdout and stderr so far. */
  output(): Buffer;
  /** Send the signal, and wait for the end of the process. */
  end(signal: NodeJS.Signals): Promise<void>;
}

interface Ran {
  readonly code: number;
  /** Both streams. */
  readonly output: Buffer;
  readonly out: string;
  readonly err: string;
}

type Env = Record<string, string>;

export const run = (env: Env, ...args: string[]) => runBy(MAIN, env, ...args);
/** Start a service on a free port. */
export const serve = (env: Env, ...args: string[]) => serveBy(MAIN, env, ...args);

/** The same by the program of another version. */
export function runBy(main: string, env: Env, ...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: childEnv(env), maxBuffer: 100_000_000, encoding: 'buffer' as const };
    execFile(process.execPath, [main, ...args], options, (error, out, err) =>
      resolve({
        code: error ? Number(error.code) : 0,
        output: Buffer.concat([out, err]),
        out: out.toString(),
        err: err.toString(),
      }),
    );
  });
}

export const serveBy = (main: string, env: Env, ...args: string[]) => served([process.execPath, main], env, args);

/** The same where the command `enter` leads: its URL is one in there. */
export const serveWithin = (enter: readonly string[], env: Env, ...args: string[]) =>
  served([...enter, '--', process.execPath, MAIN], env, args);

async function served([program = '', ...before]: readonly string[], env: Env, args: string[]): Promise<Serving> {
  const child = endWithParent(
    spawn(program, [...before, 'serve', '--port', '0', ...args], {
      env: childEnv(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const pieces: Buffer[] = [];
  const output = () => Buffer.concat(pieces);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    const take = (piece: Buffer) => {
      pieces.push(piece);
      const address = /zeef listens on (\S+?);?\s/.exec(output().toString('latin1'))?.[1];
      if (address) resolve(address);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('exit', () => reject(new Error(`the service ended: ${output().toString('latin1').slice(-2_000)}`)));
  });
  return {
    url,
    child,
    output,
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}
