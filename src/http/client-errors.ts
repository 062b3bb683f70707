/**
 * Faults of a connection that reach no route: what is no HTTP, too long headers, a request that is not complete in time. They
 * are answered with a problem document, unless an answer has begun: the document would be read as a part of it. A connection
 * whose client reads nothing of its answer is closed: it would hold the answer for ever.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../core/errors.js';
import { newId } from '../core/new-id.js';
import { documentOf, PROBLEM_TYPE } from './problem.js';

/** Responses of each connection that have not ended; several where requests are pipelined. */
const open = new WeakMap<Socket, Set<ServerResponse>>();

/** Make the hook that notes each response, the first of all. `stallMsMax`: time in which a client must read a part of its answer. */
export function createResponseHook(stallMsMax: number) {
  return async ({ raw: { socket } }: FastifyRequest, { raw }: FastifyReply): Promise<void> => {
    const responses = open.get(socket) ?? new Set();
    open.set(socket, responses.add(raw));
    raw.once('close', () => responses.delete(raw));
    socket.setTimeout(stallMsMax);
    // A connection is idle too while its handler works, or its body does not arrive: that has a timeout of its own.
    raw.on('timeout', () => void (socket.writableLength > 0 && socket.destroy()));
  };
}

function faultOf(code: string | undefined): AppError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new AppError('REQUEST_TIMEOUT');
  const [field, expected] = code === 'HPE_HEADER_OVERFLOW' ? ['headers', 'fewer bytes'] : ['request', 'HTTP/1.1'];
  return new AppError('REQUEST_INVALID', { field, expected });
}

/** Answer a fault of a connection where that is possible, and close it. */
export function onClientError({ code }: NodeJS.ErrnoException, socket: Socket): void {
  const hasBegun = [...(open.get(socket) ?? [])].some(({ headersSent }) => headersSent);
  if (socket.writable && !hasBegun) {
    const document = documentOf(faultOf(code), newId());
    const text = JSON.stringify(document);
    socket.write(
      `HTTP/1.1 ${document.status} \r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
  }
  socket.destroy();
}
