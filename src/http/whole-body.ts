/** A body that is one file, read whole; in place of Fastify's own way, which joins the pieces in memory that V8 counts. */
import { errorCodes, type FastifyRequest, type RequestPayload } from 'fastify';
import { joinUncounted } from '../core/uncounted.js';

/**
 * Errors, of Fastify: FST_ERR_CTP_BODY_TOO_LARGE, before anything is read where the length is stated; FST_ERR_CTP_INVALID_CONTENT_LENGTH: it
 * ended before; those of the connection. What is left of the body then is not kept.
 */
export function wholeBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  payload: RequestPayload,
  bytesMax: number,
): Promise<Buffer> {
  const stated = headers['content-length'] === undefined ? null : Number(headers['content-length']);
  return new Promise((resolve, reject) => {
    if (stated !== null && stated > bytesMax) return reject(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    const pieces: Buffer[] = [];
    let bytes = 0;
    const fail = (error: Error) => {
      payload.off('data', take).off('end', end).off('error', fail);
      reject(error);
    };
    const take = (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > bytesMax) fail(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
      else pieces.push(piece);
    };
    const end = () => {
      if (stated !== null && bytes !== stated) fail(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH());
      else resolve(joinUncounted(pieces));
    };
    payload.on('data', take).on('end', end).on('error', fail);
    payload.resume();
  });
}
