/** One decoder process as the service sees it: send a picture, get its reply, learn of its end. Knows no policy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { artefact } from '../core/package-root.js';
import { decoderEnv } from './decoder-env.js';
import { encodeFrame, FrameReader, type HashReply, type ReplyHead, type RequestHead, unpackReply } from './protocol.js';

interface DecoderProcessOptions {
  readonly workers: number;
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
  /** Replies that the process remembers, so that a file that it reads again is not decoded again; 0 for none. */
  readonly cacheBytesMax: number;
  /** The service's environment, of which the process gets the settings of the allocator. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onReply: (id: number, reply: HashReply) => void;
  /** Called once, whatever ended it. */
  readonly onEnd: () => void;
}

const LINUX_PAGE_BYTES = 4096;

export class DecoderProcess {
  readonly #child: ChildProcess;
  readonly #socket: Duplex;
  #ended = false;

  constructor(options: DecoderProcessOptions) {
    const { workers, imageBytesMax, imagePixelsMax, cacheBytesMax, env } = options;
    this.#child = spawn(
      process.execPath,
      [
        artefact('src', 'engine', 'decoder-main.js'),
        JSON.stringify({ workers, imageBytesMax, imagePixelsMax, cacheBytesMax }),
      ],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
        env: decoderEnv(env, workers),
      },
    );
    this.#socket = this.#child.stdio[3] as Duplex;
    const arrived: { readonly id: number; readonly reply: HashReply }[] = [];
    const reader = new FrameReader((head, body) => {
      arrived.push({ id: (head as ReplyHead).id, reply: unpackReply(body) });
    });
    const take = (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        // A picture may have taken the process over: what it writes must not end the service. Its pictures are tried again.
        this.kill();
      }
      for (const { id, reply } of arrived.splice(0)) options.onReply(id, reply);
    };
    const end = () => {
      if (this.#ended) return;
      this.#ended = true;
      options.onEnd();
    };
    this.#socket.on('data', take);
    this.#socket.on('error', () => this.kill());
    this.#child.on('error', end);
    this.#child.on('exit', end);
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  send(head: RequestHead, bytes: Uint8Array | null): void {
    if (this.#ended || this.#socket.destroyed) return;
    for (const part of encodeFrame(head, bytes ?? new Uint8Array())) this.#socket.write(part);
  }

  /** Resident memory in bytes, or null where the system does not tell (it is Linux that has /proc). */
  residentBytes(): number | null {
    try {
      return Number(readFileSync(`/proc/${this.pid}/statm`, 'latin1').split(' ')[1]) * LINUX_PAGE_BYTES;
    } catch {
      return null;
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
