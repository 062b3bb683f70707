/** Errors as RFC 9457 problem documents, with a code from the one error table. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
/** A decoder restarts in a quarter of a second, and a queue drains in less. */
const RETRY_AFTER_S = 1;

/** Our error codes for those of Fastify and its plugins. */
const FOREIGN: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'REQUEST_INVALID',
  FST_ERR_VALIDATION: 'REQUEST_INVALID',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BODY_EMPTY',
  FST_ERR_CTP_INVALID_JSON_BODY: 'REQUEST_INVALID',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'REQUEST_INVALID',
  FST_REQ_FILE_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_FILES_LIMIT: 'TOO_MANY_ITEMS',
  FST_PARTS_LIMIT: 'TOO_MANY_ITEMS',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
};

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code = '', message = '' } = error as Partial<FastifyError>;
  const known = FOREIGN[code];
  if (known) return new AppError(known, { why: message }, error);
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return new AppError('REQUEST_TIMEOUT', {}, error);
  return new AppError('INTERNAL', {}, error);
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = toAppError(thrown);
  const { http, retry, says } = ERRORS[error.code];
  if (http >= 500 && !retry) request.log.error({ err: thrown, code: error.code }, 'request failed');
  else if (error.code === 'INTERNAL') request.log.error({ err: thrown }, 'request failed');
  if (retry) reply.header('retry-after', String(error.details.retryAfterSeconds ?? RETRY_AFTER_S));
  // Details name fields and limits; the cause of an internal failure is for the log alone.
  const details = http >= 500 ? {} : error.details;
  return reply
    .code(http)
    .type(PROBLEM_TYPE)
    .send({
      type: `about:blank#${error.code}`,
      title: says,
      status: http,
      code: error.code,
      details,
      requestId: request.id,
    });
}
