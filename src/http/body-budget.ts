/**
 * The memory of request bodies, summed over all requests. A request takes its share before its body is read, and returns it
 * when its response has ended and its handler too: a lost connection does not stop a handler, which holds the body. Where the
 * length is unknown, the share grows with the bytes, also with those that were packed.
 */
import { type Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest, RequestPayload, RouteOptions } from 'fastify';
import { AppError } from '../core/errors.js';
import { atEnd } from './at-end.js';

/**
 * A byte of JSON in memory: itself, its text and its values. Measured at the end of `JSON.parse`, in bytes for each byte, at the
 * most values that a body may have (`VALUE_BYTES_MIN`): `[0,0,...]` 3, `[[],[],...]` 4.5, `[{},...]` 6, lists in lists 8.7,
 * `{"a":0},...` 3.6; names of their own for each object `{"k1":0},...` 9.6, with texts 11, with characters of two bytes 11.5.
 * Items of hashes take 4.
 */
const JSON_MEMORY_FACTOR = 12;
/** A streamed body: the pieces that are read ahead, searched and sent, a mebibyte each for lines. */
const STREAM_BYTES = 8_388_608;
/** Memory of a piece of a body beside its bytes: a client may send them one by one. */
const PIECE_BYTES = 256;
/** A request of at most this is small: decisions on cases, queries of some hundred hashes, previews. */
const SMALL_BYTES = 1_048_576;
/** One part in so many is for small requests: slow uploads must not keep a reviewer from working. */
const RESERVED_PARTS = 8;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Bodies of this route, except JSON, are processed in pieces; `image`: one is held, up to the size limit of images. */
    readonly streams?: true | 'image';
  }
  interface FastifyRequest {
    /** Set before the body is read. */
    bodyShare: BodyShare | undefined;
  }
}

export class BodyBudget {
  #taken = 0;
  /** What requests that are not small may take together, and one of them alone. */
  readonly largeBytesMax: number;

  /** `onChange` is called with the bytes that are taken. */
  constructor(
    readonly bytesMax: number,
    readonly onChange: (taken: number) => void = () => {},
  ) {
    this.largeBytesMax = bytesMax - Math.ceil(bytesMax / RESERVED_PARTS);
  }

  get taken(): number {
    return this.#taken;
  }

  /** Take bytes for a request that has `total` with them. Errors BODIES_IN_FLIGHT. */
  take(bytes: number, total: number): void {
    const bytesMax = total <= SMALL_BYTES ? this.bytesMax : this.largeBytesMax;
    if (this.#taken + bytes > bytesMax) throw new AppError('BODIES_IN_FLIGHT', { bytesMax });
    this.#change(bytes);
  }

  release(bytes: number): void {
    this.#change(-bytes);
  }

  #change(bytes: number): void {
    this.#taken += bytes;
    this.onChange(this.#taken);
  }
}

/** The memory that one request has taken. */
export class BodyShare {
  #taken = 0;
  /** The response, and the handler while it runs. */
  #holders = 1;
  readonly #budget: BodyBudget;
  readonly #factor: number;

  /** `factor`: memory for each byte. */
  constructor(budget: BodyBudget, factor = 1) {
    this.#budget = budget;
    this.#factor = factor;
  }

  /** Errors BODY_TOO_LARGE: more than one request may have; BODIES_IN_FLIGHT; REQUEST_TIMEOUT: the request has ended. */
  take(bytes: number): void {
    this.takeMemory(bytes * this.#factor);
  }

  /** Take memory that the body itself does not account for. Errors as `take`. */
  takeMemory(more: number): void {
    this.#requireOpen();
    const total = this.#taken + more;
    const { largeBytesMax } = this.#budget;
    if (total > largeBytesMax)
      throw new AppError('BODY_TOO_LARGE', { field: 'body', bytesMax: Math.floor(largeBytesMax / this.#factor) });
    this.#budget.take(more, total);
    this.#taken = total;
  }

  /** Add a holder. Errors REQUEST_TIMEOUT: the request has ended. */
  hold(): void {
    this.#requireOpen();
    this.#holders++;
  }

  /** Remove a holder; the last one returns the memory. */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    this.#budget.release(this.#taken);
    this.#taken = 0;
  }

  #requireOpen(): void {
    if (this.#holders <= 0) throw new AppError('REQUEST_TIMEOUT');
  }
}

/** Memory of a body: bytes of memory for each of its own, and the most bytes of it that are in memory. */
interface Weight {
  readonly factor: number;
  readonly mostBytes: number;
  /** Whether so much is in memory whatever the length is; `growing`: up to so much of it. */
  readonly isWindow: boolean | 'growing';
}

const mediaTypeOf = ({ headers }: FastifyRequest) =>
  (headers['content-type'] ?? '').split(';', 1).join('').trim().toLowerCase();

function weightOf(request: FastifyRequest, imageBytesMax: number): Weight {
  const type = mediaTypeOf(request);
  const { bodyLimit, config } = request.routeOptions;
  if (config.streams === true && type !== 'application/json')
    return { factor: 1, mostBytes: STREAM_BYTES, isWindow: true };
  // Of several files, one at a time is in memory.
  if (type === 'multipart/form-data') return { factor: 1, mostBytes: imageBytesMax, isWindow: true };
  if (config.streams === 'image') return { factor: 1, mostBytes: imageBytesMax, isWindow: 'growing' };
  // The parser refuses a longer body before it reads it.
  const mostBytes = bodyLimit ?? Infinity;
  return { factor: type === 'application/json' ? JSON_MEMORY_FACTOR : 1, mostBytes, isWindow: false };
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
    const { factor, mostBytes, isWindow } = weightOf(request, imageBytesMax);
    const share = new BodyShare(budget, factor);
    request.bodyShare = share;
    atEnd(reply, () => share.release());
    if (length === undefined && request.headers['transfer-encoding'] === undefined) return payload;
    const isLengthKnown = length !== undefined && encoding === undefined;
    if (!isLengthKnown && !isWindow) return seen(payload, (bytes) => share.take(bytes + PIECE_BYTES));
    if (!isLengthKnown && isWindow === 'growing') {
      let roomBytes = mostBytes;
      return seen(payload, (bytes) => {
        const more = Math.min(bytes, roomBytes);
        roomBytes -= more;
        if (more > 0) share.take(more + PIECE_BYTES);
      });
    }
    share.take(isLengthKnown ? Math.min(Number(length), mostBytes) : mostBytes);
    return payload;
  };
}

/** Process a body, which stays in memory until then. Errors REQUEST_TIMEOUT: the connection is lost; those of `work`. */
export async function holding<T>({ bodyShare }: FastifyRequest, work: () => T | Promise<T>): Promise<T> {
  bodyShare?.hold();
  try {
    return await work();
  } finally {
    bodyShare?.release();
  }
}

/** Make the handler of a route hold the share until it ends; an `onRoute` hook. Handlers of bodies are asynchronous. */
export function holdBody(route: RouteOptions): void {
  if ([route.method].flat().every((method) => method === 'GET' || method === 'HEAD')) return;
  const { handler } = route;
  route.handler = function held(request, reply) {
    return holding(request, () => handler.call(this, request, reply));
  };
}
