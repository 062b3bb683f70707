/** Checks, cases and reports: what a client and a desk ask. */
import { LEDGER, type Operation } from './operation.js';

const RECORDED = ['RATE_LIMITED', 'QUEUE_FULL', 'SHUTTING_DOWN', 'LEDGER_FAILED', 'STORE_FAILED'] as const;

const CHECKING: Readonly<Record<string, Operation>> = {
  'POST /v1/check': {
    tag: 'Checking',
    id: 'checkImage',
    about: [
      'Send the bytes of one image as the body, or up to 100 files as `multipart/form-data`. The image is decoded and hashed, and its hashes and digests are ' +
        'matched against all enabled lists, or those in `lists`. The image itself is not kept.',
      'A file that cannot be decoded is no error: its `verdict` is `not_checked`, with the `reason`, unless its digest matches. There is no verdict "safe".',
      'Of several files, each has its own result, in their order. A fault after the first file ends the results and is their `error`: the files from ' +
        'there on were not checked.',
      'With `{"url"}` as JSON the image is fetched, from the hosts of `ZEEF_URL_HOSTS` alone, of which there are none by default. What cannot be fetched is an error, and no verdict.',
      'Without the scope `details`, a match has only `list`, `matchType`, `suppressed` and `quarantined`.',
    ].join('\n\n'),
    answers: { 200: 'The verdict of the image; for `multipart/form-data` the `results` of its files.' },
    errors: [
      'LIST_NOT_FOUND',
      'TOO_MANY_ITEMS',
      'BODY_EMPTY',
      'RADIUS_INVALID',
      'IDEMPOTENCY_KEY_REUSED',
      'DECODER_UNAVAILABLE',
      'URL_REFUSED',
      'URL_FAILED',
      ...RECORDED,
    ],
  },
  'POST /v1/check/hashes': {
    tag: 'Checking',
    id: 'checkHashes',
    about: [
      'For clients that hash their images themselves: the images never leave them. The `Content-Type` chooses one of three forms of the body, and with it the form of the answer.',
      'An invalid item is answered with its own `error`, and the others are checked. One generation of the lists answers the whole request. ' +
        '`orientations`, `lists` and `radius` are fields of the JSON, and parameters of the other forms. A body may be compressed (`Content-Encoding: gzip`).',
    ].join('\n\n'),
    answers: {
      200: 'The verdicts: JSON for JSON; a line per line for NDJSON, while the body still arrives; for raw values only those that matched, by position.',
    },
    errors: [
      'LIST_NOT_FOUND',
      'TOO_MANY_ITEMS',
      'VALUE_INVALID',
      'RADIUS_INVALID',
      'IDEMPOTENCY_KEY_REUSED',
      ...RECORDED,
    ],
  },
  'POST /v1/verdict': {
    tag: 'Checking',
    id: 'getImageVerdict',
    about: [
      'As `POST /v1/check`, for programs that read the status alone: 200 where the file was checked and nothing counts (`no_match`, `suppressed`), the status `match` (406) for a ' +
        'match, 503 for everything that was not checked. The body has the answer of `POST /v1/check`, and `code`.',
      'With `ZEEF_VERDICT_FAILS=open` a file whose `not_checked` is on record is 200 too, with the code `NOT_CHECKED`. What has no record (limits, a full queue, a store that fails) is never 200.',
      'Of several files one status stands for all: that of a match first, then 503. A body of one image may be longer than the size limit: its digests are matched as it arrives, up to a gigabyte.',
    ].join('\n\n'),
    answers: {
      200: 'Nothing matched that counts.',
      403: 'A match, with `match=403`.',
      406: 'A match.',
      422: 'A match, with `match=422`.',
      451: 'A match, with `match=451`.',
      503: 'Not checked: the `reason` says why.',
    },
    errors: [
      'LIST_NOT_FOUND',
      'TOO_MANY_ITEMS',
      'BODY_EMPTY',
      'RADIUS_INVALID',
      'IDEMPOTENCY_KEY_REUSED',
      'DECODER_UNAVAILABLE',
      ...RECORDED,
    ],
  },
  'GET /v1/verdict': {
    tag: 'Checking',
    id: 'getHashVerdict',
    about:
      'The same for a file that is known by a digest or a PDQ hash, such as that in its name, for `auth_request` of nginx and the like: give at least one of `md5`, `sha1`, `sha256` and `pdq`. ' +
      'A digest finds the very bytes alone. Each request is one check, recorded and counted as one.',
    answers: {
      200: 'Nothing matched that counts.',
      403: 'A match, with `match=403`.',
      406: 'A match.',
      422: 'A match, with `match=422`.',
      451: 'A match, with `match=451`.',
      503: 'Not checked: no list in force has values of this kind.',
    },
    errors: ['LIST_NOT_FOUND', 'VALUE_INVALID', 'RADIUS_INVALID', ...RECORDED],
  },
  'POST /adapters/pict-rs/{key}': {
    tag: 'Checking',
    id: 'checkPictrsUpload',
    about:
      'For `PICTRS__MEDIA__EXTERNAL_VALIDATION` of pict-rs, which sends the bytes of an upload without a header for a key, and takes any 2xx for accepted. The key is in the path, and the ' +
      'status as of `POST /v1/verdict`. Switched on by `ZEEF_ADAPTERS`. The address is a secret: keep it out of the logs of proxies.',
    answers: {
      200: 'Nothing matched that counts: the upload is accepted.',
      406: 'A match: it is refused.',
      503: 'Not checked: it is refused, and the `reason` says why.',
    },
    errors: ['ADAPTER_OFF', 'BODY_EMPTY', 'DECODER_UNAVAILABLE', ...RECORDED],
    keyInPath: true,
  },
  'GET /v1/hashes/{hash}': {
    tag: 'Checking',
    id: 'checkHash',
    about:
      'One item of `POST /v1/check/hashes` without a body: recorded, counted and watched as one. The algorithm follows from the length of an MD5 or SHA-1; 64 digits need `algorithm`. ' +
      'Proxies log addresses: send values that must not be logged in a body.',
    answers: { 200: 'The verdict.' },
    errors: ['LIST_NOT_FOUND', 'VALUE_INVALID', 'RADIUS_INVALID', ...RECORDED],
  },
  'POST /v1/compare': {
    tag: 'Checking',
    id: 'compareHashes',
    about:
      'The distance of two values that you have, and whether it is within the radius of a new list (`ZEEF_RADIUS_BITS`, or `ZEEF_PHOTODNA_RADIUS`). No list is read, nothing is recorded, and no check is counted. ' +
      'PDQ hashes are compared as they are, without rotations.',
    answers: { 200: 'The distance.' },
    errors: ['VALUE_INVALID', 'PHOTODNA_UNCONFIGURED'],
  },
  'POST /v1/explain': {
    tag: 'Checking',
    id: 'explainCheck',
    about: [
      'The verdict of an image or a hash, with every entry that is within the radius of its list or up to 16 bits beyond, on lists that are disabled too: its distance, and in `why` each reason for which it does not ' +
        'match or does not count. Entries are named by their ids; no value of a list is returned.',
      'Needs the scope `details`, with `check` for an image and `check:hashes` for a hash. Nothing is recorded; but it is a check of the tenant, counted, limited and watched for probing as any other. ' +
        'Each list is judged by its own radius and detail: `detail` only widens what is looked at.',
      'Of each list at most 50 entries are returned, those that match first and then the nearest, and at most 1,000 in all; `reached` counts all of them.',
    ].join('\n\n'),
    answers: { 200: 'The verdict, what was searched, and the lists.' },
    errors: [
      'BODY_EMPTY',
      'VALUE_INVALID',
      'RATE_LIMITED',
      'QUEUE_FULL',
      'SHUTTING_DOWN',
      'DECODER_UNAVAILABLE',
      'STORE_FAILED',
    ],
  },
  'POST /v1/hash': {
    tag: 'Checking',
    id: 'hashImage',
    about:
      'Returns what `POST /v1/check` would match: PDQ, blockhash, digests, and the hashes of rotated and mirrored copies with `orientations=all`. ' +
      'Nothing is looked up or recorded; the image counts as one check of the tenant.',
    answers: { 200: 'The hashes and digests of the image.' },
    errors: [
      'BODY_EMPTY',
      'IMAGE_NOT_AN_IMAGE',
      'IMAGE_UNSUPPORTED_FORMAT',
      'IMAGE_TRUNCATED',
      'IMAGE_CORRUPT',
      'IMAGE_TOO_LARGE',
      'IMAGE_TOO_MANY_PIXELS',
      'IMAGE_TOO_SMALL',
      'IMAGE_TIMEOUT',
      'IMAGE_DECODER_CRASH',
      'RATE_LIMITED',
      'QUEUE_FULL',
      'SHUTTING_DOWN',
      'DECODER_UNAVAILABLE',
    ],
  },
};

