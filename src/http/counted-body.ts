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
  // The parser of multipart reads the connection itself: its files are counted one by one (`routes/check.ts`).
  if (/^multipart\/form-data/i.test(headers['content-type'] ?? '')) return payload;
  return seen(payload, (bytes) => caller.gate.takeBytes(bytes));
}
