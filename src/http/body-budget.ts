/**
 * The memory of request bodies, summed over all requests. A request takes its share before its body is read, and returns it
 * when its response has ended. Where the length is unknown, the share grows with the bytes, also with those that were packed.
 */
import { type Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest, RequestPayload } from 'fastify';
import { AppError } from '../core/errors.js';

/** A byte of JSON in memory, with its text, its values, the answers and their text: measured 6 to 7 for a batch of hashes. */
const JSON_MEMORY_FACTOR = 7;
/** A streamed body: the pieces that are read ahead, searched and sent, a mebibyte each for lines. */
const STREAM_BYTES = 8_388_608;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Bodies of this route, except JSON, are processed in pieces. */
    readonly streams?: true;
  }
  interface FastifyRequest {
    /** Set before the body is read. */
    bodyShare: BodyShare | undefined;
  }
}

/** The bytes that one request has taken. */
export class BodyShare {
  #bytes = 0;
  readonly #budget: BodyBudget;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /** Errors BODIES_IN_FLIGHT. */
  take(bytes: number): void {
    this.#budget.take(bytes);
    this.#bytes += bytes;
  }

  release(): void {
    this.#budget.release(this.#bytes);
    this.#bytes = 0;
  }
}

export class BodyBudget {
  #taken = 0;

  constructor(readonly bytesMax: number) {}

  get taken(): number {
    return this.#taken;
  }

  /** Errors BODIES_IN_FLIGHT. */
  take(bytes: number): void {
    if (this.#taken + bytes > this.bytesMax) throw new AppError('BODIES_IN_FLIGHT', { bytesMax: this.bytesMax });
    this.#taken += bytes;
  }

  release(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** Memory of a body: bytes of memory for each of its own, and its most. */
interface Weight {
  readonly factor: number;
  readonly mostBytes: number;
}

const mediaTypeOf = ({ headers }: FastifyRequest) =>
  (headers['content-type'] ?? '').split(';', 1).join('').trim().toLowerCase();

function weightOf(request: FastifyRequest, imageBytesMax: number): Weight {
  const type = mediaTypeOf(request);
  const { streams } = request.routeOptions.config;
  if (streams && type !== 'application/json') return { factor: 1, mostBytes: STREAM_BYTES };
  // Of several files, one at a time is in memory.
  if (type === 'multipart/form-data') return { factor: 1, mostBytes: imageBytesMax };
  return { factor: type === 'application/json' ? JSON_MEMORY_FACTOR : 1, mostBytes: Infinity };
}

/** Pass the bytes on, after `see` has seen them; its error fails the stream, and the rest of the body is discarded. */
export function seen(payload: RequestPayload, see: (bytes: number) => void): Readable & RequestPayload {
  const passing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        see(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  // Fastify compares the packed length with Content-Length.
  Object.defineProperty(passing, 'receivedEncodedLength', { get: () => payload.receivedEncodedLength });
  // Unread, the rest of the body would block the answer.
  passing.once('error', () => payload.resume());
  payload.once('error', (error) => passing.destroy(error));
  payload.once('aborted', () => passing.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
  return payload.pipe(passing) as unknown as Readable & RequestPayload;
}

/** Make the hook that takes a request's share, the last before parsing. Errors BODY_TOO_LARGE, BODIES_IN_FLIGHT. */
export function createBodyHook(budget: BodyBudget, imageBytesMax: number) {
  return async (request: FastifyRequest, reply: FastifyReply, payload: RequestPayload): Promise<RequestPayload> => {
    const { 'content-length': length, 'content-encoding': encoding } = request.headers;
    const share = new BodyShare(budget);
    request.bodyShare = share;
    // 'close' follows every end of a request.
    reply.raw.once('close', () => share.release());
    const { factor, mostBytes } = weightOf(request, imageBytesMax);
    const takeAll = (bytes: number): RequestPayload => {
      if (bytes * factor > budget.bytesMax)
        throw new AppError('BODY_TOO_LARGE', { bytes, bytesMax: Math.floor(budget.bytesMax / factor) });
      share.take(bytes * factor);
      return payload;
    };
    if (length !== undefined && encoding === undefined) return takeAll(Math.min(Number(length), mostBytes));
    const hasBody = length !== undefined || request.headers['transfer-encoding'] !== undefined;
    if (!hasBody) return payload;
    if (mostBytes < Infinity) return takeAll(mostBytes);
    return seen(payload, (bytes) => share.take(bytes * factor));
  };
}
