/**
 * `/v1/lists/{list}/feedback`: what people decided on the hits of a list, for its publisher, and sent to it. Of all tenants, so for
 * administrators.
 */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { type FeedbackPlan, planFeedback, serviceOf } from '../../cases/feedback/plan-feedback.js';
import { sendFeedback } from '../../cases/feedback/send-feedback.js';
import {
  compareRows,
  type EntryFeedback,
  type EntrySum,
  FEEDBACK_STATES,
  FEEDBACK_VERDICTS,
  keyOf,
  requireList,
  sumDecisions,
  VALUE_KINDS,
  withStates,
} from '../../cases/feedback/sum-feedback.js';
import { AppError } from '../../core/errors.js';
import { ALGORITHMS, type Algorithm } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import { SENT_STATES, type SentFeedback } from '../../store/feedback-contract.js';
import { atEnd } from '../at-end.js';
import { count, oneOf, orNull, Problem, TIME_CHARACTERS_MAX } from '../schemas.js';
import type { Needs } from './needs.js';

const ROWS_PER_PAGE = 1_000;
const ROWS_PER_PAGE_MAX = 10_000;
/** An id of 512 characters of four bytes, in base64, with its algorithm. */
const CURSOR_CHARACTERS_MAX = 4_096;

/** A name has 200. */
const REASON_CHARACTERS_MAX = 256;
/** Entries that a plan shows; the command line shows all. */
const NEXT_MAX = 1_000;
/** A request is answered before its client gives up: one call at most is under way when the time is over, and the client retries. */
const SEND_LIMITS = { turnMs: 15_000, requestMs: 10_000, retries: 0 };

const time = Type.String({
  format: 'date-time',
  maxLength: TIME_CHARACTERS_MAX,
  description: 'Only entries with a decision since then.',
});

const FeedbackQuery = Type.Object({
  since: Type.Optional(time),
  cursor: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]+$',
      title: 'the cursor of an answer',
      maxLength: CURSOR_CHARACTERS_MAX,
      description: 'The cursor of the previous page.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ROWS_PER_PAGE_MAX })),
});

const Feedback = {
  list: Type.String(),
  entryId: Type.String(),
  algorithm: oneOf(ALGORITHMS),
  kind: oneOf(VALUE_KINDS),
  state: oneOf(FEEDBACK_STATES),
  confirmed: count,
  falsePositive: count,
  exact: count,
  decidedAt: Type.String(),
  verdict: oneOf(FEEDBACK_VERDICTS),
};

const FeedbackResult = Type.Object({
  list: Type.String(),
  feedback: Type.Array(
    Type.Object({
      ...Feedback,
      sent: Type.Union(
        [
          Type.Object({
            verdict: oneOf(['confirmed', 'false_positive']),
            sent: Type.String(),
            at: Type.String(),
            state: oneOf(SENT_STATES),
            status: orNull(count),
          }),
          Type.Null(),
        ],
        { description: 'The last feedback sent to the service of the source.' },
      ),
    }),
  ),
  cursor: orNull(Type.String()),
});

const SendBody = Type.Object(
  {
    yes: Type.Boolean({ description: 'False: shows what would be sent, and sends nothing.' }),
    since: Type.Optional(time),
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: REASON_CHARACTERS_MAX,
        description: 'GUID or name of the reason of false positives, where the service offers several.',
      }),
    ),
    refused: Type.Optional(Type.Boolean({ description: 'Also what the service refused before.' })),
  },
  { additionalProperties: false },
);

const SendResult = Type.Object({
  list: Type.String(),
  host: Type.String(),
  sent: count,
  due: Type.Integer({ minimum: 0, description: 'Entries that are still to be sent.' }),
  next: Type.Array(Type.Object(Feedback), { description: 'The first of them, where nothing was sent.' }),
  refused: Type.Array(Type.Object({ ...Feedback, status: count })),
  left: Type.Record(Type.String(), count, { description: 'Entries that are not sent, by the reason.' }),
});

