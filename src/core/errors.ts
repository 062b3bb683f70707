interface ErrorKind {
  readonly number: number;
  readonly http: number;
  readonly retry: boolean;
  readonly says: string;
  readonly atCommand?: string | null;
}

/**
 * The one table of failures. Codes are added, never renamed, never reused. `docs/errors.md` is held to it by a test, and
 * says what to do about each.
 *
 * `number`  stands for the code in a scan's inventory: it never changes, and no two codes share one.
 * `http`    is the status that carries the code.
 * `retry`   is true where the same request may succeed later.
 * `atCommand` states it for the user of a command, where `says` is in the words of HTTP; null where no command can have it.
 * `says`    states what is wrong, for a reader who does not know the code; at most 12 words.
 */
export const ERRORS = {
  REQUEST_INVALID: {
    number: 0,
    http: 400,
    retry: false,
    says: 'The request does not have the documented form.',
    atCommand: 'The command does not have the documented form.',
  },
  KEY_MISSING: {
    number: 1,
    http: 401,
    retry: false,
    says: 'An API key is required: Authorization: Bearer zeef_...',
    atCommand: 'The service requires an API key: ZEEF_SERVER_KEY.',
  },
  KEY_INVALID: { number: 2, http: 401, retry: false, says: 'The API key is unknown, revoked or expired.' },
  SCOPE_MISSING: { number: 3, http: 403, retry: false, says: 'The API key does not have the required scope.' },
  NOT_FOUND: { number: 4, http: 404, retry: false, says: 'Not found.' },
  LIST_NOT_FOUND: { number: 5, http: 404, retry: false, says: 'List not found.' },
  HIT_STATE: { number: 6, http: 409, retry: false, says: 'Invalid state transition for this hit.' },
  KEYS_LIVE_MAX: { number: 7, http: 409, retry: false, says: 'This key line already has two live keys.' },
  REQUEST_TIMEOUT: {
    number: 8,
    http: 408,
    retry: true,
    says: 'The request timed out before it was complete.',
    atCommand: 'It took too long.',
  },
  BODY_TOO_LARGE: {
    number: 9,
    http: 413,
    retry: false,
    says: 'The request body exceeds the size limit.',
    atCommand: 'The input exceeds the size limit.',
  },
  TOO_MANY_ITEMS: { number: 10, http: 413, retry: false, says: 'The batch exceeds the item limit.' },
  MEDIA_TYPE_UNSUPPORTED: {
    number: 11,
    http: 415,
    retry: false,
    says: 'Unsupported Content-Type for this address.',
    atCommand: null,
  },
  BODY_EMPTY: {
    number: 12,
    http: 422,
    retry: false,
    says: 'The request body is empty.',
    atCommand: 'The input is empty.',
  },
  VALUE_INVALID: { number: 13, http: 422, retry: false, says: 'Invalid hash or digest for the named algorithm.' },
  PHOTODNA_UNCONFIGURED: { number: 14, http: 422, retry: false, says: 'PhotoDNA matching is not configured.' },
  IDEMPOTENCY_KEY_REUSED: {
    number: 15,
    http: 422,
    retry: false,
    says: 'This Idempotency-Key was already used with a different request.',
    atCommand: null,
  },
  RADIUS_INVALID: { number: 16, http: 422, retry: false, says: 'The radius is outside the searchable range.' },
  IMAGE_NOT_AN_IMAGE: { number: 17, http: 422, retry: false, says: 'The file is not an image of a known format.' },
  IMAGE_UNSUPPORTED_FORMAT: { number: 18, http: 422, retry: false, says: 'Image format not supported by the decoder.' },
  IMAGE_TRUNCATED: { number: 19, http: 422, retry: false, says: 'The image is truncated.' },
  IMAGE_CORRUPT: { number: 20, http: 422, retry: false, says: 'The image is corrupt and cannot be decoded.' },
  IMAGE_TOO_LARGE: { number: 21, http: 413, retry: false, says: 'The file exceeds the size limit.' },
  IMAGE_TOO_MANY_PIXELS: { number: 22, http: 422, retry: false, says: 'The image exceeds the pixel limit.' },
  IMAGE_OVER_MEMORY: {
    number: 92,
    http: 422,
    retry: false,
    says: 'The image needs more memory than the decoder may use.',
  },
  IMAGE_TOO_SMALL: { number: 23, http: 422, retry: false, says: 'The image is too small to hash.' },
  IMAGE_TIMEOUT: { number: 24, http: 422, retry: false, says: 'Decoding the image timed out.' },
  IMAGE_DECODER_CRASH: {
    number: 25,
    http: 422,
    retry: false,
    says: 'The decoder crashed on this image, including on a retry in isolation.',
  },
  FILE_UNREADABLE: { number: 26, http: 422, retry: false, says: 'The file cannot be read.' },
  FILE_UNWRITABLE: { number: 90, http: 422, retry: false, says: 'The file cannot be written.' },
  RATE_LIMITED: { number: 27, http: 429, retry: true, says: "The tenant's rate limit is exceeded." },
  QUOTA_EXCEEDED: { number: 28, http: 429, retry: true, says: "The tenant's daily quota is exceeded." },
  TOO_MANY_CONCURRENT: {
    number: 29,
    http: 429,
    retry: true,
    says: 'The tenant has too many concurrent requests.',
    atCommand: 'The tenant has too many concurrent checks.',
  },
  FILE_VANISHED: { number: 30, http: 422, retry: false, says: 'The file was removed before it was read.' },
  FILE_CHANGED: { number: 31, http: 422, retry: true, says: 'The file changed while it was read.' },
  ARCHIVE_INVALID: { number: 32, http: 422, retry: false, says: 'The archive is damaged; some entries were not read.' },
  ARCHIVE_TOO_LARGE: { number: 33, http: 422, retry: false, says: 'The archive exceeds the unpacking limits.' },
  SOURCE_FAILED: { number: 34, http: 502, retry: true, says: 'The list source returned an unexpected response.' },
  SERVER_FAILED: { number: 35, http: 502, retry: true, says: 'The matching service returned an unexpected response.' },
  HASHLIST_INVALID: { number: 36, http: 422, retry: false, says: 'The hash list cannot be imported.' },
  INDEX_FULL: { number: 37, http: 507, retry: false, says: 'The index memory limit is exceeded.' },
  INDEX_FILE_INVALID: {
    number: 38,
    http: 500,
    retry: false,
    says: 'The index file is damaged, truncated or of another version.',
  },
  INDEX_KIND_UNAVAILABLE: { number: 39, http: 500, retry: false, says: 'This index kind is not installed.' },
  CONFIG_INVALID: { number: 40, http: 500, retry: false, says: 'The configuration is invalid.' },
  LIST_KEY_WRONG: {
    number: 41,
    http: 500,
    retry: false,
    says: 'The master key is missing, malformed, or belongs to another store.',
  },
  SEALED_DAMAGED: {
    number: 42,
    http: 500,
    retry: false,
    says: 'Sealed data is damaged, truncated or from another store.',
  },
  STORE_FAILED: { number: 43, http: 503, retry: true, says: 'The store cannot be read or written.' },
  LEDGER_FAILED: {
    number: 44,
    http: 503,
    retry: true,
    says: 'The answer was not recorded, so it is withheld; retry shortly.',
  },
  LEDGER_INVALID: { number: 45, http: 500, retry: false, says: 'The ledger is damaged or of another version.' },
  QUEUE_FULL: { number: 46, http: 503, retry: true, says: 'All workers are busy; retry shortly.' },
  DECODER_UNAVAILABLE: {
    number: 47,
    http: 503,
    retry: true,
    says: 'The decoder process is unavailable; retry shortly.',
  },
  SHUTTING_DOWN: {
    number: 48,
    http: 503,
    retry: true,
    says: 'The service is shutting down; retry shortly.',
    atCommand: 'Stopped before the end.',
  },
  INTERNAL: { number: 49, http: 500, retry: true, says: 'Internal error.' },
  INSTALL_INCOMPLETE: { number: 50, http: 500, retry: false, says: 'A native package is missing or not compiled.' },
  DATA_VERSION: {
    number: 51,
    http: 500,
    retry: false,
    says: 'The data was written by an incompatible version of Zeef.',
  },
  STORE_DAMAGED: { number: 57, http: 500, retry: false, says: 'A stored row is damaged; run zeef verify.' },
  HOST_NOT_ALLOWED: {
    number: 59,
    http: 421,
    retry: false,
    says: 'Without keys, Host must be a loopback or allowed name.',
  },
  ORIGIN_NOT_ALLOWED: {
    number: 60,
    http: 403,
    retry: false,
    says: 'Without keys, requests from other websites are refused.',
    atCommand: null,
  },
  BODIES_IN_FLIGHT: {
    number: 61,
    http: 503,
    retry: true,
    says: 'Too many bytes of requests are in flight.',
    atCommand: 'The service has too much in flight.',
  },
  ADAPTER_OFF: { number: 93, http: 404, retry: false, says: 'This adapter is switched off.', atCommand: null },
  URL_REFUSED: { number: 95, http: 403, retry: false, says: 'This address may not be fetched.', atCommand: null },
  URL_FAILED: { number: 96, http: 422, retry: false, says: 'The address could not be fetched.', atCommand: null },
  BANK_EXISTS: { number: 97, http: 409, retry: false, says: 'A bank of this name exists already.' },
  ENTRY_REFUSED: { number: 98, http: 409, retry: false, says: 'A review would hold this entry; it was not added.' },
  TENANT_FULL: { number: 100, http: 409, retry: false, says: 'The tenant has as many lists or entries as it may.' },
  NOT_CHECKED: { number: 94, http: 503, retry: false, says: 'The file could not be checked.', atCommand: null },
  METHOD_NOT_ALLOWED: {
    number: 62,
    http: 405,
    retry: false,
    says: 'This address does not accept the method.',
    atCommand: null,
  },
  LEASE_LOST: { number: 65, http: 503, retry: true, says: 'Another process has taken over this work.' },
  ARCHIVE_UNSUPPORTED: { number: 69, http: 422, retry: false, says: 'Archives of this format are not opened.' },
  FILE_STALLED: { number: 70, http: 422, retry: true, says: 'Reading the file does not return.' },
  FILE_NOT_REGULAR: {
    number: 68,
    http: 422,
    retry: false,
    says: 'The path is neither a regular file nor a folder.',
  },
  HITS_UNMARKED: {
    number: 91,
    http: 503,
    retry: true,
    says: 'Hits of an earlier version are being prepared; retry shortly.',
    atCommand: 'Hits of an earlier version are not yet prepared; repeat the command.',
  },
  LIST_BUSY: {
    number: 99,
    http: 409,
    retry: true,
    says: 'An import, a sync or feedback of this list is under way.',
  },
  STORE_IN_USE: { number: 81, http: 503, retry: true, says: 'Another process uses the store, or work waits in it.' },
  STORE_NOT_EMPTY: { number: 82, http: 409, retry: false, says: 'The target of the move is not empty.' },
  STORE_UNFINISHED: { number: 83, http: 503, retry: false, says: 'A move into this store has not ended.' },
  STORE_DIFFERS: { number: 84, http: 500, retry: false, says: 'The moved store differs from its source.' },
  STORE_MOVED: { number: 85, http: 503, retry: false, says: 'The store was moved to another place.' },
} as const satisfies Record<string, ErrorKind>;

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

/** Return the line of an error for the user of a command. `details`: with the names of its options. */
export function commandLineOf({ code }: AppError, details: ErrorDetails): string {
  const { says, atCommand }: ErrorKind = ERRORS[code];
  const facts = Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : '';
  return `${code}: ${atCommand ?? says}${facts}`;
}
