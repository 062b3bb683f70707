/** Inspection of names: the type of each file, whether it is unchanged, and the kind of others by their first bytes. */
import { type BigIntStats, closeSync, fstatSync, lstatSync, readSync, statSync } from 'node:fs';
import { FILE_FAULTS, type FileFault, faultOf, SIZE_MAX } from '../../core/file-identity.js';
import { joinPath, type PathBytes, systemPath } from '../../core/path-bytes.js';
import { HEAD_BYTES } from '../../decode/identify.js';
import { kindOfFile } from './file-kind.js';
import { openForReading } from './file-reads.js';
import type { OpenFolders } from './open-folders.js';
import { KNOWN_NUMBERS, LOOK_NUMBERS, type LookAnswer, type LookRequest } from './walk-protocol.js';

export const FILE_TYPES = [
  'known',
  'picture',
  'not_picture',
  'archive',
  'vanished',
  'unreadable',
  'folder',
  'symlink',
  'special',
  'video',
  'other_archive',
] as const;
export type Look = (typeof FILE_TYPES)[number];

/** Unit of `st_blocks` on every system. */
const BLOCK_BYTES = 512n;

const head = Buffer.alloc(HEAD_BYTES);

interface Looked {
  readonly look: Look;
  readonly fault: FileFault;
}

const looked = (look: Look): Looked => ({ look, fault: 'FILE_UNREADABLE' });

const failed = (fault: FileFault): Looked => ({
  look: fault === 'FILE_VANISHED' ? 'vanished' : 'unreadable',
  fault,
});

/** Return the kind of a file by its first bytes; `status`: of the file that was inspected. */
function kindOf(path: PathBytes, status: BigIntStats, followsLinks: boolean): Looked {
  let file: number | null = null;
  try {
    file = openForReading(path, followsLinks);
    const { dev, ino } = fstatSync(file, { bigint: true });
    if (dev !== status.dev || ino !== status.ino) return failed('FILE_CHANGED');
    let bytes = readSync(file, head, 0, HEAD_BYTES, 0);
    // A read may return less than there is.
    for (let more = bytes; more > 0 && bytes < HEAD_BYTES && BigInt(bytes) < status.size; bytes += more)
      more = readSync(file, head, bytes, HEAD_BYTES - bytes, bytes);
    // It has a size and no bytes: a disk that lies, and nothing that is known to be no image.
    if (bytes === 0) return failed('FILE_UNREADABLE');
    const kind = kindOfFile(file, head.subarray(0, bytes), Number(status.size));
    return looked(kind === 'image' ? FILE_TYPES[1] : kind);
  } catch (error) {
    return failed(faultOf(error));
  } finally {
    if (file !== null) closeSync(file);
  }
}

/** Inspect names of a folder. `step`: called before each. Errors: those of opening the folder. */
export function lookAt(
  { place, names, known, followsLinks }: LookRequest,
  folders: OpenFolders,
  step: (at: number) => void,
): LookAnswer {
  const looks = new Uint8Array(names.length);
  const faults = new Uint8Array(names.length);
  const numbers = new BigInt64Array(names.length * LOOK_NUMBERS);
  const stat = followsLinks ? statSync : lstatSync;
  const folder = folders.at(place);
  const inspect = (name: PathBytes, at: number): Looked => {
    const path = joinPath(folder, name);
    const status = stat(systemPath(path), { bigint: true });
    if (status.isDirectory()) return looked('folder');
    if (status.isSymbolicLink()) return looked('symlink');
    if (!status.isFile()) return looked('special');
    const to = at * LOOK_NUMBERS;
    const from = at * KNOWN_NUMBERS;
    // As `identityOfStatus`: 64 bits of each.
    numbers[to] = status.size > SIZE_MAX ? SIZE_MAX : status.size;
    numbers[to + 1] = status.mtimeNs;
    numbers[to + 2] = status.ctimeNs;
    numbers[to + 3] = status.ino;
    numbers[to + 4] = status.dev;
    numbers[to + 5] = status.blocks * BLOCK_BYTES;
    numbers[to + 6] = status.nlink;
    let isKnown = true;
    for (let n = 0; isKnown && n < KNOWN_NUMBERS; n++) isKnown = numbers[to + n] === known[from + n];
    if (isKnown) return looked('known');
    return status.size === 0n ? looked('not_picture') : kindOf(path, status, followsLinks);
  };
  for (const [at, name] of names.entries()) {
    step(at);
    let one: Looked;
    try {
      one = inspect(name, at);
    } catch (error) {
      one = failed(faultOf(error));
    }
    looks[at] = FILE_TYPES.indexOf(one.look);
    faults[at] = FILE_FAULTS.indexOf(one.fault);
  }
  return { looks, faults, numbers };
}
