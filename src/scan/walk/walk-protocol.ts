/**
 * Requests to the walk process, which alone touches the scanned tree, and its answers. Each of its threads has a socket of
 * its own: a frame is u32 length, little-endian · the structured clone of a request or an answer.
 */
import { deserialize, serialize } from 'node:v8';
import type { FileFault, FileIdentity } from '../../core/file-identity.js';
import type { PathBytes } from '../../core/path-bytes.js';
import type { DigestAlgorithm, Digests } from '../../core/vocabulary.js';

/** A folder whose path is taken as it is; below it no link is followed. */
export interface Anchor {
  readonly path: PathBytes;
  /** The folder that it was when the scan began; null: whatever is there. */
  readonly device: bigint | null;
  readonly inode: bigint | null;
}

/** A folder to open: its anchor, or one below it. */
export interface Place {
  readonly anchor: Anchor;
  readonly folder: PathBytes;
}

interface FileRequest {
  readonly place: Place;
  readonly name: PathBytes;
  /** The file that it must be when it is opened. */
  readonly identity: FileIdentity;
  readonly followsLinks: boolean;
}

/** Names of one folder: their types, and of those that are not as known the kinds by their first bytes. */
export interface LookRequest {
  readonly op: 'look';
  readonly place: Place;
  readonly names: readonly PathBytes[];
  /** Known size, mtime, ctime, inode and device of each; size -1: none is known. */
  readonly known: BigInt64Array;
  readonly followsLinks: boolean;
}

export interface ListRequest {
  readonly op: 'list';
  readonly place: Place;
  readonly followsLinks: boolean;
  /** Return the device of each folder. */
  readonly wantsDevices: boolean;
}

/** Options of the process, in its arguments. */
export interface WalkOptions {
  readonly stallMs: number;
}

/** Message to the process: start a thread. */
export interface StartNote {
  readonly thread: number;
}

export type WalkRequest =
  | { readonly op: 'root'; readonly path: PathBytes; readonly followsLinks: boolean }
  | ListRequest
  /** The next names of a listing, of the same thread. */
  | { readonly op: 'next'; readonly listing: number }
  | LookRequest
  | (FileRequest & { readonly op: 'read'; readonly at: number; readonly length: number })
  | (FileRequest & { readonly op: 'digests'; readonly wanted: readonly DigestAlgorithm[] });

export interface RootAnswer {
  readonly type: 'folder' | 'file' | 'other' | 'missing';
  /** Without links, where links are followed. */
  readonly path: PathBytes;
  /** Without links on it. */
  readonly real: PathBytes;
  readonly device: bigint;
  readonly inode: bigint;
}

/** What a name in a listing is; `link`: one that is not followed, or leads to nothing. */
export const ENTRY_TYPES = ['file', 'folder', 'link', 'special'] as const;

export interface ListAnswer {
  /** Number for `next`; null at the end. */
  readonly listing: number | null;
  /** A folder's real path, where it is behind a link. */
  readonly targets: ReadonlyMap<number, PathBytes>;
  readonly names: readonly PathBytes[];
  /** Positions in `ENTRY_TYPES`. */
  readonly types: Uint8Array;
  /** Of folders, where that was asked for. */
  readonly devices: BigUint64Array | null;
  /** Device of the folder itself. */
  readonly device: bigint;
}

/** Numbers of one file in `LookRequest.known`. */
export const KNOWN_NUMBERS = 5;
/** Numbers of one file in `LookAnswer.numbers`: size, mtime, ctime, inode, device, bytes on the disk, links. */
export const LOOK_NUMBERS = 7;

export interface LookAnswer {
  /** Positions in `FILE_TYPES`. */
  readonly looks: Uint8Array;
  /** Positions in `FILE_FAULTS`. */
  readonly faults: Uint8Array;
  readonly numbers: BigInt64Array;
}

export type WalkAnswer =
  | RootAnswer
  | ListAnswer
  | LookAnswer
  | { readonly bytes: Uint8Array }
  | { readonly digests: Digests };
export type Failed = { readonly fault: FileFault };
/** The process has reached this limit of the system, such as EMFILE. */
export type Limited = { readonly limit: string };

/** Progress of a thread, in memory that it shares with the process: the request, the position in it, and a count of steps. */
export const PROGRESS = { request: 0, at: 1, step: 2, numbers: 3 } as const;
/** The position of a thread that waits for a request. */
export const IDLE = -1;

/** Message of the process: a thread has been in one step for longer than the limit. */
export interface StallNote {
  readonly thread: number;
  readonly request: number;
  readonly at: number;
}

/** Message of the process: a thread has ended, at this limit of the system. */
export interface LimitNote {
  readonly thread: number;
  readonly limit: string;
}

/** Descriptor of the first thread's socket: the ones before are the standard ones and the channel of the process. */
export const FIRST_SOCKET = 4;

const LENGTH_BYTES = 4;

export function encodeWalk(id: number, message: WalkRequest | WalkAnswer | Failed | Limited): Buffer {
  const body = serialize([id, message]);
  const head = Buffer.allocUnsafe(LENGTH_BYTES);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

/** Splits a stream into frames; each arrives once, in order. */
export class WalkFrames {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Bytes of the next frame that are still missing. */
  get missing(): number {
    if (this.#bytes < LENGTH_BYTES) return LENGTH_BYTES - this.#bytes;
    return Math.max(0, LENGTH_BYTES + this.#head().readUInt32LE(0) - this.#bytes);
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Return the next frame; null where it is not whole. */
  next<T>(): readonly [id: number, message: T] | null {
    if (this.missing > 0) return null;
    const all = Buffer.concat(this.#chunks);
    const end = LENGTH_BYTES + all.readUInt32LE(0);
    this.#chunks = all.length > end ? [all.subarray(end)] : [];
    this.#bytes = all.length - end;
    return deserialize(all.subarray(LENGTH_BYTES, end)) as [number, T];
  }

  #head(): Buffer {
    if (this.#chunks[0]!.length < LENGTH_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}
