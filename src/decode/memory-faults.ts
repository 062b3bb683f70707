/** Errors that say nothing of an image but that there was no memory for it. */
import { AppError } from '../core/errors.js';

/** Messages of V8 and of libvips, whose errors have no codes. */
const MESSAGE = /out of memory|array buffer allocation failed|unable to grow instance memory|cannot allocate memory/i;

/** Return whether a decoder, or what hashes its pixels, failed for lack of memory. */
export function lacksMemory(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return cause instanceof Error && MESSAGE.test(cause.message);
}
