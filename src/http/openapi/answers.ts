/** Answers that no schema of a route says: other media types, headers, and what is sent without a schema. */
import { Type } from '@sinclair/typebox';
import { PDQ, SHA256 } from './examples.js';
import type { Answer, Media } from './shapes.js';

const count = Type.Integer({ minimum: 0 });
const text = (description: string, value: string): Media => ({
  schema: { type: 'string', description },
  examples: { text: { value } },
});

const Readiness = Type.Object({
  ready: Type.Boolean(),
  notReady: Type.Array(
    Type.Unsafe<string>({
      type: 'string',
      enum: ['shutting_down', 'ledger_unwritable', 'no_list', 'clock_skew', 'lists_behind'],
    }),
  ),
  generation: count,
  entries: count,
  listsInForce: count,
  decoder: Type.Object({
    restarts: count,
    restartsLastMinute: count,
    underAttack: Type.Boolean(),
    queued: count,
    capacity: count,
    sandbox: Type.Record(Type.String(), Type.Boolean()),
  }),
  ledgerWritable: Type.Boolean(),
  clockSkewMs: Type.Integer(),
});

const READY = {
  ready: true,
  notReady: [],
  generation: 7,
  entries: 40,
  listsInForce: 1,
  decoder: {
    restarts: 0,
    restartsLastMinute: 0,
    underAttack: false,
    queued: 0,
    capacity: 200,
    sandbox: { limits: true, noNewPrivileges: true },
  },
  ledgerWritable: true,
  clockSkewMs: 0,
};
const QUEUED = {
  id: '01M8CZJEKX0000000000000000',
  list: 'police',
  state: 'queued',
  bytes: 481_200_000,
  bytesDone: null,
  rowsRead: null,
  createdAt: '2026-09-14T08:00:00.000Z',
  finishedAt: null,
  report: null,
  error: null,
};

const ANSWER_LINES = text(
  'An answer a line, as in `results` of the JSON form, in the order of the items.',
  '{"id":"17","verdict":"no_match","lowQuality":false,"exact":true,"matches":[],"matchCount":0,"truncated":false}\n',
);
const GENERATION = {
  'zeef-generation': { description: 'Of lines: number of the state of all lists.', schema: { type: 'integer' } },
};
const LOCATION = (of: string) => ({
  location: { description: `Address of ${of}.`, schema: { type: 'string' } },
});
const NOT_STORED = {
  'cache-control': { description: '`no-store`: the answer has a secret.', schema: { type: 'string' } },
};

const OF_HASH = { lowQuality: false, exact: true, matches: [], matchCount: 0, truncated: false };
const OF_IMAGE = {
  id: 'upload/17.jpg',
  verdict: 'no_match',
  reason: null,
  generation: 7,
  checkId: '01M8CZJEKX0000000000000000',
  digests: { sha256: SHA256 },
  image: { format: 'jpeg', width: 1600, height: 1203 },
  pdq: { hash: PDQ, quality: 100 },
  pdqFull: { hash: PDQ, quality: 100 },
  oneDimensional: false,
  degraded: false,
  ...OF_HASH,
  code: null,
};
const NOT_HASHED = {
  image: null,
  pdq: null,
  pdqFull: null,
  verdict: 'not_checked',
  reason: 'not_an_image',
  code: 'NOT_CHECKED',
};
const shown = (example: object) => ({ content: { 'application/json': { example } } });
const OF_UPLOADS = { 200: shown(OF_IMAGE), 503: shown({ ...OF_IMAGE, ...NOT_HASHED }) };
const OF_ITEM = { id: null, verdict: 'no_match', generation: 7, ...OF_HASH };

/** By `operationId` and status; added to what the schema of the route says. */
export const ANSWERS: Readonly<Record<string, Readonly<Record<string, Omit<Answer, 'description'>>>>> = {
  checkHashes: {
    200: {
      headers: GENERATION,
      content: {
        'application/x-ndjson': ANSWER_LINES,
        'application/ndjson': ANSWER_LINES,
        'application/jsonl': ANSWER_LINES,
      },
    },
  },
  getImageVerdict: OF_UPLOADS,
  checkPictrsUpload: OF_UPLOADS,
  getHashVerdict: {
    200: shown({ ...OF_ITEM, code: null }),
    503: shown({ ...OF_ITEM, verdict: 'not_checked', reason: 'no_list', code: 'NOT_CHECKED' }),
  },
  checkHash: { 200: shown(OF_ITEM) },
  importEntries: {
    200: { headers: LOCATION('the job') },
    202: { headers: LOCATION('the job'), content: { 'application/json': { example: QUEUED } } },
  },
  getNotice: {
    200: { content: { 'text/plain': text('The notice.', 'Notice of a file that matched a list of known images\n') } },
  },
  syncSource: { 202: { headers: LOCATION('the source') } },
  createKey: { 201: { headers: NOT_STORED } },
  rotateKey: { 201: { headers: NOT_STORED } },
  getReport: {
    200: {
      headers: {
        'content-disposition': { description: 'Name of the file, but for JSON.', schema: { type: 'string' } },
      },
      content: {
        'text/csv': text(
          '`format=csv`: one figure a row; `format=dsa`: the rows of the template.',
          'period,from,to,section,name,figure,value,unit\n',
        ),
        'text/html': text('`format=html`: a page to read and to print.', '<!doctype html>'),
      },
    },
  },
  getLiveness: {
    200: {
      content: {
        'application/json': {
          schema: Type.Object({ status: Type.Unsafe<string>({ type: 'string', enum: ['alive'] }) }),
        },
      },
    },
  },
  getReadiness: {
    200: { content: { 'application/json': { schema: Readiness, example: READY } } },
    503: {
      content: {
        'application/json': {
          schema: Readiness,
          example: { ...READY, ready: false, notReady: ['no_list'], listsInForce: 0 },
        },
      },
    },
  },
  getMetrics: {
    200: {
      content: {
        'text/plain': text(
          'Metrics in the text format of Prometheus.',
          'zeef_checks_total{kind="image",verdict="match"} 1\n',
        ),
      },
    },
  },
  getOpenApi: {
    200: {
      content: {
        'application/json': {
          schema: { type: 'object', description: 'An OpenAPI document.' },
          example: { openapi: '3.1.0' },
        },
      },
    },
  },
};
