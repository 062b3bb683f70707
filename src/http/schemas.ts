/** Schemas of requests and answers; `openapi.json` is generated from them. */
import { Type } from '@sinclair/typebox';
import { SEED_CHARACTERS_MAX } from '../check/draw.js';
import { BATCH_ALGORITHMS } from '../check/search-piece.js';
import { DERIVED_KINDS } from '../core/derived.js';
import { ERRORS } from '../core/errors.js';
import { FRAMES_DEFAULT, FRAMES_MAX, NAME_CHARACTERS_MAX, WINDOW_VIEWS_MAX } from '../core/limits.js';
import {
  BACKGROUNDS,
  FAMILIES,
  IMAGE_FORMATS,
  NOT_CHECKED_REASONS,
  ORIENTATIONS,
  PARTS,
  VERDICTS,
} from '../core/vocabulary.js';
import { DETAILS, WINDOW_KINDS } from '../core/window.js';
import { HAMMING_ALGORITHMS } from '../lists/snapshot.js';

/** Windows of one view: 48 that are found, the image at another size, and 151 at fixed places. */
export const VIEW_WINDOWS = 200;
/**
 * Hashes of one file: 16 frames and another part, each as stored and by three backgrounds, in two families of eight orientations, and
 * blockhash; an image has `resized` and one of the others. And the windows of each of four views, mirrored too.
 */
const FILE_HASHES_MAX = 1_156 + WINDOW_VIEWS_MAX * 2 * VIEW_WINDOWS;
/** Names of lists in one request: services have some dozens of lists. */
const LIST_NAMES_MAX = 1_000;
/** The client's name for an image or item: stored with each hit, and long enough for a path or a URL. */
export const REFERENCE_CHARACTERS_MAX = 1_024;
/** A PhotoDNA value in hex, the longest of all, with room for spaces around it. */
export const VALUE_CHARACTERS_MAX = 512;
/** A time of RFC 3339 with nanoseconds and an offset has 35 characters; its text is stored as it was sent. */
export const TIME_CHARACTERS_MAX = 40;

export const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });
export const orNull = <T extends ReturnType<typeof Type.Unsafe>>(schema: T) => Type.Union([schema, Type.Null()]);
const text = (description: string) => Type.String({ description });
export const count = Type.Integer({ minimum: 0 });

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: oneOf(Object.keys(ERRORS)),
    details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
    requestId: Type.String(),
  },
  { description: 'RFC 9457 problem document; `code` is from the one error table.' },
);

const share = Type.Number({ minimum: -1, maximum: 2 });
/** Where a window lies. A window reaches no farther over an edge than half of the image. */
const windowFields = {
  kind: oneOf(WINDOW_KINDS),
  rectangle: Type.Object({ left: share, top: share, right: share, bottom: share }, { additionalProperties: false }),
  degrees: Type.Number({ minimum: -180, maximum: 180 }),
  proportion: Type.Number({ exclusiveMinimum: 0 }),
};

export const Match = Type.Object({
  list: Type.String(),
  matchType: oneOf(['exact', 'near']),
  entryId: Type.Optional(Type.String()),
  algorithm: Type.Optional(Type.String()),
  distance: Type.Optional(Type.Number({ minimum: 0 })),
  radius: Type.Optional(Type.Number({ minimum: 0 })),
  orientation: Type.Optional(orNull(oneOf(ORIENTATIONS))),
  family: Type.Optional(orNull(oneOf(FAMILIES))),
  window: Type.Optional(
    Type.Union([
      Type.Object({ ...windowFields, certainBitsWrong: Type.Integer({ minimum: 0, maximum: 128 }) }),
      Type.Null(),
    ]),
  ),
  derived: Type.Optional(orNull(oneOf(DERIVED_KINDS))),
  frame: Type.Optional(orNull(count)),
  background: Type.Optional(orNull(oneOf(BACKGROUNDS))),
  part: Type.Optional(orNull(oneOf(PARTS))),
  category: Type.Optional(orNull(Type.String())),
  severity: Type.Optional(orNull(Type.String())),
  source: Type.Optional(orNull(Type.String())),
  suppressed: Type.Boolean(),
  quarantined: Type.Boolean(),
  notSampled: Type.Optional(Type.Literal(true)),
});

