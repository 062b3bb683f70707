/** Schemas of the routes for other programs: a verdict by status, one hash, and the comparison of two. */
import { Type } from '@sinclair/typebox';
import { BATCH_ALGORITHMS } from '../check/search-piece.js';
import { ERRORS } from '../core/errors.js';
import { ALGORITHMS, VERDICTS } from '../core/vocabulary.js';
import {
  AnswerMatch,
  CheckQuery,
  CheckResult,
  count,
  FilesResult,
  oneOf,
  orNull,
  VALUE_CHARACTERS_MAX,
} from './schemas.js';

/** Statuses of a match that a client may choose. nginx understands 403, a form of uploads 422, a delivery of files 451. */
const MATCH_STATUSES = ['403', '406', '422', '451'] as const;
/** As db0/pictrs-safety answers. */
export const MATCH_STATUS_DEFAULT = 406;

const match = Type.Optional(oneOf(MATCH_STATUSES));
const code = Type.Union([oneOf(Object.keys(ERRORS)), Type.Null()], {
  description: '`NOT_CHECKED` where a file or value was not checked; null where all were.',
});

export const VerdictQuery = Type.Object({ ...CheckQuery.properties, match });

const { lists, radius, orientations, reference, seed } = CheckQuery.properties;
const OfOneHash = { lists, radius, orientations, reference, seed };

const value = (digits: number) =>
  Type.Optional(Type.String({ maxLength: VALUE_CHARACTERS_MAX, description: `${digits} hex digits.` }));

export const HashVerdictQuery = Type.Object({
  md5: value(32),
  sha1: value(40),
  sha256: value(64),
  pdq: value(64),
  match,
  ...OfOneHash,
});

/** `code` in addition to the answer of a check. */
export const VerdictResult = Type.Union([
  Type.Object({ ...CheckResult.properties, code }, { title: 'To one image' }),
  Type.Object({ ...FilesResult.properties, code }, { title: 'To multipart/form-data' }),
]);

export const OneHashQuery = Type.Object({ algorithm: Type.Optional(oneOf(BATCH_ALGORITHMS)), ...OfOneHash });

export const OneHashResult = Type.Object({
  id: Type.Union([Type.String(), Type.Null()], { description: 'The `reference` of the request; null without one.' }),
  verdict: oneOf(VERDICTS),
  reason: Type.Optional(oneOf(['no_list'])),
  generation: count,
  lowQuality: Type.Boolean(),
  exact: Type.Boolean(),
  matches: Type.Array(AnswerMatch),
  possible: Type.Optional(Type.Array(AnswerMatch)),
  matchCount: count,
  truncated: Type.Boolean(),
});

export const HashVerdictResult = Type.Object({ ...OneHashResult.properties, code });

const Compared = Type.String({ minLength: 1, maxLength: VALUE_CHARACTERS_MAX });
export const CompareBody = Type.Object(
  { algorithm: oneOf(ALGORITHMS), a: Compared, b: Compared },
  { additionalProperties: false },
);

export const CompareResult = Type.Object({
  algorithm: oneOf(ALGORITHMS),
  distance: orNull(Type.Number({ minimum: 0 })),
  radius: Type.Number({ minimum: 0 }),
  within: Type.Boolean(),
});
