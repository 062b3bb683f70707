/** Listings of folders in parts: a folder of ten million names takes as much memory as one of a few thousand. */
import { type BigIntStats, type Dir, type Dirent, lstatSync, opendirSync, realpathSync, statSync } from 'node:fs';
import { AppError } from '../../core/errors.js';
import { joinPath, type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import type { OpenFolders } from './open-folders.js';
import { ENTRY_TYPES, type ListAnswer, type ListRequest } from './walk-protocol.js';

/** Names per answer. */
const ANSWER_NAMES = 4_096;
/** Names per read of a directory. */
const READ_NAMES = 1_024;

type EntryType = (typeof ENTRY_TYPES)[number];

interface Listing {
  readonly request: ListRequest;
  readonly names: Dir;
  readonly device: bigint;
}

export class Listings {
  readonly #open = new Map<number, Listing>();
  #last = 0;

  constructor(
    readonly folders: OpenFolders,
    readonly step: (at: number) => void,
  ) {}

  /** Open a folder and return its first names. Errors: those of the system, FILE_CHANGED. */
  open(request: ListRequest): ListAnswer {
    const folder = this.folders.at(request.place);
    const { dev: device } = statSync(systemPath(folder), { bigint: true });
    const options = { encoding: 'buffer' as BufferEncoding, bufferSize: READ_NAMES };
    const names = opendirSync(systemPath(folder), options);
    this.#open.set(++this.#last, { request, names, device });
    return this.next(this.#last);
  }

  /** Return the next names. Errors: those of the system. */
  next(number: number): ListAnswer {
    const listing = this.#open.get(number);
    if (!listing) throw new AppError('FILE_UNREADABLE', { why: 'no such listing' });
    const { request, names: dir, device } = listing;
    const names: PathBytes[] = [];
    const types: EntryType[] = [];
    const targets = new Map<number, PathBytes>();
    const devices: bigint[] = [];
    // Opened again: the descriptor of the first time may be closed by now.
    const folder = () => this.folders.at(request.place);
    let isWhole = false;
    try {
      while (names.length < ANSWER_NAMES) {
        this.step(names.length);
        const entry = dir.readSync();
        if (entry === null) {
          isWhole = true;
          break;
        }
        const name = nameOf(entry);
        const { type, target, folderDevice } = typeOf(entry, () => joinPath(folder(), name), { ...request, device });
        if (target !== null) targets.set(names.length, target);
        names.push(name);
        types.push(type);
        devices.push(folderDevice);
      }
    } catch (error) {
      this.#close(number, dir);
      throw error;
    }
    if (isWhole) this.#close(number, dir);
    return {
      listing: isWhole ? null : number,
      names,
      targets,
      types: Uint8Array.from(types, (type) => ENTRY_TYPES.indexOf(type)),
      devices: request.wantsDevices ? BigUint64Array.from(devices) : null,
      device: BigInt.asUintN(64, device),
    };
  }

  #close(number: number, dir: Dir): void {
    this.#open.delete(number);
    dir.closeSync();
  }
}

/** Names are returned as bytes: Node accepts `buffer`, though its types do not. */
const nameOf = ({ name }: Dirent): PathBytes =>
  typeof name === 'string' ? pathBytesOf(name) : (name as Buffer).toString('latin1');

interface Typed {
  readonly type: EntryType;
  readonly target: PathBytes | null;
  readonly folderDevice: bigint;
}

function typeOf(entry: Dirent, path: () => PathBytes, request: ListRequest & { readonly device: bigint }): Typed {
  const { followsLinks, wantsDevices } = request;
  const typed = (type: EntryType, target: PathBytes | null = null, folderDevice = 0n): Typed => ({
    type,
    target,
    folderDevice: BigInt.asUintN(64, folderDevice),
  });
  if (entry.isDirectory()) {
    if (!wantsDevices) return typed('folder');
    const status = tried(() => lstatSync(systemPath(path()), { bigint: true }));
    // Of unknown device where it cannot be inspected: its own visit says why.
    return typed('folder', null, status?.dev ?? request.device);
  }
  if (entry.isSymbolicLink()) {
    if (!followsLinks) return typed('link');
    const status = followed(path());
    if (status === 'unknown' || status?.isFile()) return typed('file');
    if (!status?.isDirectory()) return typed('link');
    // A folder is identified by its real path and walked once, so cyclic links end; without one its visit says why.
    const target = tried(() => realpathSync.native(systemPath(path()), { encoding: 'buffer' }).toString('latin1'));
    return typed('folder', target, status.dev);
  }
  if (entry.isFIFO() || entry.isSocket() || entry.isBlockDevice() || entry.isCharacterDevice()) return typed('special');
  return typed('file');
}

/** The errors of a link that leads to nothing. */
const LEADS_NOWHERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/** Return the status of what a link leads to: null for nothing; `unknown`: inspected as a file it is a line of its own. */
function followed(path: PathBytes): BigIntStats | 'unknown' | null {
  try {
    return statSync(systemPath(path), { bigint: true });
  } catch (error) {
    return LEADS_NOWHERE.has((error as NodeJS.ErrnoException).code) ? null : 'unknown';
  }
}

/** Return the result, or null where the system has none: the scan itself reports what is gone. */
function tried<T>(call: () => T): T | null {
  try {
    return call();
  } catch {
    return null;
  }
}
