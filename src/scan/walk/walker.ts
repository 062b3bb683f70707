/**
 * Client of the walk processes. A request goes to the thread that has least to do. A thread that does not return is left
 * behind with its process: the name that it is at is answered as stalled, its other requests go to other threads.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { AppError } from '../../core/errors.js';
import { FILE_FAULTS, type FileFault, type FileIdentity } from '../../core/file-identity.js';
import { artefact } from '../../core/package-root.js';
import { joinPath, type PathBytes, parentPath } from '../../core/path-bytes.js';
import type { DigestAlgorithm, Digests } from '../../core/vocabulary.js';
import { allocatorEnv } from '../../engine/decoder-env.js';
import type { FileStat, InspectedFile, ScanTree } from '../tree.js';
import { FILE_TYPES, type Look } from './look.js';
import {
  encodeWalk,
  type Failed,
  FIRST_SOCKET,
  KNOWN_NUMBERS,
  type Limited,
  type LimitNote,
  type ListAnswer,
  LOOK_NUMBERS,
  type LookAnswer,
  type Place,
  type RootAnswer,
  type StallNote,
  type StartNote,
  type WalkAnswer,
  WalkFrames,
  type WalkOptions,
  type WalkRequest,
} from './walk-protocol.js';

interface WalkerOptions {
  readonly threads: number;
  readonly followsLinks: boolean;
  readonly stallMs: number;
  /** The environment of this process: the walk process gets its allocator's settings only. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called for each path whose system call does not return. */
  readonly onStall: (path: PathBytes) => void;
}

/** Requests that wait in a thread's socket, so that it has the next one at once. */
const IN_THREAD = 2;
/** Threads that may hang on one device, or in the folders of one folder, before all else there is answered as stalled. */
const STALLS_MAX = 4;
/** Processes that are left behind with threads that hang, some 50 MB each; beyond that nothing more is read. */
const PROCESSES_MAX = 16;
/** A process that ends with a request in work: the request may be why. */
const TRIES_MAX = 2;
const REQUEST_SPAN = 2 ** 31;

type Reply = WalkAnswer | Failed | Limited;
type Answer = WalkAnswer | Failed | { readonly stalledAt: number };

interface Call {
  readonly id: number;
  readonly request: WalkRequest;
  readonly answered: Promise<Answer>;
  readonly answer: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
  /** The thread that has it, or had it last. */
  thread: Thread | null;
  /** True where it continues what its thread has begun, so that no other can answer it. */
  readonly isBound: boolean;
  tries: number;
}

class Thread {
  readonly inWork: Call[] = [];
  /** Why it answers no more; null while it does. */
  lost: 'FILE_STALLED' | 'FILE_UNREADABLE' | null = null;

  constructor(
    readonly socket: Duplex,
    readonly onAnswer: () => void,
  ) {
    const frames = new WalkFrames();
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk);
      for (let frame = frames.next<Reply>(); frame !== null; frame = frames.next<Reply>()) {
        const [id, answer] = frame;
        // An answer to a call that was given up comes too late.
        if (this.inWork[0]?.id !== id) continue;
        const call = this.inWork.shift()!;
        if ('limit' in answer)
          call.fail(Object.assign(new Error(`the walk process: ${answer.limit}`), { code: answer.limit }));
        else call.answer(answer);
      }
      this.onAnswer();
    });
    // Its end is that of the process.
    socket.on('error', () => {});
  }

  send(call: Call): void {
    call.thread = this;
    this.inWork.push(call);
    this.socket.write(encodeWalk(call.id, call.request));
  }
}

/** An error that `limitProblem` knows. */
const limitError = (code: string) => Object.assign(new Error(`the walk process: ${code}`), { code });

const fails = (answer: Answer): answer is Failed => 'fault' in answer;

const NOTHING = { size: 0, mtimeNs: 0n, ctimeNs: 0n, inode: 0n, device: 0n };
const noStat = (look: Look, fault: FileFault): FileStat => ({
  look,
  fault,
  identity: NOTHING,
  storedBytes: 0,
  links: 0,
});
const statOf = (fault: FileFault) => noStat(fault === 'FILE_VANISHED' ? 'vanished' : 'unreadable', fault);

