/** Bytes of a body whose length was not told are counted as they come; those of a told length were taken before. */
import { type Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A hook before parsing. The stream breaks off with QUOTA_EXCEEDED. */
export async function countedBody(request: FastifyRequest, _reply: FastifyReply, payload: Readable): Promise<Readable> {
  const { caller, headers } = request;
  // Fastify has decorated the request, but no hook has said who asks, where a route needs no key.
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
  // Nobody reads what comes after a refusal, but it must not stand in the way of the answer.
  counted.once('error', () => payload.resume());
  payload.once('error', (error) => counted.destroy(error));
  payload.once('aborted', () => counted.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
  return payload.pipe(counted);
}