/** Of an answer: with what the entry says of itself, which a hit does not keep. */
export const AnswerMatch = Type.Object({
  ...Match.properties,
  mediaType: Type.Optional(orNull(Type.String())),
  updatedAt: Type.Optional(orNull(Type.String())),
  tags: Type.Optional(Type.Array(Type.String())),
  notes: Type.Optional(Type.Record(Type.String(), Type.String())),
});

const Digests = Type.Object({
  md5: Type.Optional(Type.String()),
  sha1: Type.Optional(Type.String()),
  sha256: Type.Optional(Type.String()),
});
const Image = Type.Union([
  Type.Object({ format: oneOf(IMAGE_FORMATS), width: orNull(count), height: orNull(count) }),
  Type.Null(),
]);
const Pdq = Type.Union([
  Type.Object({ hash: Type.String(), quality: Type.Integer({ minimum: 0, maximum: 100 }) }),
  Type.Null(),
]);

export const CheckResult = Type.Object(
  {
    id: Type.Union([Type.String(), Type.Null()], {
      description: 'The `reference` of the request; of a file in multipart the name of the file. Null without one.',
    }),
    verdict: oneOf(VERDICTS),
    reason: orNull(oneOf(NOT_CHECKED_REASONS)),
    generation: count,
    checkId: Type.String(),
    digests: Digests,
    image: Image,
    pdq: Pdq,
    pdqFull: Pdq,
    lowQuality: Type.Boolean(),
    oneDimensional: Type.Boolean(),
    degraded: Type.Boolean(),
    exact: Type.Boolean(),
    matches: Type.Array(AnswerMatch),
    possible: Type.Optional(Type.Array(AnswerMatch)),
    matchCount: count,
    truncated: Type.Boolean(),
  },
  { title: 'To one image' },
);

/** `expected` and `nearest`: what the field takes, and the known name nearest to an unknown one. */
const ItemError = Type.Object({
  code: Type.String(),
  says: Type.String(),
  field: orNull(Type.String()),
  expected: Type.Optional(Type.String()),
  nearest: Type.Optional(Type.String()),
});

/** `error` ends the results: the files from there on were not checked. */
export const FilesResult = Type.Object(
  { results: Type.Array(CheckResult), error: Type.Optional(ItemError) },
  { title: 'To multipart/form-data' },
);

export const HashResult = Type.Object({
  digests: Digests,
  image: Image,
  pdq: Pdq,
  pdqFull: Pdq,
  blockhash: orNull(Type.String()),
  orientations: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  views: Type.Array(
    Type.Object({
      frame: count,
      background: orNull(oneOf(BACKGROUNDS)),
      part: orNull(oneOf(PARTS)),
      pdq: Pdq,
      pdqFull: Pdq,
    }),
  ),
  lowQuality: Type.Boolean(),
  degenerate: Type.Boolean(),
  oneDimensional: Type.Boolean(),
  degraded: Type.Boolean(),
  bytes: count,
  reason: orNull(oneOf(NOT_CHECKED_REASONS)),
  code: orNull(oneOf(Object.keys(ERRORS))),
});

/** The name of a list or a tenant. */
export const Name = Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX });

const value = (digits: number) =>
  Type.Optional(Type.String({ maxLength: VALUE_CHARACTERS_MAX, description: `${digits} hex digits.` }));
