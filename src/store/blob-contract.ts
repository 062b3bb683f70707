/**
 * Whole bodies of bytes that processes on several machines share beside the database: bodies of imports, sealed index files.
 * A name belongs to its writers: which one of two that put at the same time is kept is not defined, a mixture never is.
 */
import { AppError } from '../core/errors.js';

/** A blob's name is that of a file too, with more behind it while it is written: names of files have 255 bytes at most. */
const BLOB_NAME_CHARACTERS_MAX = 160;
/** 10,000 parts of 16 MiB, as many as S3 takes, less a kilobyte for the sum; a hash costs an index some 40 bytes. */
export const BLOB_BYTES_MAX = 167_772_159_000;

/** Begins the names of index files: derived from rows, they may be lost at any time. */
export const INDEX_FOLDER = 'index/';

export interface BlobWritten {
  /** Bytes of the body. */
  readonly bytes: number;
  /** Of the body, in hexadecimal. */
  readonly sha256: string;
}

export interface BlobInfo {
  readonly name: string;
  /** Bytes of the body. */
  readonly bytes: number;
  /** By the clock of the place. */
  readonly modifiedMs: number;
}

export interface BlobStore {
  /**
   * Write a blob, or replace it. Readers see all of it or none, also if the process is killed in between.
   * Errors  those of `bytes`, and BODY_TOO_LARGE: an earlier blob stays. STORE_FAILED: an earlier blob stays, or the new one
   * is there whole: the response to the last step may have been lost. REQUEST_INVALID.
   */
  put(name: string, bytes: AsyncIterable<Uint8Array>): Promise<BlobWritten>;
  /**
   * Open a blob; read it once and at once, or end the iteration. A blob that is replaced meanwhile is read to its end or fails.
   * Errors NOT_FOUND; STORE_FAILED, REQUEST_INVALID. The iteration: STORE_FAILED, also in place of its end where the body is
   * damaged or cut. Do not use a part of it before the end.
   */
  get(name: string): Promise<AsyncIterable<Buffer>>;
  /** A missing blob is no error. Errors STORE_FAILED, REQUEST_INVALID. */
  remove(name: string): Promise<void>;
  /**
   * List the blobs below `folder`, such as `jobs/`, or all of them for ``; in no order. One that is put or removed meanwhile
   * may be in it. Other files of the place are passed over. Errors STORE_FAILED, REQUEST_INVALID.
   */
  list(folder: string): AsyncIterable<BlobInfo>;
}

const PART = /^(?!\.\.?$)[A-Za-z0-9._-]+$/;

/** Names are parts of letters, digits, `.`, `_` and `-`, joined by `/`; no part is `.` or `..`. */
export const isBlobName = (name: string): boolean =>
  name.length <= BLOB_NAME_CHARACTERS_MAX && name.split('/').every((part) => PART.test(part));

/** Errors REQUEST_INVALID. */
export function requireBlobName(name: string): void {
  if (!isBlobName(name)) throw new AppError('REQUEST_INVALID', { field: 'name', expected: 'the name of a blob' });
}

/** Errors REQUEST_INVALID. */
export function requireBlobFolder(folder: string): void {
  if (folder !== '' && !(folder.endsWith('/') && isBlobName(folder.slice(0, -1))))
    throw new AppError('REQUEST_INVALID', {
      field: 'folder',
      expected: 'names joined by slashes, with one at the end',
    });
}
