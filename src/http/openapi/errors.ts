/** The errors of a route, as answers of the document: those that follow from its key, its limits and its body, and its own. */
import { AppError, ERRORS, type ErrorCode } from '../../core/errors.js';
import { documentOf } from '../problem.js';
import type { Operation } from './operations/operation.js';
import type { Answer } from './shapes.js';

const ALWAYS: readonly ErrorCode[] = ['REQUEST_INVALID', 'MEDIA_TYPE_UNSUPPORTED', 'INTERNAL'];
/** While no key exists. Probes are answered by any name. */
const OWN_SITE: readonly ErrorCode[] = ['HOST_NOT_ALLOWED', 'ORIGIN_NOT_ALLOWED'];
const KEYED: readonly ErrorCode[] = ['KEY_MISSING', 'KEY_INVALID', 'SCOPE_MISSING', 'STORE_FAILED'];
const LIMITED: readonly ErrorCode[] = ['TOO_MANY_CONCURRENT', 'QUOTA_EXCEEDED'];
const WITH_BODY: readonly ErrorCode[] = ['REQUEST_TIMEOUT', 'BODY_TOO_LARGE', 'BODIES_IN_FLIGHT'];

interface Route {
  readonly operation: Operation;
  readonly scope: string | undefined;
  readonly hasBody: boolean;
}

function codesOf({ operation, scope, hasBody }: Route): readonly ErrorCode[] {
  return [
    ...ALWAYS,
    ...(operation.isProbe ? [] : OWN_SITE),
    ...(scope === undefined ? [] : KEYED.filter((code) => code !== 'KEY_MISSING' || !operation.keyInPath)),
    ...(scope === undefined || scope === 'admin' ? [] : LIMITED),
    ...(hasBody ? WITH_BODY : []),
    ...(operation.errors ?? []),
  ];
}

const REQUEST_ID = '01M8CZJEKX0000000000000000';
/** What an error says beside its code, where that is of use to see. */
const DETAILS: Readonly<Partial<Record<ErrorCode, Record<string, string | number>>>> = {
  REQUEST_INVALID: { field: 'limit', got: 'zero', expected: 'a whole number from 1 to 1000' },
  KEY_MISSING: { field: 'authorization', expected: 'Authorization: Bearer zeef_...' },
  SCOPE_MISSING: { scope: 'admin' },
  LIST_NOT_FOUND: { list: 'polcie' },
  MEDIA_TYPE_UNSUPPORTED: { field: 'content-type', got: 'text/plain', expected: 'Content-Type: application/json' },
  QUOTA_EXCEEDED: { quota: 'checksPerDay', limit: 1_000_000, retryAfterSeconds: 3_600 },
  RATE_LIMITED: { retryAfterSeconds: 2 },
};

/** An example of each error, by its code. */
export const PROBLEMS: Readonly<Record<string, object>> = Object.fromEntries(
  (Object.keys(ERRORS) as ErrorCode[]).map((code) => [
    code,
    { summary: code, value: documentOf(new AppError(code, DETAILS[code] ?? {}), REQUEST_ID) },
  ]),
);

function answerOf(codes: readonly ErrorCode[]): Answer {
  const isRetried = codes.some((code) => ERRORS[code].retry);
  const isUnknownCaller = codes.some((code) => ERRORS[code].http === 401);
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].says}`).join('\n\n'),
    headers: {
      'x-request-id': { $ref: '#/components/headers/RequestId' },
      ...(isRetried ? { 'retry-after': { $ref: '#/components/headers/RetryAfter' } } : {}),
      ...(isUnknownCaller ? { 'www-authenticate': { $ref: '#/components/headers/WwwAuthenticate' } } : {}),
    },
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

/** Return the answers that are problem documents, by status. */
export function errorsOf(route: Route): Record<string, Answer> {
  const codes = [...new Set(codesOf(route))];
  const statuses = [...new Set(codes.map((code) => ERRORS[code].http))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [String(status), answerOf(codes.filter((code) => ERRORS[code].http === status))]),
  );
}