const CASES: Readonly<Record<string, Operation>> = {
  'GET /v1/hits': {
    tag: 'Cases',
    id: 'listHits',
    about:
      'A hit is one file that matched one list, with the evidence, its status and its clock: the same file again counts up `timesSeen`. Keys see the hits of their own tenant; ' +
      'with `admin` those of all, or of one. Pages: send the `cursor` of an answer for the next page; null ends them.',
    answers: { 200: 'One page of hits.' },
    errors: LEDGER,
  },
  'POST /v1/hits/search': {
    tag: 'Cases',
    id: 'searchHits',
    about:
      'The hits of a file whose MD5, SHA-1 or SHA-256 is known, newest first. An image that was checked has its SHA-256, and those digests that a list had or that were asked ' +
      'for; a hash has what the client sent. What is searched is in the body, since addresses are kept in the logs of proxies.',
    answers: { 200: 'One page of hits.' },
    errors: ['HITS_UNMARKED', ...LEDGER],
  },
  'GET /v1/hits/{id}': {
    tag: 'Cases',
    id: 'getHit',
    about:
      'The evidence, the status with its history, and the clock of one hit. The image is not kept, so it is never returned.',
    answers: { 200: 'The hit.' },
    errors: ['NOT_FOUND', ...LEDGER],
  },
  'PATCH /v1/hits/{id}': {
    tag: 'Cases',
    id: 'changeHit',
    about:
      'Records a decision, with its time and the tenant of the key, in the history of the hit. `removed` and `false_positive` stop the clock; with `false_positive`, `suppress` ' +
      'also suppresses the entry, for all tenants (scope `admin`). `open` undoes a decision. Or, without `status`, says who has the case (`assignee`), and that the match or the last ' +
      'decision is `disputed`: the next decision ends that.',
    answers: { 200: 'The hit after the change.' },
    errors: ['NOT_FOUND', 'HIT_STATE', 'STORE_FAILED', ...LEDGER],
  },
  'GET /v1/hits/{id}/notice': {
    tag: 'Cases',
    id: 'getNotice',
    about:
      'A text for the party that must act; of a possible case only once a person has decided. With the scope `details` it also has the facts of the match.',
    answers: { 200: 'The text of the notice.' },
    errors: ['NOT_FOUND', 'HIT_STATE', ...LEDGER],
  },
};

const REPORTS: Readonly<Record<string, Operation>> = {
  'GET /v1/stats': {
    tag: 'Reports',
    id: 'getStats',
    about:
      'Counts of checks by their verdict, by list, category, reason and time, for one tenant, or for all with `admin`. Without `from` and `to`, all checks that are recorded.',
    answers: { 200: 'The counts, and the same as a series over time.' },
    errors: LEDGER,
  },
  'GET /v1/report': {
    tag: 'Reports',
    id: 'getReport',
    about:
      'A report for a period: give `period`, or both `from` and `to`. `format` chooses JSON, CSV, a page to print, or the table of the transparency report of the EU Digital Services Act (`dsa`).',
    answers: { 200: 'The report, in the chosen format.' },
    errors: LEDGER,
  },
};

/** By method and path. */
export const CHECKS_AND_CASES: Readonly<Record<string, Operation>> = { ...CHECKING, ...CASES, ...REPORTS };
