/**
 * Images on their way through the decoder: recorded as in flight before they are opened, read by the decoder process,
 * and only if they are what they were when they were inspected: one that was written meanwhile is read once more.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type ErrorCode } from '../core/errors.js';
import { FILE_FAULTS, type FileFault, type FileIdentity } from '../core/file-identity.js';
import { joinPath, type PathBytes } from '../core/path-bytes.js';
import { type Digests, FRAMED_FORMATS, type NotCheckedReason } from '../core/vocabulary.js';
import type { FileSource, HashReply, ImageBytesOrFile } from '../engine/image-engine.js';
import { ByteRoom } from './byte-room.js';
import type { Committer } from './committer.js';
import { DECODING, type FileFacts, type FileKind, factsOfReply, IMAGE_KIND } from './facts/file-facts.js';
import type { ImageWants } from './image-wants.js';
import type { Throttle } from './throttle.js';
import { type FileStat, faultOfStat, type InspectedFile, type ScanTree } from './tree.js';
import type { Place } from './walk/walk-protocol.js';

export interface ImageFile extends InspectedFile {
  readonly folderId: number;
  readonly fileKey: number;
  readonly storedBytes: number;
  readonly kind?: FileKind;
}

/** What became of one file; a fault has facts too. */
export interface FileReading {
  readonly facts: FileFacts;
  /** Of a sparse file only what the disk holds, and of one that was read twice all; null: its facts were known. */
  readonly bytesRead: number | null;
}

interface ImageReaderParts {
  readonly hashReply: (input: ImageBytesOrFile, wants: ImageWants) => Promise<HashReply>;
  readonly imageBytesMax: number;
  readonly walker: ScanTree;
  readonly committer: Committer;
  readonly throttle: Throttle;
  readonly wants: ImageWants;
  readonly scan: number;
}

/** Pause before a file that was written while it was read is read again, once. */
const AGAIN_AFTER_MS = 50;
/** Bytes of images in memory that the decoder does not read itself. */
const BYTES_AHEAD_MAX = 268_435_456;
/** Largest file whose digests are computed: an hour of reading from one disk. A sparse file may claim a million times that. */
const DIGEST_BYTES_MAX = 2 ** 40;

const FAULTS: ReadonlySet<string> = new Set(FILE_FAULTS);

export const NO_FACTS = {
  kind: IMAGE_KIND,
  isMissing: false,
  verdict: 'not_checked',
  reason: null,
  code: null,
  frames: 1,
  detail: 'plain',
  digests: {},
  image: null,
  degraded: false,
  decoding: DECODING,
  views: [],
} as const satisfies Partial<FileFacts>;

/** Return the fault of an error about one file. Errors: all others. */
function faultIn(error: unknown): FileFault {
  if (error instanceof AppError && FAULTS.has(error.code)) return error.code as FileFault;
  throw error;
}

/** Return the requested frames, for the row of a file that can have several. */
const framesOf = ({ format }: HashReply, { frames }: ImageWants): number =>
  format !== null && FRAMED_FORMATS.has(format) ? frames : 1;

function refusal(bytes: number, reason: NotCheckedReason, code: ErrorCode, digests: Digests = {}): HashReply {
  return { ok: false, digests, bytes, reason, code, format: null, width: null, height: null };
}

export class ImageReader {
  readonly #memory = new ByteRoom(BYTES_AHEAD_MAX);

  constructor(readonly parts: ImageReaderParts) {}

  /** Record a file as in flight, on disk. */
  begin({ fileKey, folderId, name }: ImageFile, aloneTries = 0): Promise<void> {
    return this.parts.committer.commit({ begun: [{ fileKey, folderId, name, aloneTries }] });
  }

  /** Return the current status of a file. */
  async statNow(place: Place, name: PathBytes): Promise<FileStat> {
    const [status] = await this.parts.walker.look(place, [name], [null]);
    return status!;
  }

  hash(input: ImageBytesOrFile, wants: ImageWants = this.parts.wants): Promise<HashReply> {
    return this.parts.hashReply(input, wants);
  }

  /** Return the facts of a file; one that cannot be read has facts too. Errors SHUTTING_DOWN. */
  async read(file: ImageFile, wants: ImageWants = this.parts.wants): Promise<FileReading> {
    const { throttle, scan, walker } = this.parts;
    const { place, name, kind = IMAGE_KIND } = file;
    const common = { ...NO_FACTS, kind, scan, generation: 0, frames: wants.frames };
    let now: Pick<FileStat, 'identity' | 'storedBytes'> = file;
    let bytesRead = 0;
    const failed = (identity: FileIdentity, code: FileFault): FileReading => ({
      facts: { ...common, ...identity, reason: 'unreadable', code },
      bytesRead,
    });
    for (let isAgain = false; ; isAgain = true) {
      if (walker.isDead(now.identity.device)) return failed(file.identity, 'FILE_STALLED');
      await throttle.take(0, now.storedBytes);
      const reply = await this.#hashFile({ place, name, identity: now.identity }, wants);
      const fault = !reply.ok && FAULTS.has(reply.code) ? (reply.code as FileFault) : null;
      if (fault === null || fault === 'FILE_CHANGED') bytesRead += now.storedBytes;
      if (fault === null)
        return {
          facts: {
            ...common,
            ...now.identity,
            ...factsOfReply(reply),
            frames: framesOf(reply, wants),
            detail: wants.detail,
          },
          bytesRead,
        };
      if (fault === 'FILE_STALLED') walker.noteStall(joinPath(place.folder, name), now.identity.device);
      if (fault !== 'FILE_CHANGED') return failed(file.identity, fault);
      // Written, replaced or removed since it was inspected.
      if (!isAgain) await delay(AGAIN_AFTER_MS);
      const after = await this.statNow(place, name);
      const why = faultOfStat(after);
      if (why !== null) return failed(file.identity, why);
      if (isAgain) return failed(after.identity, 'FILE_CHANGED');
      now = after;
    }
  }

  async #hashFile(file: InspectedFile, wants: ImageWants): Promise<HashReply> {
    if (this.parts.walker.opensByPath) return this.hash({ file: this.#source(file) }, wants);
    const { walker, imageBytesMax } = this.parts;
    const { size } = file.identity;
    try {
      // As the decoder process does: the limit is for decoding, and digests are matched.
      if (size > DIGEST_BYTES_MAX) return refusal(size, 'unreadable', 'FILE_UNREADABLE');
      if (size > imageBytesMax)
        return refusal(size, 'too_large', 'IMAGE_TOO_LARGE', await walker.digests(file, wants.digests));
      // The memory is held until the reply: the bytes wait in the queue of the decoder.
      return await this.#memory.hold(size, async () => this.hash({ bytes: await walker.read(file, 0, size) }, wants));
    } catch (error) {
      return refusal(size, 'unreadable', faultIn(error));
    }
  }

  #source(file: InspectedFile): FileSource {
    const { walker, imageBytesMax } = this.parts;
    const { place, name, identity } = file;
    const { size } = identity;
    const { followsLinks, stallMs } = walker.options;
    return {
      path: joinPath(place.folder, name),
      identity,
      followsLinks,
      stallMs,
      async read() {
        if (size > imageBytesMax) return { size, bytes: null };
        return walker.read(file, 0, size).then((bytes) => ({ size, bytes }), faultIn);
      },
      async digests(wanted) {
        if (size > DIGEST_BYTES_MAX) return 'FILE_UNREADABLE';
        return walker.digests(file, wanted).catch(faultIn);
      },
    };
  }
}
