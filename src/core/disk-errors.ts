/** Errors of the operating system that mean the same as a failed store: the disk, not the request, is at fault. */
import { AppError } from './errors.js';

/** A disk that is full, over its quota or a file's limit, read-only, or failing. */
const DISK_CODES: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO']);

const isDiskError = (error: unknown): boolean => DISK_CODES.has((error as NodeJS.ErrnoException | undefined)?.code);

/** Return the error as STORE_FAILED where a disk caused it; other errors unchanged. */
export function asStoreFailure(error: unknown): unknown {
  if (!isDiskError(error)) return error;
  return new AppError('STORE_FAILED', { why: (error as NodeJS.ErrnoException).code! }, error);
}
