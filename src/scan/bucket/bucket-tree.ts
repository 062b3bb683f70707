/**
 * The objects of buckets, as a scan needs them. An object is read only if it has the ETag that was listed; a known one is not
 * requested. Objects that are named and were not listed just now are looked up by HEAD.
 */

import { S3Client } from '../../blobs/s3-client.js';
import { s3Place } from '../../blobs/s3-place.js';
import { AppError } from '../../core/errors.js';
import { type FileFault, type FileIdentity, isSameFile } from '../../core/file-identity.js';
import { type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import { PassingFailure } from '../../core/retry.js';
import type { DigestAlgorithm, Digests } from '../../core/vocabulary.js';
import { DigestStream } from '../../kernels/digests.js';
import { IMAGE_KIND } from '../facts/file-facts.js';
import type { FileStat, InspectedFile, ScanTree } from '../tree.js';
import { kindOfBytes } from '../walk/file-kind.js';
import type { Look } from '../walk/look.js';
import { ENTRY_TYPES, type ListAnswer, type Place, type RootAnswer } from '../walk/walk-protocol.js';
import {
  archiveRow,
  type BucketRow,
  bucketRoot,
  bucketRow,
  isArchiveName,
  keyOfName,
  nameOfKey,
  objectPath,
  shownRow,
} from './bucket-paths.js';
import { Held } from './held.js';
import { bareEtag, deviceOf, type ObjectFacts, objectIdentity } from './object-identity.js';
import { Pace } from './pace.js';

/** First bytes by which an object is identified; most small images are whole in them. */
const HEAD_BYTES = 65_536;
/** First bytes that are kept until their object is read, so that they are read once. */
const HEADS_BYTES_MAX = 67_108_864;
/** Objects whose ETags are kept until they are read: of twice the files in flight. Of others they are looked up. */
const FACTS_MAX = 16_384;
/** Requests one after the other that were given up, all retries spent, before nothing more is asked of a bucket. */
const STALLS_MAX = 16;
/** A server that is silent for longer has lost the request. */
const IDLE_MS_MAX = 20_000;
/** Different reasons that are reported. */
const REASONS_MAX = 100;

const LISTED_TYPE = ENTRY_TYPES.indexOf('file');
const NOTHING: FileIdentity = { size: 0, mtimeNs: 0n, ctimeNs: 0n, inode: 0n, device: 0n };

export interface BucketLimits {
  /** Keys of a range, by the page. */
  readonly rangeKeys: number;
  readonly retries: number;
  readonly firstPauseMs: number;
}

/** Fifty pages, five seconds: a bucket of a billion objects has 20,000 ranges. Retries after 0.2, 0.4, 0.8 seconds, up to ten. */
export const BUCKET_LIMITS: BucketLimits = { rangeKeys: 50_000, retries: 10, firstPauseMs: 200 };

interface ListedObject extends ObjectFacts {
  readonly key: PathBytes;
}

interface BucketTreeOptions {
  /** The environment of this process, for the service and its key. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stallMs: number;
  /** Objects that are no images are read, too. */
  readonly readsAll: boolean;
  readonly shouldStop: () => boolean;
  /** Called for each path whose requests time out. */
  readonly onStall: (path: PathBytes) => void;
  /** Called once for each reason of failed requests, with one of their paths. */
  readonly onFailure: (path: PathBytes, why: string) => void;
}

interface Bucket {
  readonly bucket: string;
  readonly device: bigint;
  readonly origin: string;
  readonly client: S3Client;
  readonly pace: Pace;
}

interface ObjectAt {
  readonly at: Bucket;
  readonly key: PathBytes;
  readonly path: PathBytes;
}

const textOfKey = (key: PathBytes): string => systemPath(key).toString();
const quoted = (etag: string): string => (/^(W\/)?"/.test(etag) ? etag : `"${etag}"`);

export class BucketTree implements ScanTree {
  readonly opensByPath = false;
  readonly options: { readonly followsLinks: false; readonly stallMs: number };
  readonly #buckets = new Map<string, Bucket>();
  /** Of listed objects, until they are inspected. */
  readonly #listed = new Map<PathBytes, ObjectFacts>();
  readonly #facts = new Held<ObjectFacts>(FACTS_MAX);
  readonly #heads = new Held<{ readonly etag: string; readonly bytes: Buffer }>(HEADS_BYTES_MAX);
  /** Requests given up since the last that was answered, by device. */
  readonly #stalls = new Map<bigint, number>();
  readonly #reasons = new Set<string>();

  /** `roots`: of which all buckets are opened at once. Errors CONFIG_INVALID: a variable is missing or invalid. */
  constructor(
    roots: readonly BucketRow[],
    readonly parts: BucketTreeOptions,
    readonly limits: BucketLimits,
  ) {
    const { env, stallMs, shouldStop } = parts;
    this.options = { followsLinks: false, stallMs };
    for (const { bucket } of roots) {
      if (this.#buckets.has(bucket)) continue;
      const pace = new Pace();
      const idleMs = Math.min(stallMs, IDLE_MS_MAX);
      const times = { retries: limits.retries, firstPauseMs: limits.firstPauseMs, patienceMs: stallMs, idleMs };
      const place = s3Place(bucket, env);
      const client = new S3Client(place, times, { onWait: () => pace.slow(), shouldStop });
      this.#buckets.set(bucket, { bucket, device: deviceOf(bucket), origin: place.origin, client, pace });
    }
  }

  rowPath(folder: PathBytes, name: PathBytes): PathBytes {
    return archiveRow(folder, name);
  }

  /** Return the scheme, host and port of the service that has the bucket of a row. */
  originOf(row: PathBytes): string {
    return this.#bucketOf(row).origin;
  }

  /** Nothing is requested: a bucket that is not there is a range that cannot be listed. */
  async root(path: PathBytes): Promise<RootAnswer | null> {
    const { bucket, root } = bucketRoot(path);
    return { type: 'folder', path: root, real: root, device: deviceOf(bucket), inode: 0n };
  }

  async *list({ folder }: Place): AsyncGenerator<ListAnswer> {
    const { device } = this.#bucketOf(folder);
    for await (const { objects } of this.objects(folder, null)) {
      const names = objects.map(({ key }) => nameOfKey(key));
      const types = new Uint8Array(names.length).fill(LISTED_TYPE);
      yield { listing: null, names, types, targets: new Map(), devices: null, device };
    }
  }

  /**
   * List a root, or a range of it up to a key, by the page.
   * Errors  FILE_UNREADABLE, FILE_STALLED: the list ended early; SHUTTING_DOWN.
   */
  async *objects(
    row: PathBytes,
    upTo: PathBytes | null,
  ): AsyncGenerator<{ readonly objects: ListedObject[]; readonly isLast: boolean }> {
    const at = this.#bucketOf(row);
    const { prefix, key: lower } = bucketRow(row);
    const startAfter = lower === '' ? {} : { startAfter: textOfKey(lower) };
    const pages = at.client.pages({ prefix: textOfKey(prefix), ...startAfter });
    let last = lower;
    for (;;) {
      const page = await this.#asked(at, shownRow(row), async () => {
        const { done, value } = await pages.next();
        if (done) return null;
        const listed = value.objects.map(({ key, bytes, etag, modifiedMs }): ListedObject => {
          const fact = { key: pathBytesOf(key), bytes, etag: bareEtag(etag), modifiedMs };
          // One that came before could be one that is passed over, or the start of a list without an end.
          if (fact.key <= last || !fact.key.startsWith(prefix) || fact.etag === '')
            throw new AppError('STORE_FAILED', { why: 'keys that are not in the order of their bytes' });
          last = fact.key;
          return fact;
        });
        return { listed, isLast: value.isLast };
      });
      if (page === null) return;
      const objects = upTo === null ? page.listed : page.listed.filter(({ key }) => key <= upTo);
      const isLast = page.isLast || objects.length < page.listed.length || last === upTo;
      yield { objects, isLast };
      if (isLast) return;
    }
  }

  /** Note what a list said of an object that is inspected next. */
  note(row: PathBytes, { key, ...facts }: ListedObject): void {
    this.#listed.set(objectPath(bucketRow(row).bucket, key), facts);
  }

  /** Return the ETag of an object that was noted; null where there is none. */
  listedEtag(folder: PathBytes, name: PathBytes): string | null {
    return this.#listed.get(this.#objectOf(folder, name).path)?.etag ?? null;
  }

  /** Forget an object that was noted, and is not inspected. */
  passOver(folder: PathBytes, name: PathBytes): void {
    this.#listed.delete(this.#objectOf(folder, name).path);
  }

  look({ folder }: Place, names: readonly PathBytes[], known: readonly (FileIdentity | null)[]): Promise<FileStat[]> {
    return Promise.all(names.map((name, at) => this.#lookAt(this.#objectOf(folder, name), name, known[at]!)));
  }

  async read({ place, name, identity }: InspectedFile, at: number, length: number): Promise<Buffer> {
    const object = this.#objectOf(place.folder, name);
    const facts = await this.#factsNow(object, identity);
    const to = Math.min(at + length, identity.size);
    const bytes = await this.#read(object, facts, at, to);
    // Whole objects are read once.
    if (to - at === identity.size) this.#heads.delete(object.path);
    return bytes;
  }

  async digests({ place, name, identity }: InspectedFile, wanted: readonly DigestAlgorithm[]): Promise<Digests> {
    const object = this.#objectOf(place.folder, name);
    const { etag } = await this.#factsNow(object, identity);
    return this.#asked(object.at, object.path, async () => {
      const body = await object.at.client.get(textOfKey(object.key), { ifMatch: quoted(etag) });
      await requireSize(body, identity.size);
      const digests = new DigestStream(wanted);
      for await (const piece of body.pieces) digests.update(piece);
      return digests.end();
    });
  }

  isDead(device: bigint | null): boolean {
    return device !== null && (this.#stalls.get(device) ?? 0) >= STALLS_MAX;
  }

  /** The decoder process reads no objects. */
  noteStall(): void {}

  /** Connections that are kept for the next request do not keep the process. */
  close(): void {}

  #bucketOf(row: PathBytes): Bucket {
    const { bucket } = bucketRow(row);
    const at = this.#buckets.get(bucket);
    if (!at) throw new AppError('FILE_UNREADABLE', { why: 'of a bucket that is not scanned' });
    return at;
  }

  #objectOf(folder: PathBytes, name: PathBytes): ObjectAt {
    const at = this.#bucketOf(folder);
    const key = keyOfName(name);
    return { at, key, path: objectPath(at.bucket, key) };
  }

  async #lookAt(object: ObjectAt, name: PathBytes, known: FileIdentity | null): Promise<FileStat> {
    const { at, path, key } = object;
    const listed = this.#listed.get(path);
    this.#listed.delete(path);
    let identity = NOTHING;
    const stat = (look: Look, fault: FileFault = 'FILE_UNREADABLE'): FileStat => ({
      look,
      fault,
      identity,
      storedBytes: identity.size,
      links: 1,
    });
    // Written since it was listed: it is looked up, once.
    for (let facts = listed ?? null, tries = 0; ; facts = null) {
      try {
        facts ??= await this.#head(object);
        identity = objectIdentity(at, key, facts);
        if (known !== null && isSameFile(known, identity)) return stat('known');
        this.#facts.set(path, facts);
        if (isArchiveName(name)) return stat('archive');
        if (identity.size === 0) return stat('not_picture');
        const now = facts;
        const file = {
          size: identity.size,
          read: (from: number, length: number) => this.#window(object, now, from, length),
        };
        const kind = await kindOfBytes(file);
        if (kind !== 'image' && !this.parts.readsAll) this.#heads.delete(path);
        return stat(kind === 'image' ? IMAGE_KIND : kind);
      } catch (error) {
        const fault = faultIn(error);
        if (fault === 'FILE_CHANGED' && tries++ === 0) continue;
        return stat(fault === 'FILE_VANISHED' ? 'vanished' : 'unreadable', fault);
      }
    }
  }

  /** Read a part of an object to identify it; its first bytes are kept. */
  async #window(object: ObjectAt, facts: ObjectFacts, from: number, length: number): Promise<Buffer> {
    const to = Math.min(from + length, facts.bytes);
    if (from > 0 || this.#headOf(object, facts) !== null) return this.#read(object, facts, from, to);
    const bytes = await this.#fetch(object, facts, 0, Math.min(HEAD_BYTES, facts.bytes));
    this.#heads.set(object.path, { etag: facts.etag, bytes }, bytes.length);
    return bytes.subarray(0, to);
  }

  #headOf({ path }: ObjectAt, { etag }: ObjectFacts): Buffer | null {
    const head = this.#heads.get(path);
    return head?.etag === etag ? head.bytes : null;
  }

  /** Read a part of an object; what was read to identify it is not read again. */
  async #read(object: ObjectAt, facts: ObjectFacts, from: number, to: number): Promise<Buffer> {
    const head = this.#headOf(object, facts)?.subarray(from, Math.max(from, to)) ?? Buffer.alloc(0);
    if (from + head.length >= to) return head;
    const rest = await this.#fetch(object, facts, from + head.length, to);
    return head.length === 0 ? rest : Buffer.concat([head, rest]);
  }

  #fetch({ at, key, path }: ObjectAt, { etag, bytes: size }: ObjectFacts, from: number, to: number): Promise<Buffer> {
    return this.#asked(at, path, async () => {
      const options = { range: { from, to: to - 1 }, ifMatch: quoted(etag) };
      const body = await at.client.get(textOfKey(key), options);
      await requireSize(body, size);
      const pieces: Buffer[] = [];
      let length = 0;
      for await (const piece of body.pieces) length += pieces.push(piece) > 0 ? piece.length : 0;
      // The service has cut the range.
      if (length !== to - from) throw new AppError('FILE_CHANGED');
      return Buffer.concat(pieces);
    });
  }

  async #head({ at, key, path }: ObjectAt): Promise<ObjectFacts> {
    const facts = await this.#asked(at, path, () => at.client.head(textOfKey(key)));
    return { ...facts, etag: bareEtag(facts.etag) };
  }

  /** Return what an object is now. Errors FILE_CHANGED: it is not the one that was inspected; the faults of a file. */
  async #factsNow(object: ObjectAt, identity: FileIdentity): Promise<ObjectFacts> {
    const isIts = (facts: ObjectFacts) => isSameFile(objectIdentity(object.at, object.key, facts), identity);
    const held = this.#facts.get(object.path);
    if (held && isIts(held)) return held;
    const facts = await this.#head(object);
    if (!isIts(facts)) throw new AppError('FILE_CHANGED');
    this.#facts.set(object.path, facts);
    return facts;
  }

  /** Ask a service, at its pace. Errors: the faults of a file; SHUTTING_DOWN. */
  async #asked<T>({ device, pace }: Bucket, path: PathBytes, request: () => Promise<T>): Promise<T> {
    return pace.run(async () => {
      if (this.isDead(device)) throw new AppError('FILE_STALLED');
      try {
        const answer = await request();
        this.#stalls.delete(device);
        return answer;
      } catch (error) {
        throw this.#faultOf(error, device, path);
      }
    });
  }

  /** Return the fault of a failed request. Errors: `error`, if it is no failure of the service. */
  #faultOf(error: unknown, device: bigint, path: PathBytes): AppError {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'NOT_FOUND') return new AppError('FILE_VANISHED', {}, error);
    if (error.code !== 'STORE_FAILED') return error;
    const why = String(error.details.why);
    if (!this.#reasons.has(why) && this.#reasons.size < REASONS_MAX) {
      this.#reasons.add(why);
      this.parts.onFailure(path, why);
    }
    const isGivenUp = error.cause instanceof PassingFailure;
    if (isGivenUp) this.#stalls.set(device, (this.#stalls.get(device) ?? 0) + 1);
    else this.#stalls.delete(device);
    if (why !== TIMED_OUT) return new AppError('FILE_UNREADABLE', { why }, error);
    this.parts.onStall(path);
    return new AppError('FILE_STALLED', { why }, error);
  }
}

const TIMED_OUT = 'ETIMEDOUT';

/** An ETag stands for one size: another one is a service that errs, and its bytes are not those of the object. */
async function requireSize(
  { bytesInAll, pieces }: { readonly bytesInAll: number; readonly pieces: AsyncIterable<Buffer> },
  size: number,
): Promise<void> {
  if (bytesInAll === size) return;
  // The end of the iteration frees the connection.
  for await (const _ of pieces) break;
  throw new AppError('FILE_CHANGED');
}

function faultIn(error: unknown): FileFault {
  if (error instanceof AppError && error.code.startsWith('FILE_')) return error.code as FileFault;
  throw error;
}
