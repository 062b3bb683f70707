/** Check options from a query, and matches reduced to the caller's scopes. */
import type { Static } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { CheckOptions } from '../check/check-image.js';
import { drawOf } from '../check/draw.js';
import type { AnswerMatch } from '../check/policy.js';
import { namesFrom } from '../core/names.js';
import type { OrientationChoice } from '../core/vocabulary.js';
import { seesDetails } from './authorise.js';
import type { CheckQuery, HashesQuery } from './schemas.js';

export function optionsFrom(
  request: FastifyRequest<{ Querystring: Static<typeof HashesQuery> & Pick<Static<typeof CheckQuery>, 'reference'> }>,
  defaultOrientations: OrientationChoice,
): CheckOptions {
  const { orientations = defaultOrientations, lists, radius, detail, reference, seed } = request.query;
  return {
    orientations,
    lists: lists === undefined ? null : new Set(namesFrom(lists, 'lists')),
    requestedRadiusBits: radius ?? null,
    detail: detail ?? null,
    reference: reference ?? null,
    tenant: request.caller.tenant,
    ...(seed === undefined ? {} : { draw: drawOf(seed) }),
  };
}

/** Return the matches that the caller may see: without the scope `details`, the list and match type, but no fact of the entry and no distance. */
export function matchesFor(request: FastifyRequest, matches: readonly AnswerMatch[]): readonly object[] {
  if (seesDetails(request.caller)) return matches;
  return matches.map(({ list, matchType, suppressed, quarantined }) => ({ list, matchType, suppressed, quarantined }));
}

/** An answer with the matches that a caller may see. */
export type Reduced<Answer> = Omit<Answer, 'matches' | 'possible'> & {
  readonly matches: readonly object[];
  readonly possible?: readonly object[];
};

/** Return an answer with what the caller may see of its matches, and of possible ones. */
export function reduced<
  Answer extends { readonly matches: readonly AnswerMatch[]; readonly possible?: readonly AnswerMatch[] },
>(request: FastifyRequest, answer: Answer): Reduced<Answer> {
  const { matches, possible } = answer;
  if (matches.length === 0 && !possible?.length) return answer;
  const maybe = possible === undefined ? {} : { possible: matchesFor(request, possible) };
  return { ...answer, matches: matchesFor(request, matches), ...maybe };
}