type Position = Pick<EntrySum, 'entryId' | 'algorithm'>;

const cursorOf = ({ entryId, algorithm }: Position) =>
  Buffer.from(JSON.stringify([entryId, algorithm])).toString('base64url');

/** Errors REQUEST_INVALID. */
function positionOf(cursor: string): Position {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const [entryId, algorithm, more] = Array.isArray(read) ? read : [];
    if (typeof entryId === 'string' && ALGORITHMS.includes(algorithm) && more === undefined)
      return { entryId, algorithm: algorithm as Algorithm };
  } catch {
    // Below.
  }
  throw new AppError('REQUEST_INVALID', { field: 'cursor', expected: 'the cursor of the previous page' });
}

/** By entry and algorithm; none where the list's source takes no feedback. */
async function sentOf({ store }: Service, list: string): Promise<ReadonlyMap<string, SentFeedback>> {
  const service = serviceOf(await store.lists.source(list));
  const sent = service === null ? [] : await store.feedback.sent(list, service);
  return new Map(sent.map((one) => [keyOf(one), one]));
}

export function listFeedbackRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  readRoute(app, service, needs);
  sendRoute(app, service, needs);
}

function readRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Params: { list: string }; Querystring: Static<typeof FeedbackQuery> }>(
    '/v1/lists/:list/feedback',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'What people decided on the hits of a list, by entry and algorithm, of all tenants; never a value.',
        params: Type.Object({ list: Type.String() }),
        querystring: FeedbackQuery,
        response: { 200: FeedbackResult, default: Problem },
      },
    },
    async (request) => {
      const { list } = request.params;
      const { since, cursor, limit = ROWS_PER_PAGE } = request.query;
      const { lists } = service.store;
      const after = cursor === undefined ? null : positionOf(cursor);
      await requireList(lists, list);
      const sums = await sumDecisions(
        { ledger: service.ledger, lists },
        list,
        since === undefined ? null : Date.parse(since),
      );
      const rest = after === null ? sums : sums.filter((sum) => compareRows(sum, after) > 0);
      const page = await withStates(lists, list, rest.slice(0, limit));
      const sent = await sentOf(service, list);
      return {
        list,
        feedback: page.map((row) => ({ ...row, sent: sent.get(keyOf(row)) ?? null })),
        cursor: rest.length > limit ? cursorOf(page.at(-1)!) : null,
      };
    },
  );
}

function countsOf(left: FeedbackPlan['left']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { why } of left) counts[why] = (counts[why] ?? 0) + 1;
  return counts;
}

const withStatus = ({ feedback, status }: { readonly feedback: EntryFeedback; readonly status: number }) => {
  return { ...feedback, status };
};

function sendRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string }; Body: Static<typeof SendBody> }>(
    '/v1/lists/:list/feedback',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Send the feedback to the service of the list’s source; with `yes` false, show what would be sent.',
        description: 'Sends for some seconds; sent again, the request continues, until `due` is 0.',
        params: Type.Object({ list: Type.String() }),
        body: SendBody,
        response: { 200: SendResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { list } = request.params;
      const { yes, since, reason = null, refused = false } = request.body;
      const { store, ledger } = service;
      const chosen = { sinceMs: since === undefined ? null : Date.parse(since), refused };
      if (!yes) {
        const { source, due, left } = await planFeedback({ ...store, ledger }, list, chosen);
        const next = due.slice(0, NEXT_MAX).map(({ feedback }) => feedback);
        const { host } = new URL(source.url);
        return { list, host, sent: 0, due: due.length, next, refused: [], left: countsOf(left) };
      }
      // A client that left gets no report: what is not begun is left to its next request.
      const gone = new AbortController();
      atEnd(reply, () => gone.abort());
      const { actor } = request.caller;
      const options = { ...chosen, ...SEND_LIMITS, reason, actor, env: service.env, signal: gone.signal };
      const report = await sendFeedback(service, list, options);
      return { ...report, next: [], refused: report.refused.map(withStatus), left: countsOf(report.left) };
    },
  );
}