/** One of several hashes of a file, as Zeef itself would query it. */
const FileHash = Type.Object(
  {
    algorithm: oneOf(HAMMING_ALGORITHMS),
    value: Type.String({ pattern: '^[0-9a-fA-F]{64}$', title: '64 hex digits' }),
    orientation: Type.Optional(oneOf(ORIENTATIONS)),
    family: Type.Optional(orNull(oneOf(FAMILIES))),
    lowQuality: Type.Optional(Type.Boolean()),
    frame: Type.Optional(orNull(Type.Integer({ minimum: 0 }))),
    background: Type.Optional(orNull(oneOf(BACKGROUNDS))),
    part: Type.Optional(orNull(oneOf(PARTS))),
    window: Type.Optional(
      Type.Object(
        { ...windowFields, certain: Type.String({ pattern: '^[0-9a-fA-F]{64}$', title: '64 hex digits' }) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export const HashItem = Type.Object(
  {
    id: Type.Optional(Type.String({ minLength: 1, maxLength: REFERENCE_CHARACTERS_MAX })),
    pdq: value(64),
    blockhash: value(64),
    photodna: Type.Optional(Type.String({ maxLength: VALUE_CHARACTERS_MAX })),
    md5: value(32),
    sha1: value(40),
    sha256: value(64),
    quality: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    hashes: Type.Optional(
      Type.Array(FileHash, {
        maxItems: FILE_HASHES_MAX,
        description: 'Hashes of one file, each of the rotated or mirrored pixels: matched together, with one answer.',
      }),
    ),
  },
  { additionalProperties: false },
);

const radius = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: 256,
    description: 'Only narrows the radius of a list. Needs the scope details, since halving it reveals a distance.',
  }),
);

export const HashesRequest = Type.Object(
  {
    orientations: Type.Optional(oneOf(['all', 'none'])),
    lists: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: LIST_NAMES_MAX })),
    radius,
    detail: Type.Optional(oneOf(DETAILS)),
    items: Type.Array(HashItem),
  },
  { additionalProperties: false },
);

/** What must hold of the whole body: its items are validated one by one, and fail one by one. */
export const HashesEnvelope = Type.Object(
  { ...HashesRequest.properties, items: Type.Array(Type.Unknown()) },
  { additionalProperties: false },
);

const HashVerdict = {
  verdict: Type.Optional(oneOf(VERDICTS)),
  reason: Type.Optional(oneOf(['no_list'])),
  lowQuality: Type.Optional(Type.Boolean()),
  exact: Type.Optional(Type.Boolean()),
  matches: Type.Optional(Type.Array(AnswerMatch)),
  matchCount: Type.Optional(count),
  truncated: Type.Optional(Type.Boolean()),
};

export const HashesResult = Type.Object(
  {
    generation: count,
    checked: count,
    matched: count,
    results: Type.Array(Type.Object({ id: orNull(Type.String()), ...HashVerdict, error: Type.Optional(ItemError) })),
  },
  { title: 'To JSON' },
);

/** Raw values: only those that matched, by their position. */
export const RawHashesResult = Type.Object(
  {
    generation: count,
    results: Type.Array(Type.Object({ index: count, ...HashVerdict })),
    checked: count,
    matched: count,
    lowQuality: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Values with too little detail for near matches; left out where there are none.',
      }),
    ),
    notChecked: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Values that no list could match; left out where there are none.' }),
    ),
    reason: Type.Optional(oneOf(['no_list'])),
    error: Type.Optional(ItemError),
  },
  { title: 'To raw values' },
);

const detail = Type.Optional(oneOf(DETAILS));
/** Of a list that counts in a share of the checks: the same seed draws the same. */
const seed = Type.Optional(Type.String({ minLength: 1, maxLength: SEED_CHARACTERS_MAX }));
const CommonQuery = {
  detail,
  seed,
  orientations: Type.Optional(oneOf(['all', 'none'])),
  lists: Type.Optional(text('Names of lists, separated by commas; all enabled lists by default.')),
  radius,
};
const frames = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: FRAMES_MAX,
    description: `Number of frames or pages to check, evenly spread; ${FRAMES_DEFAULT} by default.`,
  }),
);

export const CheckQuery = Type.Object({
  ...CommonQuery,
  frames,
  digests: Type.Optional(
    Type.String({
      pattern: '^(md5|sha1|sha256)(,(md5|sha1|sha256))*$',
      title: 'some of md5 sha1 sha256, separated by commas',
      description: 'Digests to return beside SHA-256 and those that the lists hold, separated by commas.',
    }),
  ),
  reference: Type.Optional(
    Type.String({
      maxLength: REFERENCE_CHARACTERS_MAX,
      description: 'The client’s name for the image; returned as id.',
    }),
  ),
});

export const HashesQuery = Type.Object({ algorithm: Type.Optional(oneOf(BATCH_ALGORITHMS)), ...CommonQuery });

export const HashQuery = Type.Object({ orientations: Type.Optional(oneOf(['all', 'none'])), frames });
