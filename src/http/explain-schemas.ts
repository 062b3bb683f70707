/** Schemas of `POST /v1/explain`. */
import { Type } from '@sinclair/typebox';
import { OUTCOMES, WHYS } from '../check/explain-lists.js';
import { BATCH_ALGORITHMS } from '../check/search-piece.js';
import { ERRORS } from '../core/errors.js';
import { ALGORITHMS, NOT_CHECKED_REASONS, VERDICTS } from '../core/vocabulary.js';
import { DETAILS, WINDOW_KINDS } from '../core/window.js';
import { CheckQuery, count, HashResult, Match, oneOf, orNull, VALUE_CHARACTERS_MAX } from './schemas.js';

const { orientations, frames, detail } = CheckQuery.properties;
export const ExplainQuery = Type.Object({ orientations, frames, detail });

export const ExplainBody = Type.Object(
  {
    hash: Type.String({ minLength: 1, maxLength: VALUE_CHARACTERS_MAX }),
    algorithm: Type.Optional(oneOf(BATCH_ALGORITHMS)),
    quality: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  },
  { additionalProperties: false },
);

const { orientation, family, window, derived, frame, background, part, category, severity, source } = Match.properties;

const Explained = Type.Object({
  list: Type.String(),
  entryId: orNull(Type.String()),
  algorithm: oneOf(ALGORITHMS),
  matchType: oneOf(['exact', 'near']),
  distance: Type.Number({ minimum: 0 }),
  outcome: oneOf(OUTCOMES),
  why: Type.Array(oneOf(WHYS)),
  ...{ orientation, family, window, derived, frame, background, part, category, severity, source },
  quarantined: Type.Boolean(),
  flooded: Type.Boolean(),
});

const windowCount = Type.Integer({ minimum: 0, description: 'Windows of this kind.' });

const { digests, image, pdq, pdqFull, blockhash, lowQuality, degenerate, oneDimensional, degraded } =
  HashResult.properties;

export const ExplainResult = Type.Object({
  verdict: oneOf(VERDICTS),
  reason: orNull(oneOf(NOT_CHECKED_REASONS)),
  code: orNull(oneOf(Object.keys(ERRORS))),
  says: orNull(Type.String()),
  generation: count,
  exact: Type.Boolean(),
  algorithm: orNull(oneOf(BATCH_ALGORITHMS)),
  image,
  bytes: orNull(count),
  ...{ digests, pdq, pdqFull, blockhash, lowQuality, degenerate, oneDimensional, degraded },
  matchCount: count,
  searched: Type.Object({
    views: count,
    hashes: count,
    digests: count,
    detail: oneOf(DETAILS),
    windows: Type.Object(
      Object.fromEntries(WINDOW_KINDS.map((kind) => [kind, windowCount])) as Record<
        (typeof WINDOW_KINDS)[number],
        typeof windowCount
      >,
    ),
    beyondBits: count,
    windowRadiusBits: count,
    windowWrongBitsMax: count,
  }),
  lists: Type.Array(
    Type.Object({
      list: Type.String(),
      kind: oneOf(['match', 'suppression']),
      enabled: Type.Boolean(),
      radiusBits: count,
      detail: oneOf(DETAILS),
      matchLowQuality: Type.Boolean(),
      sampleRatio: Type.Number({ minimum: 0, maximum: 1 }),
      inForce: Type.Boolean(),
      reached: count,
      admitted: count,
      entries: Type.Array(Explained),
      truncated: Type.Boolean(),
    }),
  ),
});
