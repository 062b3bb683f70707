/** Byte count of a body without Content-Length, as it arrives; a stated length was taken from the quota before. */
import { type Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Count the body's bytes; a hook before parsing. The stream fails with QUOTA_EXCEEDED. */
export async function countedBody(request: FastifyRequest, _reply: FastifyReply, payload: Readable): Promise<Readable> {
  const { caller, headers } = request;
  // Fastify has decorated the request, but no hook has set a caller where a route needs no key.
  if (!caller || headers['transfer-encoding'] === undefined || caller.scopes.size === 0) return payload;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        caller.gate.takeBytes(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  // The rest of the body after a refusal is discarded: unread, it would block the answer.
  counted.once('error', () => payload.resume());
  payload.once('error', (error) => counted.destroy(error));
  payload.once('aborted', () => counted.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
  return payload.pipe(counted);
}