export class Walker implements ScanTree {
  readonly opensByPath = true;
  readonly #processes = new Set<ChildProcess>();
  readonly #threads = new Set<Thread>();
  #unstarted: (() => Thread)[] = [];
  readonly #queue: Call[] = [];
  /** Number of stalls by device, and of the folders of a folder. */
  readonly #stalls = new Map<bigint | PathBytes, number>();
  /** Paths that are not tried again: as many as there are threads to lose. */
  readonly #stuck = new Set<PathBytes>();
  /** Devices of the listed folders that are on another one than the folder above. */
  readonly #mounts = new Map<PathBytes, bigint>();
  /** Processes with threads that hang. */
  readonly #left = new Set<ChildProcess>();
  #lastId = 0;
  #isClosed = false;
  /** Why no process can be started, such as too many open files; null while one can. */
  #failure: Error | null = null;

  constructor(readonly options: WalkerOptions) {
    this.#start();
  }

  get threads(): number {
    return this.options.threads;
  }

  rowPath(folder: PathBytes, name: PathBytes): PathBytes {
    return joinPath(folder, name);
  }

  async root(path: PathBytes): Promise<RootAnswer | null> {
    const answer = await this.#call({ op: 'root', path, followsLinks: this.options.followsLinks });
    if ('type' in answer) return answer;
    if ('stalledAt' in answer) this.noteStall(path, null);
    return null;
  }

  async *list(place: Place, wantsDevices: boolean): AsyncGenerator<ListAnswer> {
    const { followsLinks } = this.options;
    const device = this.#deviceOf(place);
    const above = parentPath(place.folder);
    if (this.#isStuck(place.folder) || this.isDead(device) || this.#stalled(above) >= STALLS_MAX)
      throw new AppError('FILE_STALLED');
    let thread: Thread | null = null;
    let request: WalkRequest = { op: 'list', place, followsLinks, wantsDevices };
    for (;;) {
      const call: Call = this.#send(request, thread);
      const answer = await call.answered;
      thread = call.thread;
      if ('stalledAt' in answer) {
        // Folders that hang beside each other may be mounts of their own: they stand for one stall of the device above.
        this.noteStall(place.folder, this.#stalled(above) === 0 ? device : null);
        this.#stalls.set(above, this.#stalled(above) + 1);
        throw new AppError('FILE_STALLED');
      }
      if (fails(answer)) throw new AppError(answer.fault);
      const listed = answer as ListAnswer;
      if (listed.device !== device) this.#mounts.set(place.folder, listed.device);
      yield listed;
      if (listed.listing === null) return;
      request = { op: 'next', listing: listed.listing };
    }
  }

  async look(
    place: Place,
    names: readonly PathBytes[],
    known: readonly (FileIdentity | null)[],
    device: bigint | null = null,
  ): Promise<FileStat[]> {
    const found = new Array<FileStat>(names.length).fill(statOf('FILE_STALLED'));
    const left = names.flatMap((name, at) => (this.#isStuck(joinPath(place.folder, name)) ? [] : [at]));
    const rest = (stat: FileStat) => {
      for (const at of left) found[at] = stat;
      return found;
    };
    while (left.length > 0) {
      if (this.isDead(device)) break;
      const answer = await this.#call({
        op: 'look',
        place,
        names: left.map((at) => names[at]!),
        known: packKnown(left.map((at) => known[at]!)),
        followsLinks: this.options.followsLinks,
      });
      if ('stalledAt' in answer) {
        const [at] = left.splice(answer.stalledAt, 1) as [number];
        this.noteStall(joinPath(place.folder, names[at]!), device);
      } else if (fails(answer)) return rest(statOf(answer.fault));
      else {
        const stats = unpackLooks(answer as LookAnswer);
        for (const [n, at] of left.entries()) found[at] = stats[n]!;
        return found;
      }
    }
    return found;
  }

  async read(file: InspectedFile, at: number, length: number): Promise<Uint8Array> {
    const answer = await this.#ofFile(file, { op: 'read', at, length });
    return (answer as { readonly bytes: Uint8Array }).bytes;
  }

  async digests(file: InspectedFile, wanted: readonly DigestAlgorithm[]): Promise<Digests> {
    const answer = await this.#ofFile(file, { op: 'digests', wanted });
    return (answer as { readonly digests: Digests }).digests;
  }

  /** Return whether a path has hung before: a name that is met twice costs one thread. */
  #isStuck(path: PathBytes): boolean {
    return this.#stuck.size > 0 && this.#stuck.has(path);
  }

  /** Return the device that a folder is on, as far as is known before it is listed: that of a folder above. */
  #deviceOf({ folder, anchor }: Place): bigint | null {
    for (let path = folder; ; path = parentPath(path)) {
      const device = this.#mounts.get(path);
      if (device !== undefined) return device;
      if (path === anchor.path || path === '/') return anchor.device;
    }
  }

