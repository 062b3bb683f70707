/** Files of a multipart body: the bytes of one within the size limit of images, and the digests of a larger one, as it arrives. */
import type { FastifyRequest } from 'fastify';
import { type ArrivedImage, readImage } from '../check/read-image.js';
import { AppError } from '../core/errors.js';
import { overrunOf } from './counted-body.js';
import { REFERENCE_CHARACTERS_MAX } from './schemas.js';

/** A file that is only digested: the largest that a knob allows to be decoded. A longer one has no digests. */
export const FILE_BYTES_MAX = 1_000_000_000;

/** Codings of a file in multipart that leave its bytes as they are (RFC 2045, 6.2). */
export const PLAIN_ENCODINGS: readonly string[] = ['7bit', '8bit', 'binary'];

export async function readFilePart(
  file: AsyncIterable<Buffer> & { readonly truncated?: boolean },
  imageBytesMax: number,
): Promise<ArrivedImage> {
  const input = await readImage(file, imageBytesMax);
  return 'tooLarge' in input && file.truncated ? { tooLarge: { ...input.tooLarge, digests: {} } } : input;
}

/** Await one step of the multipart parser. Errors REQUEST_INVALID: the body is not multipart, or cut; that of `overrun`. */
export async function parsed<T>(step: Promise<T>, overrun: Promise<never>): Promise<T> {
  try {
    return await Promise.race([step, overrun]);
  } catch (error) {
    // The plugin's own errors have codes; those of its parser do not.
    if (error instanceof AppError || (error as Partial<NodeJS.ErrnoException>).code !== undefined) throw error;
    throw new AppError(
      'REQUEST_INVALID',
      { field: 'body', expected: 'multipart', why: (error as Error).message },
      error,
    );
  }
}

/**
 * Yield the files of a multipart body; one over the size limit with its digests, and without its bytes.
 * Errors  REQUEST_INVALID: fields, which have no meaning, too long names, and faults of the form; MEDIA_TYPE_UNSUPPORTED: a file
 *         is sent as text, whose bytes would be taken for the image.
 */
export async function* filesOf(
  request: FastifyRequest,
  imageBytesMax: number,
): AsyncGenerator<{ name: string; image: ArrivedImage }> {
  const parts = request.parts();
  const overrun = overrunOf(request);
  for (;;) {
    const { value: part, done } = await parsed(parts.next(), overrun);
    if (done) return;
    if (part.type === 'field')
      throw new AppError('REQUEST_INVALID', {
        field: part.fieldname.slice(0, REFERENCE_CHARACTERS_MAX),
        expected: 'files only',
      });
    if ((part.filename ?? '').length > REFERENCE_CHARACTERS_MAX)
      throw new AppError('REQUEST_INVALID', { field: 'filename', charactersMax: REFERENCE_CHARACTERS_MAX });
    if (!PLAIN_ENCODINGS.includes(part.encoding.toLowerCase()))
      throw new AppError('MEDIA_TYPE_UNSUPPORTED', { field: 'content-transfer-encoding', expected: 'binary' });
    yield { name: part.filename ?? '', image: await parsed(readFilePart(part.file, imageBytesMax), overrun) };
  }
}
