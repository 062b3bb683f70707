/** Errors as RFC 9457 problem documents, with a code from the one error table. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError, ERRORS, type ErrorCode, type ErrorDetails } from '../core/errors.js';
import { detailsOf, type Fault } from './schema-faults.js';
import { withoutKeys } from './shown-path.js';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
/** A decoder restarts in a quarter of a second, and a queue drains in less. */
const RETRY_AFTER_S = 1;

/** Our error codes for those of Fastify and its plugins, and the part of the request at fault. */
const FOREIGN: Readonly<Record<string, readonly [ErrorCode, field?: string]>> = {
  FST_ERR_BAD_URL: ['REQUEST_INVALID', 'path'],
  FST_ERR_MAX_PARAM_LENGTH: ['REQUEST_INVALID', 'path'],
  FST_ERR_VALIDATION: ['REQUEST_INVALID'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'body'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['MEDIA_TYPE_UNSUPPORTED', 'content-type'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['BODY_EMPTY', 'body'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['REQUEST_INVALID', 'body'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['REQUEST_INVALID', 'content-length'],
  FST_FILES_LIMIT: ['TOO_MANY_ITEMS', 'body'],
  FST_PARTS_LIMIT: ['TOO_MANY_ITEMS', 'body'],
  FST_FIELDS_LIMIT: ['REQUEST_INVALID', 'body'],
  FST_PROTO_VIOLATION: ['REQUEST_INVALID', 'body'],
  FST_INVALID_JSON_FIELD_ERROR: ['REQUEST_INVALID', 'body'],
  FST_MP_PREMATURE_CLOSE: ['REQUEST_INVALID', 'body'],
  FST_INVALID_MULTIPART_CONTENT_TYPE: ['MEDIA_TYPE_UNSUPPORTED', 'content-type'],
};

/** The types of bodies that a route reads, as it declares them. */
function typesOf({ schema }: FastifyRequest['routeOptions']): string {
  const { consumes, body } = (schema ?? {}) as { consumes?: string[]; body?: { content?: object } };
  const types = consumes ?? Object.keys(body?.content ?? {});
  if (types.length > 0) return `Content-Type: ${types.join(', or ')}`;
  return body === undefined ? 'no body' : 'Content-Type: application/json';
}

/** What an error of Fastify says in the words of this service. */
function detailsFor(
  request: FastifyRequest,
  { code, message, validation, validationContext }: Partial<FastifyError>,
  field: string | undefined,
): ErrorDetails {
  if (validation) return detailsOf(validation as readonly Fault[], WHOLE[validationContext ?? ''] ?? 'body');
  if (field !== 'content-type')
    return { ...(field === undefined ? {} : { field }), why: withoutKeys(message ?? code ?? '') };
  return {
    field,
    got: (request.headers['content-type'] ?? 'nothing').slice(0, 200),
    expected: typesOf(request.routeOptions),
  };
}

/** Parts of a request in errors, by their names in Fastify. */
const WHOLE: Readonly<Record<string, string>> = { querystring: 'query', params: 'path', headers: 'headers' };

function toAppError(request: FastifyRequest, thrown: unknown): AppError {
  const error = asStoreFailure(thrown);
  if (error instanceof AppError) return error;
  const { code = '' } = error as Partial<FastifyError>;
  const known = FOREIGN[code];
  if (known) return new AppError(known[0], detailsFor(request, error as FastifyError, known[1]), error);
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return new AppError('REQUEST_TIMEOUT', {}, error);
  return new AppError('INTERNAL', {}, error);
}

/** Return the error that a request is answered with, and log a fault of this service. */
export function problemOf(request: FastifyRequest, thrown: unknown): AppError {
  const error = toAppError(request, thrown);
  const { http, retry } = ERRORS[error.code];
  if (http >= 500 && !retry) request.log.error({ err: thrown, code: error.code }, 'request failed');
  else if (error.code === 'INTERNAL' || (error !== thrown && http >= 500))
    request.log.error({ err: thrown, code: error.code }, 'request failed');
  return error;
}

/** Return the problem document of an error. */
export function documentOf({ code, details }: AppError, requestId: string) {
  const { http: status, says: title } = ERRORS[code];
  // Details name fields and limits; the cause of an internal failure is for the log alone.
  return { type: `about:blank#${code}`, title, status, code, details: status >= 500 ? {} : details, requestId };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = problemOf(request, thrown);
  const { http, retry } = ERRORS[error.code];
  if (retry) reply.header('retry-after', String(error.details.retryAfterSeconds ?? RETRY_AFTER_S));
  if (http === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(http).type(PROBLEM_TYPE).send(documentOf(error, request.id));
}
