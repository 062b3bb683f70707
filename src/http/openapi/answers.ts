/** Answers that no schema of a route says: other media types, headers, and what is sent without a schema. */
import { Type } from '@sinclair/typebox';
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
