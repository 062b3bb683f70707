/**
 * The one table of failures. Codes are added at its end (a scan's inventory keeps them by their places), never renamed,
 * never reused.
 * `http` is the status that carries the code, `retry` whether the same request may succeed later,
 * `says` what a stranger reads. `docs/errors.md` is held to this table by a test.
 */
export const ERRORS = {
  REQUEST_INVALID: { http: 400, retry: false, says: 'The request is not of the documented form.' },
  KEY_MISSING: { http: 401, retry: false, says: 'A key is needed: Authorization: Bearer zeef_...' },
  KEY_INVALID: { http: 401, retry: false, says: 'The key is unknown, revoked or expired.' },
  SCOPE_MISSING: { http: 403, retry: false, says: 'The key does not have the scope that this needs.' },
  NOT_FOUND: { http: 404, retry: false, says: 'There is nothing at this address.' },
  LIST_NOT_FOUND: { http: 404, retry: false, says: 'There is no list of that name.' },
  HIT_STATE: { http: 409, retry: false, says: 'A hit in that state cannot go to the one asked for.' },
  KEYS_LIVE_MAX: {
    http: 409,
    retry: false,
    says: 'Two keys of this line are live already: let the older expire, or revoke it.',
  },
  REQUEST_TIMEOUT: { http: 408, retry: true, says: 'The request did not arrive in time.' },
  BODY_TOO_LARGE: { http: 413, retry: false, says: 'The request body is larger than this service takes.' },
  TOO_MANY_ITEMS: { http: 413, retry: false, says: 'The batch has more items than this service takes at once.' },
  MEDIA_TYPE_UNSUPPORTED: { http: 415, retry: false, says: 'This address does not take that Content-Type.' },
  BODY_EMPTY: { http: 422, retry: false, says: 'The request body is empty.' },
  VALUE_INVALID: { http: 422, retry: false, says: 'The value is not a hash or digest of the named algorithm.' },
  PHOTODNA_UNCONFIGURED: {
    http: 422,
    retry: false,
    says: 'PhotoDNA values are matched only where ZEEF_PHOTODNA_RADIUS is set.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    http: 422,
    retry: false,
    says: 'That Idempotency-Key came with another request before.',
  },
  RADIUS_INVALID: { http: 422, retry: false, says: 'The radius is outside the range that can be searched.' },
  IMAGE_NOT_AN_IMAGE: { http: 422, retry: false, says: 'The bytes are not a picture of a known format.' },
  IMAGE_UNSUPPORTED_FORMAT: {
    http: 422,
    retry: false,
    says: 'The picture is of a format that this service does not decode.',
  },
  IMAGE_TRUNCATED: { http: 422, retry: false, says: 'The image ends before its pixels do.' },
  IMAGE_CORRUPT: { http: 422, retry: false, says: 'The image is damaged and cannot be decoded.' },
  IMAGE_TOO_LARGE: { http: 413, retry: false, says: 'The file is larger than this service reads.' },
  IMAGE_TOO_MANY_PIXELS: { http: 422, retry: false, says: 'The image has more pixels than this service decodes.' },
  IMAGE_TOO_SMALL: { http: 422, retry: false, says: 'The image is smaller than the smallest that can be hashed.' },
  IMAGE_TIMEOUT: { http: 422, retry: false, says: 'The image took longer to decode than allowed.' },
  IMAGE_DECODER_CRASH: { http: 422, retry: false, says: 'The image made the decoder fail, alone too.' },
  FILE_UNREADABLE: { http: 422, retry: false, says: 'The file cannot be read.' },
  RATE_LIMITED: { http: 429, retry: true, says: 'The tenant asks faster than it may.' },
  QUOTA_EXCEEDED: { http: 429, retry: true, says: 'The tenant has used what it may in a day.' },
  TOO_MANY_CONCURRENT: { http: 429, retry: true, says: 'The tenant has more requests in hand than it may.' },
  FILE_VANISHED: { http: 422, retry: false, says: 'The file was gone before it was read.' },
  FILE_CHANGED: { http: 422, retry: true, says: 'The file was written while it was read.' },
  ARCHIVE_INVALID: { http: 422, retry: false, says: 'The archive is damaged; what it holds was not all seen.' },
  ARCHIVE_TOO_LARGE: { http: 422, retry: false, says: 'The archive holds more than is unpacked of one.' },
  SOURCE_FAILED: { http: 502, retry: true, says: 'The source of the list does not answer as it should.' },
  SERVER_FAILED: { http: 502, retry: true, says: 'The service that holds the lists does not answer as it should.' },
  HASHLIST_INVALID: { http: 422, retry: false, says: 'The hash list cannot be imported as it is.' },
  INDEX_FULL: { http: 507, retry: false, says: 'The index cannot hold that many entries in one memory.' },
  INDEX_FILE_INVALID: { http: 500, retry: false, says: 'The index file is damaged, cut short or of another version.' },
  INDEX_KIND_UNAVAILABLE: { http: 500, retry: false, says: 'That kind of index is not installed on this machine.' },
  CONFIG_INVALID: { http: 500, retry: false, says: 'The configuration has mistakes.' },
  LIST_KEY_WRONG: {
    http: 500,
    retry: false,
    says: 'The key that list values are sealed with is missing, is no key, or is not the one of this store.',
  },
  SEALED_DAMAGED: { http: 500, retry: false, says: 'What was sealed is damaged, cut short or of another store.' },
  STORE_FAILED: { http: 503, retry: true, says: 'The store cannot be read or written.' },
  LEDGER_FAILED: {
    http: 503,
    retry: true,
    says: 'The answer could not be put on record, so it is not given; try again shortly.',
  },
  LEDGER_INVALID: { http: 500, retry: false, says: 'The ledger is damaged or of another version.' },
  QUEUE_FULL: { http: 503, retry: true, says: 'All workers are busy; try again shortly.' },
  DECODER_UNAVAILABLE: { http: 503, retry: true, says: 'The decoder process is not available; try again shortly.' },
  SHUTTING_DOWN: { http: 503, retry: true, says: 'The service is stopping; try again shortly.' },
  INTERNAL: { http: 500, retry: true, says: 'Something went wrong on our side.' },
  INSTALL_INCOMPLETE: {
    http: 500,
    retry: false,
    says: 'A native package is missing or was not compiled: install again (docs/operations.md).',
  },
  DATA_VERSION: {
    http: 500,
    retry: false,
    says: 'The data was written by a version of Zeef that this one cannot read.',
  },
} as const satisfies Record<string, { http: number; retry: boolean; says: string }>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** A fault of the input or of the surroundings, with its code. A fault of our own is an assertion instead. */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly code: ErrorCode,
    readonly details: ErrorDetails = {},
    cause?: unknown,
  ) {
    const facts = Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : '';
    super(`${code}: ${ERRORS[code].says}${facts}`, cause === undefined ? {} : { cause });
  }
}
