/** `/v1/lists/{list}/feedback`: what people decided on the hits of a list, for its publisher. Of all tenants, so for administrators. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { serviceOf } from '../../cases/feedback/plan-feedback.js';
import {
  compareRows,
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
import { count, oneOf, orNull, Problem } from '../schemas.js';
import type { Needs } from './needs.js';

const ROWS_PER_PAGE = 1_000;
const ROWS_PER_PAGE_MAX = 10_000;
/** An id of 512 characters of four bytes, in base64, with its algorithm. */
const CURSOR_CHARACTERS_MAX = 4_096;

const FeedbackQuery = Type.Object({
  since: Type.Optional(Type.String({ format: 'date-time', description: 'Only entries with a decision since then.' })),
  cursor: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]+$',
      maxLength: CURSOR_CHARACTERS_MAX,
      description: 'The cursor of the previous page.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ROWS_PER_PAGE_MAX })),
});

const FeedbackResult = Type.Object({
  list: Type.String(),
  feedback: Type.Array(
    Type.Object({
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
      const sums = await sumDecisions(service.ledger, list, since === undefined ? null : Date.parse(since));
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
