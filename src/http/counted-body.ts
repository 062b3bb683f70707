/** Byte count of a body without Content-Length, as it arrives; a stated length was taken from the quota before. */
import type { FastifyReply, FastifyRequest, RequestPayload } from 'fastify';
import { seen } from './body-budget.js';

/** Count the body's bytes; a hook before parsing. The stream fails with QUOTA_EXCEEDED. */
export async function countedBody(
  request: FastifyRequest,
  _reply: FastifyReply,
  payload: RequestPayload,
): Promise<RequestPayload> {
  const { caller, headers } = request;
  // Fastify has decorated the request, but no hook has set a caller where a route needs no key.
  if (!caller || headers['transfer-encoding'] === undefined || caller.scopes.size === 0) return payload;
  // The parser of multipart reads the connection itself: `overrunOf` counts.
  if (/^multipart\/form-data/i.test(headers['content-type'] ?? '')) return payload;
  return seen(payload, (bytes) => caller.gate.takeBytes(bytes));
}

/**
 * Count all bytes of a multipart body, also those outside of files; called as its parser begins to read.
 * Result: rejects with QUOTA_EXCEEDED, and never resolves.
 */
export function overrunOf({ caller, headers, raw }: FastifyRequest): Promise<never> {
  const overrun = new Promise<never>((_resolve, reject) => {
    if (headers['transfer-encoding'] === undefined) return;
    raw.on('data', (chunk: Buffer) => {
      try {
        caller.gate.takeBytes(chunk.length);
      } catch (error) {
        reject(error as Error);
      }
    });
  });
  // Between two steps of the parser, which await it.
  overrun.catch(() => {});
  return overrun;
}
