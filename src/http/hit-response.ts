/**
 * Hits reduced to the reader's scopes. Without the scope `details`, as in an answer to a check: the list and the match type,
 * but no fact of the entry and no distance. A file that is itself listed has no digests: each is, or leads to, a value of the list.
 */
import type { FastifyRequest } from 'fastify';
import type { Decided } from '../cases/decide-hit.js';
import { matchesFor } from './answers.js';
import { seesDetails } from './authorise.js';

export function toHitResponse(request: FastifyRequest, hit: Decided): object {
  if (seesDetails(request.caller)) return hit;
  const {
    entryId: _e,
    algorithm: _a,
    distance: _d,
    radius: _r,
    orientation: _t,
    family: _f,
    category: _c,
    severity: _s,
    source: _o,
    digests,
    suppression,
    ...rest
  } = hit;
  const isListed = hit.matches.some(({ matchType }) => matchType === 'exact');
  return {
    ...rest,
    digests: isListed ? {} : digests,
    matches: matchesFor(request, hit.matches),
    ...(suppression ? { suppression: { ...suppression, entryId: undefined } } : {}),
  };
}
