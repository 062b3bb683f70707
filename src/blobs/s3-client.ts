/** Objects of one bucket of S3, or of a service like it. Source: Amazon S3 API Reference, version 2006-03-01. */
import { hash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../core/errors.js';
import { partsOf } from '../core/parts.js';
import { PassingFailure, pauseMs } from '../core/retry.js';
import {
  readAnswer,
  S3_LIMITS,
  type S3Ask,
  type S3Limits,
  type S3Place,
  S3Requests,
  type S3Watch,
  s3ConnectionFailure,
  s3Failure,
  timeoutError,
} from './s3-request.js';
import { childText, readS3Xml, type S3Element, xmlText } from './s3-xml.js';

/** S3 takes no more. */
const PARTS_MAX = 10_000;
/** Metadata of an object: which upload it is from. */
const UPLOAD_HEADER = 'x-amz-meta-upload';
/** Pages without a key, one after the other: of a service that skips what was deleted, and not of one without an end. */
const EMPTY_PAGES_MAX = 10_000;
/** Of one body; each begins where the last was cut. A body of a gigabyte that is cut more often will not arrive. */
const RESUMES_MAX = 16;

interface S3Object {
  readonly key: string;
  readonly bytes: number;
  /** As S3 gives it, with its quotes. Of an object that was put at once, and not encrypted by KMS, its MD5. */
  readonly etag: string;
  readonly modifiedMs: number;
}

interface S3Facts {
  /** Of the object. */
  readonly bytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
}

interface S3Body {
  /** Of the object, in a range too. */
  readonly etag: string;
  /** Of the body: of the range, where one was asked for. */
  readonly bytes: number;
  /** Of the object. */
  readonly bytesInAll: number;
  /** Read it once and at once, or end the iteration: it holds a connection. */
  readonly pieces: AsyncIterable<Buffer>;
}

interface S3Range {
  /** First byte, from 0. */
  readonly from: number;
  /** Last byte, inclusive. */
  readonly to: number;
}

interface GetOptions {
  /** The object must have the byte `from`; the body ends with the object. */
  readonly range?: S3Range;
  readonly ifMatch?: string;
}

interface S3Page {
  readonly objects: readonly S3Object[];
  readonly isLast: boolean;
}

interface S3Listing {
  readonly prefix: string;
  /** Only keys after this one. */
  readonly startAfter?: string;
  /** Only keys up to this one, inclusive. */
  readonly upTo?: string;
}

const invalid = (why: string) => new AppError('STORE_FAILED', { why: `the response of S3 is invalid: ${why}` });

export class S3Client {
  readonly #requests: S3Requests;

  constructor(place: S3Place, limits: Partial<S3Limits> = {}, watch: S3Watch = {}) {
    this.#requests = new S3Requests(place, { ...S3_LIMITS, ...limits }, watch);
  }

  /**
   * List keys in the order of their UTF-8 bytes, which "directory buckets" do not have: in these, use no `upTo`.
   * Errors  STORE_FAILED.
   */
  async *list({ upTo, ...listing }: S3Listing): AsyncGenerator<S3Object> {
    const end = upTo === undefined ? null : Buffer.from(upTo);
    for await (const { objects } of this.pages(listing)) {
      for (const object of objects) {
        if (end !== null && Buffer.compare(Buffer.from(object.key), end) > 0) return;
        yield object;
      }
    }
  }

  /** List keys by the page, which the service may leave empty. Errors STORE_FAILED. */
  async *pages({ prefix, startAfter }: Omit<S3Listing, 'upTo'>): AsyncGenerator<S3Page> {
    let next: Record<string, string> = startAfter === undefined ? {} : { 'start-after': startAfter };
    const tokens = new Set<string>();
    let empty = 0;
    for (;;) {
      // Keys may have characters that XML has not.
      const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...next };
      const page = await this.#xml({ method: 'GET', key: null, query }, 'ListBucketResult');
      const isEncoded = childText(page, 'EncodingType') === 'url';
      const objects = page.children
        .filter(({ name }) => name === 'Contents')
        .map((element) => objectOf(element, isEncoded));
      const token = childText(page, 'NextContinuationToken') ?? '';
      // Some services do not say it, or say it in another case: one that continues has a token.
      const isTruncated = (childText(page, 'IsTruncated') ?? '').trim().toLowerCase();
      const isLast = isTruncated === 'false' || (isTruncated === '' && token === '');
      yield { objects, isLast };
      if (isLast) return;
      empty = objects.length > 0 ? 0 : empty + 1;
      // A part of a text keeps the whole text, here that of a page, in memory.
      const mark = hash('sha256', token, 'base64');
      if (token === '' || tokens.has(mark) || empty === EMPTY_PAGES_MAX) throw invalid('a list without an end');
      tokens.add(mark);
      next = { 'continuation-token': token };
    }
  }

  /** Errors NOT_FOUND, STORE_FAILED. */
  async head(key: string): Promise<S3Facts> {
    return this.#requests.send({ method: 'HEAD', key }, (response) => {
      response.resume();
      const modifiedMs = Date.parse(response.headers['last-modified'] ?? '');
      if (Number.isNaN(modifiedMs)) throw invalid('no Last-Modified');
      return { bytes: lengthOf(response), etag: etagOf(response), modifiedMs };
    });
  }

  /**
   * Open an object, or a range of it; a body that is cut is continued where it ended, if the object is the same.
   * Errors  NOT_FOUND; FILE_CHANGED: it has not the ETag `ifMatch`; STORE_FAILED. The iteration: FILE_CHANGED, STORE_FAILED.
   */
  async get(key: string, { range, ifMatch }: GetOptions = {}): Promise<S3Body> {
    const first = await this.#open(key, range, ifMatch);
    const from = range?.from ?? 0;
    return {
      etag: first.etag,
      bytes: first.bytes,
      bytesInAll: first.bytesInAll,
      pieces: this.#continued(key, from, first),
    };
  }

  /** Errors STORE_FAILED: unknown whether it was put. */
  async put(key: string, body: Buffer): Promise<void> {
    await this.#requests.send({ method: 'PUT', key, body }, drain);
  }

  /**
   * Put a body of unknown length: in one request if it is short, else in parts, which become an object at once at their end.
   * Parts of a process that is killed stay in the bucket, where only a rule of its lifecycle ends them.
   * Errors  those of `pieces`: nothing was put. STORE_FAILED: unknown whether it was.
   */
  async putPieces(key: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const { partBytes } = this.#requests.limits;
    const mark = randomUUID();
    const etags: string[] = [];
    let id: string | null = null;
    try {
      for await (const part of partsOf(pieces, partBytes)) {
        if (id === null && part.length < partBytes) return await this.put(key, part);
        id ??= await this.#createUpload(key, mark);
        etags.push(await this.#putPart(key, id, etags.length + 1, part));
      }
      if (id === null) return await this.put(key, Buffer.alloc(0));
      await this.#completeUpload(key, id, etags).catch((error) => this.#passIfCompleted(key, mark, error));
    } catch (error) {
      // The failure above is the one to report.
      if (id !== null) await this.#abortUpload(key, id).catch(() => {});
      throw error;
    }
  }

  /** A missing object is no error. Errors STORE_FAILED. */
  async delete(key: string): Promise<void> {
    await this.#requests.send({ method: 'DELETE', key }, drain).catch((error) => {
      if (!(error instanceof AppError && error.code === 'NOT_FOUND')) throw error;
    });
  }

  async #createUpload(key: string, mark: string): Promise<string> {
    const ask: S3Ask = { method: 'POST', key, query: { uploads: '' }, headers: { [UPLOAD_HEADER]: mark } };
    const id = childText(await this.#xml(ask, 'InitiateMultipartUploadResult'), 'UploadId');
    if (!id) throw invalid('an upload without an id');
    return id;
  }

  async #putPart(key: string, uploadId: string, part: number, body: Buffer): Promise<string> {
    if (part > PARTS_MAX)
      throw new AppError('BODY_TOO_LARGE', { bytesMax: PARTS_MAX * this.#requests.limits.partBytes });
    return this.#requests.send(
      { method: 'PUT', key, query: { partNumber: String(part), uploadId }, body },
      async (response) => {
        await drain(response);
        return etagOf(response);
      },
    );
  }

  async #completeUpload(key: string, uploadId: string, etags: readonly string[]): Promise<void> {
    const parts = etags.map(
      (etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${xmlText(etag)}</ETag></Part>`,
    );
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    await this.#xml({ method: 'POST', key, query: { uploadId }, body }, 'CompleteMultipartUploadResult');
  }

  /** If the response was lost and the upload is complete, it is unknown now. Errors: `failure`, if the object is not its. */
  async #passIfCompleted(key: string, mark: string, failure: unknown): Promise<void> {
    if (!(failure instanceof AppError && failure.details.why === 'NoSuchUpload')) throw failure;
    const found = this.#requests.send({ method: 'HEAD', key }, (response) => {
      response.resume();
      return response.headers[UPLOAD_HEADER] === mark;
    });
    const isIts = await found.catch(() => false);
    if (!isIts) throw failure;
  }

  async #abortUpload(key: string, uploadId: string): Promise<void> {
    await this.#requests.send({ method: 'DELETE', key, query: { uploadId } }, drain);
  }

  /** Return the root of the response. A response of status 200 can be that of a failure. */
  #xml(ask: S3Ask, name: string): Promise<S3Element> {
    return this.#requests.send(ask, async (response) => {
      const root = readS3Xml(await readAnswer(response));
      if (root.name === 'Error') throw s3Failure(childText(root, 'Code') ?? '?', 200);
      if (root.name !== name) throw invalid(`no ${name}`);
      return root;
    });
  }

  async #open(key: string, range: S3Range | undefined, ifMatch: string | undefined): Promise<OpenBody> {
    const headers: Record<string, string> = {
      ...(range === undefined ? {} : { range: `bytes=${range.from}-${range.to}` }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    };
    return this.#requests.send({ method: 'GET', key, headers }, (response) => {
      const etag = etagOf(response);
      // Not every service knows the condition.
      if (ifMatch !== undefined && etag !== ifMatch) throw new AppError('FILE_CHANGED', { why: 'another ETag' });
      const bytes = lengthOf(response);
      const bytesInAll = range === undefined ? bytes : requireRange(response, range, bytes);
      // The reader may be slow; the time is measured where it waits.
      response.socket.setTimeout(0);
      return { etag, bytes, bytesInAll, response };
    });
  }

  async *#continued(key: string, from: number, first: OpenBody): AsyncGenerator<Buffer> {
    const to = from + first.bytes - 1;
    const { idleMs, firstPauseMs } = this.#requests.limits;
    let { response } = first;
    let read = 0;
    for (let resumes = 0; ; resumes++) {
      try {
        for await (const piece of unhurried(response, idleMs)) {
          read += piece.length;
          yield piece;
        }
        if (read !== first.bytes) throw invalid(`${read} bytes of ${first.bytes}`);
        return;
      } catch (error) {
        if (!(error instanceof PassingFailure)) throw error;
        if (read === first.bytes) return;
        if (resumes === RESUMES_MAX) throw new AppError('STORE_FAILED', { why: error.message }, error);
        await delay(pauseMs(1, { firstMs: firstPauseMs, maxMs: firstPauseMs }));
      }
      ({ response } = await this.#open(key, { from: from + read, to }, first.etag));
    }
  }
}

interface OpenBody {
  readonly etag: string;
  readonly bytes: number;
  readonly bytesInAll: number;
  readonly response: IncomingMessage;
}

const drain = async (response: IncomingMessage): Promise<void> => {
  await readAnswer(response);
};

/** Read a body, each piece within a time; the time of the reader does not count. Errors PassingFailure, STORE_FAILED. */
async function* unhurried(response: IncomingMessage, idleMs: number): AsyncGenerator<Buffer> {
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const timer = setTimeout(() => response.destroy(timeoutError()), idleMs);
      const { done, value } = await pieces
        .next()
        .catch((error) => {
          throw s3ConnectionFailure(error);
        })
        .finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    response.destroy();
  }
}

function etagOf({ headers }: IncomingMessage): string {
  if (!headers.etag) throw invalid('no ETag');
  return headers.etag;
}

function lengthOf({ headers }: IncomingMessage): number {
  const length = headers['content-length'];
  if (length === undefined) throw invalid('no Content-Length');
  return Number(length);
}

/** Return the size of the object. A service that does not know ranges sends the whole object. */
function requireRange(response: IncomingMessage, range: S3Range, bytes: number): number {
  const [, from, to, all] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers['content-range'] ?? '') ?? [];
  if (response.statusCode !== 206 || Number(from) !== range.from || Number(to) > range.to)
    throw invalid('another range');
  if (Number(to) - Number(from) + 1 !== bytes) throw invalid('a range of another length');
  return Number(all);
}

/** Percent-encoded, with `+` for a space. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalid('a key that is not encoded');
  }
}

function objectOf(element: S3Element, isEncoded: boolean): S3Object {
  const key = childText(element, 'Key');
  const size = childText(element, 'Size') ?? '';
  const modifiedMs = Date.parse(childText(element, 'LastModified') ?? '');
  if (key === null || !/^\d{1,15}$/.test(size) || Number.isNaN(modifiedMs)) throw invalid('an object without facts');
  return {
    key: isEncoded ? decodeKey(key) : key,
    bytes: Number(size),
    etag: childText(element, 'ETag') ?? '',
    modifiedMs,
  };
}
