/**
 * `Idempotency-Key`: a request that is repeated with the same key counts once, and is answered again. All its answers are
 * recorded together, so those of a stream are held back until the last one is complete.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { Recording } from '../check/recorder.js';
import { AppError } from '../core/errors.js';
import type { Service } from '../service/service.js';

/** Longest Idempotency-Key that is kept: a UUID has 36 characters. */
const IDEMPOTENCY_KEY_CHARS_MAX = 255;
/** With an Idempotency-Key a streamed answer is held in memory until all of it is recorded. */
const IDEMPOTENT_ANSWER_CHARS_MAX = 67_108_864;

/** Declared by each route that keeps the key; all others refuse it. */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'A request that is repeated with the same key counts once, and is answered again.' }),
  ),
});

export interface KeyedRequest {
  readonly recording: Recording;
  /** Add the request's body, or the next part of it, to the fingerprint of the request. */
  sawBody(bytes: Uint8Array | string): void;
  /** Count a part of an answer that is held in memory. Errors BODIES_IN_FLIGHT. */
  held(chars: number): void;
}

/** Return null without the header. Errors REQUEST_INVALID: a key that is empty, too long or not printable ASCII. */
export function keyedRequest(request: FastifyRequest, service: Service): KeyedRequest | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key) || key.length > IDEMPOTENCY_KEY_CHARS_MAX) {
    throw new AppError('REQUEST_INVALID', {
      field: 'idempotency-key',
      expected: `1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable characters without spaces`,
    });
  }
  const seen = createHash('sha256').update(JSON.stringify([request.method, request.url]));
  return {
    recording: service.openRecording(request.caller.tenant, () => ({ key, fingerprint: seen.digest('hex') })),
    sawBody: (bytes) => void seen.update(bytes),
    held: (chars) => request.bodyShare?.take(chars),
  };
}

/** Pass the body through, and add it to the fingerprint. */
export function watched(body: Readable, keyed: KeyedRequest | null): Readable {
  if (!keyed) return body;
  return Readable.from(
    (async function* () {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        keyed.sawBody(chunk);
        yield chunk;
      }
    })(),
    { objectMode: false },
  );
}

/** Stream an answer; with a key it is complete and recorded before its first character is sent. Errors BODY_TOO_LARGE. */
export async function* answered(parts: AsyncIterable<string>, keyed: KeyedRequest | null): AsyncGenerator<string> {
  if (!keyed) return yield* parts;
  const held: string[] = [];
  let chars = 0;
  for await (const part of parts) {
    held.push(part);
    chars += part.length;
    keyed.held(part.length);
    if (chars > IDEMPOTENT_ANSWER_CHARS_MAX) {
      throw new AppError('BODY_TOO_LARGE', {
        why: 'answer too long for an Idempotency-Key',
        charsMax: IDEMPOTENT_ANSWER_CHARS_MAX,
      });
    }
  }
  await keyed.recording.commit();
  yield* held;
}