  isDead(device: bigint | null): boolean {
    return device !== null && this.#stalled(device) >= STALLS_MAX;
  }

  /** Note a path whose system call does not return, here or in the decoder process. */
  noteStall(path: PathBytes, device: bigint | null): void {
    this.#stuck.add(path);
    if (device !== null) this.#stalls.set(device, this.#stalled(device) + 1);
    this.options.onStall(path);
  }

  #stalled(of: bigint | PathBytes): number {
    return this.#stalls.get(of) ?? 0;
  }

  close(): void {
    this.#isClosed = true;
    for (const process of this.#processes) {
      process.kill('SIGKILL');
      // One whose system call does not return does not end either.
      if (process.connected) process.disconnect();
      process.unref();
    }
    for (const { socket } of this.#threads) socket.destroy();
    const gone = [...this.#threads].flatMap(({ inWork }) => inWork.splice(0));
    for (const call of [...gone, ...this.#queue.splice(0)]) call.answer({ fault: 'FILE_UNREADABLE' });
  }

  async #ofFile(
    { place, name, identity }: InspectedFile,
    request:
      | { readonly op: 'read'; readonly at: number; readonly length: number }
      | { readonly op: 'digests'; readonly wanted: readonly DigestAlgorithm[] },
  ): Promise<Answer> {
    if (this.isDead(identity.device)) throw new AppError('FILE_STALLED');
    const { followsLinks } = this.options;
    const answer = await this.#call({ ...request, place, name, identity, followsLinks });
    if (fails(answer)) throw new AppError(answer.fault);
    if (!('stalledAt' in answer)) return answer;
    this.noteStall(joinPath(place.folder, name), identity.device);
    throw new AppError('FILE_STALLED');
  }

  #call(request: WalkRequest): Promise<Answer> {
    return this.#send(request).answered;
  }

  /** Send a request. `thread`: the one that has begun what it asks for. */
  #send(request: WalkRequest, thread: Thread | null = null): Call {
    this.#lastId = (this.#lastId + 1) % REQUEST_SPAN;
    let answer!: (answer: Answer) => void;
    let fail!: (error: Error) => void;
    const answered = new Promise<Answer>((resolve, reject) => {
      answer = resolve;
      fail = reject;
    });
    const call: Call = {
      id: this.#lastId,
      request,
      answered,
      answer,
      fail,
      thread,
      isBound: thread !== null,
      tries: 0,
    };
    if (this.#failure !== null) fail(this.#failure);
    else if (this.#isClosed) answer({ fault: 'FILE_UNREADABLE' });
    else if (thread?.lost) answer({ fault: thread.lost });
    else if (thread) thread.send(call);
    else {
      this.#queue.push(call);
      this.#pump();
    }
    return call;
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      const free = this.#freest() ?? this.#unstarted.shift()?.();
      if (!free) break;
      free.send(this.#queue.shift()!);
    }
    // Nothing answers any more: too much hangs.
    if (this.#threads.size + this.#unstarted.length === 0)
      for (const call of this.#queue.splice(0))
        call.answer({ fault: this.#stuck.size > 0 ? 'FILE_STALLED' : 'FILE_UNREADABLE' });
  }

  /** Return the thread that has least to do; null where each has enough, or has something and another can be started. */
  #freest(): Thread | null {
    const most = this.#unstarted.length > 0 ? 0 : IN_THREAD - 1;
    let freest: Thread | null = null;
    for (const thread of this.#threads) {
      const { length } = thread.inWork;
      if (length <= most && (freest === null || length < freest.inWork.length)) freest = thread;
      if (length === 0) break;
    }
    return freest;
  }

  #start(): void {
    if (this.#isClosed || this.#left.size >= PROCESSES_MAX) return;
    const { threads, stallMs, env } = this.options;
    const sockets = Array.from({ length: threads }, () => 'pipe' as const);
    const mine: Thread[] = [];
    const child = spawn(
      process.execPath,
      [artefact('src', 'scan', 'walk', 'walk-main.js'), JSON.stringify({ stallMs } satisfies WalkOptions)],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...sockets], env: allocatorEnv(env) },
    );
    this.#processes.add(child);
    // A thread takes longer to start than a small folder to scan: the next one is started when all have work.
    const starts = sockets.map((_, at) => () => {
      const thread = new Thread(child.stdio[FIRST_SOCKET + at] as Duplex, () => this.#pump());
      mine[at] = thread;
      this.#threads.add(thread);
      child.send({ thread: at } satisfies StartNote, () => {});
      return thread;
    });
    this.#unstarted.push(...starts);
    child.on('message', (note: StallNote | LimitNote) => {
      const thread = mine[note.thread]!;
      if ('limit' in note) this.#ended(thread, note.limit);
      else {
        this.#left.add(child);
        this.#hangs(thread, note.request, note.at);
      }
    });
    child.on('exit', () => {
      this.#left.delete(child);
      if (!this.#processes.delete(child)) return;
      this.#unstarted = this.#unstarted.filter((start) => !starts.includes(start));
      const calls = mine.flatMap((thread) => this.#lose(thread, 'FILE_UNREADABLE'));
      this.#start();
      for (const call of calls) this.#again(call);
    });
    child.on('error', (error) => {
      this.#processes.delete(child);
      this.#fail(error);
    });
  }

  #fail(error: Error): void {
    this.#failure = error;
    const calls = [...this.#threads].flatMap((thread) => this.#lose(thread, 'FILE_UNREADABLE'));
    for (const call of [...calls, ...this.#queue.splice(0)]) call.fail(error);
  }

  /** Take a thread out of use. Result: the calls that it had. */
  #lose(thread: Thread, why: NonNullable<Thread['lost']>): Call[] {
    thread.lost = why;
    this.#threads.delete(thread);
    return thread.inWork.splice(0);
  }

  /** A thread has ended at a limit of the system: the others do its work, and without others the scan ends. */
  #ended(thread: Thread, limit: string): void {
    const calls = this.#lose(thread, 'FILE_UNREADABLE');
    this.#unstarted = [];
    if (this.#threads.size === 0) {
      this.#queue.push(...calls);
      this.#fail(limitError(limit));
    } else for (const call of calls) this.#again(call);
  }

  #hangs(thread: Thread, id: number, at: number): void {
    if (thread.lost !== null || thread.inWork[0]?.id !== id) return;
    const [call, ...others] = this.#lose(thread, 'FILE_STALLED') as [Call, ...Call[]];
    if (this.#threads.size + this.#unstarted.length < this.options.threads / 2) this.#start();
    call.answer({ stalledAt: at });
    for (const other of others) this.#again(other);
  }

  #again(call: Call): void {
    if (call.isBound) call.answer({ fault: call.thread!.lost! });
    else if (++call.tries > TRIES_MAX) call.answer({ fault: 'FILE_UNREADABLE' });
    else this.#queue.unshift(call);
    this.#pump();
  }
}

function packKnown(known: readonly (FileIdentity | null)[]): BigInt64Array {
  const numbers = new BigInt64Array(known.length * KNOWN_NUMBERS).fill(-1n);
  for (const [at, one] of known.entries()) {
    if (one === null) continue;
    const to = at * KNOWN_NUMBERS;
    numbers[to] = BigInt(one.size);
    numbers[to + 1] = one.mtimeNs;
    numbers[to + 2] = one.ctimeNs;
    numbers[to + 3] = one.inode;
    numbers[to + 4] = one.device;
  }
  return numbers;
}

function unpackLooks({ looks, faults, numbers }: LookAnswer): FileStat[] {
  const unsigned = new BigUint64Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const stats = new Array<FileStat>(looks.length);
  for (let at = 0; at < looks.length; at++) {
    const from = at * LOOK_NUMBERS;
    const size = Number(numbers[from]);
    const stored = Number(numbers[from + 5]);
    stats[at] = {
      look: FILE_TYPES[looks[at]!]!,
      fault: FILE_FAULTS[faults[at]!]!,
      identity: {
        size,
        mtimeNs: numbers[from + 1]!,
        ctimeNs: numbers[from + 2]!,
        inode: unsigned[from + 3]!,
        device: unsigned[from + 4]!,
      },
      // Some filesystems say 0 for every file.
      storedBytes: stored > 0 ? Math.min(stored, size) : size,
      links: Number(numbers[from + 6]),
    };
  }
  return stats;
}
