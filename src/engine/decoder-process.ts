/** Client of one decoder process: sends images, reports replies and the exit. Contains no policy. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { artefact } from '../core/package-root.js';
import type { DegradedVerdict } from '../core/vocabulary.js';
import { decoderPid, launchDecoder } from './decoder-launch.js';
import { readOutput } from './decoder-output.js';
import {
  CONTROL_SOCKET,
  encodeHead,
  FIRST_WORKER_SOCKET,
  FrameReader,
  type HashReply,
  OUT_OF_MEMORY,
  READY_ID,
  type ReplyHead,
  type RequestHead,
  unpackReply,
} from './protocol.js';
import type { Sandbox } from './sandbox.js';

/** How a process ended: `killed` by SIGKILL, for one by the kernel, which lacked memory. */
export type EndCause = 'crash' | 'memory' | 'killed';

interface DecoderProcessOptions {
  readonly workers: number;
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
  readonly degraded: DegradedVerdict;
  /** Size of the process's reply cache, so that a file read again is not decoded again; 0 for none. */
  readonly cacheBytesMax: number;
  /** Processor time of an image after which the process reports it as late. */
  readonly decodeMsMax: number;
  /** Resident memory by which the process admits large images. */
  readonly memoryBytesMax: number;
  /** The service's environment; the process gets only its allocator settings. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sandbox: Sandbox;
  /** Called once, when the process can decode. */
  readonly onReady: () => void;
  /** Called when it decodes an image for longer than moments, or the image waits for memory: reading its file is over. */
  readonly onDecoding: (id: number) => void;
  /** Called when an image has had its time. */
  readonly onLate: (id: number) => void;
  readonly onReply: (id: number, reply: HashReply) => void;
  /** Called with what it wrote to stderr: foreign text, within a bound. */
  readonly onOutput: (text: string) => void;
  /** Called once. */
  readonly onEnd: (cause: EndCause) => void;
}

const LINUX_PAGE_BYTES = 4096;
/** Exit code of a command whose child was killed by SIGKILL. */
const KILLED = 128 + 9;
/** A killed process ends in a few milliseconds, unless a system call holds it. */
const GONE_MS = 2_000;

export class DecoderProcess {
  readonly #child: ChildProcess;
  readonly #sockets: readonly Duplex[];
  readonly #sandbox: Sandbox;
  readonly startedMs = performance.now();
  readonly #end: (cause: EndCause) => void;
  #gone: NodeJS.Timeout | undefined;
  #ready = false;
  #ended = false;
  #heardMs = performance.now();

  constructor(options: DecoderProcessOptions) {
    const { workers, env, sandbox } = options;
    const { imageBytesMax, imagePixelsMax, degraded, cacheBytesMax, decodeMsMax, memoryBytesMax } = options;
    const limits = { workers, imageBytesMax, imagePixelsMax, degraded, cacheBytesMax, decodeMsMax, memoryBytesMax };
    this.#sandbox = sandbox;
    this.#child = launchDecoder(artefact('src', 'engine', 'decoder-main.js'), [JSON.stringify(limits)], {
      sandbox,
      workers,
      env,
    });
    readOutput(this.#child.stderr!, options.onOutput);
    const arrived: { readonly id: number; readonly reply: HashReply | 'decoding' | 'late' }[] = [];
    let isBroken = false;
    const taker = () => {
      const reader = new FrameReader((head, body) => {
        const { id, isLate } = head as ReplyHead;
        if (id === READY_ID) this.#ready = true;
        else arrived.push({ id, reply: body.length > 0 ? unpackReply(body) : isLate ? 'late' : 'decoding' });
      });
      return (chunk: Buffer) => {
        const wasReady = this.#ready;
        this.#heardMs = performance.now();
        try {
          reader.push(chunk);
        } catch {
          // An image may have compromised the process, whose output must not crash the service. Its images are retried.
          isBroken = true;
          this.kill();
        }
        if (this.#ready && !wasReady) options.onReady();
        for (const { id, reply } of arrived.splice(0)) {
          if (reply === 'decoding') options.onDecoding(id);
          else if (reply === 'late') options.onLate(id);
          else options.onReply(id, reply);
        }
      };
    };
    const end = (cause: EndCause) => {
      clearTimeout(this.#gone);
      if (this.#ended) return;
      this.#ended = true;
      options.onEnd(cause);
    };
    this.#end = end;
    this.#sockets = (this.#child.stdio as unknown[] as Duplex[]).slice(FIRST_WORKER_SOCKET);
    for (const socket of [this.#child.stdio[CONTROL_SOCKET] as Duplex, ...this.#sockets]) {
      socket.on('data', taker());
      socket.on('error', () => this.kill());
    }
    this.#child.on('error', () => end('crash'));
    this.#child.on('exit', (code, signal) => {
      const isKilled = (signal === 'SIGKILL' || code === KILLED) && !isBroken;
      end(code === OUT_OF_MEMORY ? 'memory' : isKilled ? 'killed' : 'crash');
    });
  }

  get pid(): number | null {
    return decoderPid(this.#child, this.#sandbox);
  }

  /** True once it can decode. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Time of the last thing that it said: it does so twice a second. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Send a request to one of its workers. */
  send(head: RequestHead, bytes: Uint8Array | null, worker: number): void {
    const socket = this.#sockets[worker]!;
    if (this.#ended || socket.destroyed) return;
    socket.cork();
    socket.write(encodeHead(head, bytes?.byteLength ?? 0));
    if (bytes) socket.write(bytes);
    socket.uncork();
  }

  /** Return the resident memory in bytes; null on systems without /proc (not Linux). */
  residentBytes(): number | null {
    try {
      return Number(readFileSync(`/proc/${this.pid}/statm`, 'latin1').split(' ')[1]) * LINUX_PAGE_BYTES;
    } catch {
      return null;
    }
  }

  kill(): void {
    const { pid } = this;
    if (this.#ended) return;
    // A process whose read never returns does not end either: it is left behind.
    this.#gone ??= setTimeout(() => this.#end('killed'), GONE_MS);
    this.#gone.unref();
    // Its parent first, which would report on stderr how it ended.
    this.#child.kill('SIGKILL');
    try {
      // Code in the decoder may have undone that it ends with its parent.
      if (pid !== null && pid !== this.#child.pid) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}
