/** The end of a request: its answer was sent, or its connection was lost. */
import type { FastifyReply } from 'fastify';

/** Call `end` once, at the end of the request; at once where the connection was lost before: 'close' is not emitted again. */
export function atEnd({ raw }: FastifyReply, end: () => void): void {
  if (raw.closed) end();
  else raw.once('close', end);
}
