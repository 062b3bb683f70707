/**
 * Failures of the interface of HMA, in the forms that its clients read: `{"message"}`; of look-ups as plain text where they must not be
 * taken for an answer. policyserv reads each key of a JSON object as the name of a bank, whatever the status, and an unknown bank is one that is not enabled.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AppError, ERRORS, type ErrorCode } from '../../core/errors.js';
import { problemOf } from '../problem.js';

/** A refusal in HMA's own words. */
export class HmaRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Statuses that clients of HMA know, where this service's own is another. */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  URL_REFUSED: 400,
  URL_FAILED: 400,
  LIST_NOT_FOUND: 503,
};
/** What HMA says itself. */
const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  KEY_MISSING: 'Authentication required',
  KEY_INVALID: 'Authentication required',
  URL_REFUSED: 'Invalid or unsafe URL provided',
};
/** A decoder restarts in a quarter of a second, and a queue drains in less. */
const RETRY_AFTER_S = 1;

function messageOf({ code, details }: AppError): string {
  const said = MESSAGES[code];
  if (said !== undefined) return said;
  const { says, http } = ERRORS[code];
  const facts = http >= 500 ? [] : [details.field, details.why, details.expected].filter((fact) => fact !== undefined);
  return facts.length === 0 ? says : `${says} (${facts.join(': ')})`;
}

/** Return whether the answer is one of those that clients look for banks in. */
const isLookup = ({ routeOptions, url }: FastifyRequest) =>
  /\/m\/+lookup\/*$/i.test(routeOptions.url ?? url.split(/[?#]/, 1)[0]!);

export function sendFault(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  if (thrown instanceof HmaRefusal) return send(request, reply, thrown.status, thrown.message);
  const error = problemOf(request, thrown);
  const { http, retry } = ERRORS[error.code];
  const status = STATUSES[error.code] ?? http;
  if (retry) reply.header('retry-after', String(error.details.retryAfterSeconds ?? RETRY_AFTER_S));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return send(request, reply, status, messageOf(error));
}

function send(request: FastifyRequest, reply: FastifyReply, status: number, message: string): FastifyReply {
  reply.code(status);
  const isText = status === 401 || (isLookup(request) && status !== 400 && status !== 404);
  if (isText) return reply.type('text/plain; charset=utf-8').send(message);
  return reply.type('application/json').send(JSON.stringify({ message }));
}
