/** Schemas of lists, their versions and imports, and of suppressions. */
import { Type } from '@sinclair/typebox';
import { BANK_CHARACTERS_MAX, BANK_NAME } from '../core/bank-name.js';
import { LIST_ENTRY_DAYS_MAX, LIST_WORDS_MAX, NOTE_CHARACTERS_MAX, RADIUS_BITS_MAX } from '../core/limits.js';
import { ALGORITHMS } from '../core/vocabulary.js';
import { DETAILS } from '../core/window.js';
import { HOLD_RULES, NEAR_KINDS } from '../store/lists-contract.js';
import {
  count,
  Name,
  oneOf,
  orNull,
  REFERENCE_CHARACTERS_MAX,
  TIME_CHARACTERS_MAX,
  VALUE_CHARACTERS_MAX,
} from './schemas.js';

/** A term of a list or of a provider. */
const WORD_CHARACTERS_MAX = 256;

export const ListResult = Type.Object({
  list: Type.String(),
  kind: oneOf(['match', 'suppression']),
  enabled: Type.Boolean(),
  radiusBits: count,
  matchLowQuality: Type.Boolean(),
  detail: oneOf(DETAILS),
  version: count,
  importedAt: orNull(Type.String()),
  entryCount: count,
  rejectedCount: count,
  duplicateCount: count,
  entriesByAlgorithm: Type.Record(Type.String(), count),
  categoryMap: Type.Record(Type.String(), Type.String()),
  severityMap: Type.Record(Type.String(), Type.String()),
  expiresAt: orNull(Type.String()),
  entryDaysMax: orNull(count),
  tenant: orNull(Type.String()),
  bank: orNull(Type.String()),
  sampleRatio: Type.Number({ minimum: 0, maximum: 1 }),
  formerNames: Type.Array(Type.Object({ name: Type.String(), until: count })),
});

export const ListHealthResult = Type.Object({
  ...ListResult.properties,
  quarantinedCount: count,
  heldVersion: orNull(count),
});

const EntryText = Type.String({ minLength: 1, maxLength: REFERENCE_CHARACTERS_MAX });

export const NewSuppressionBody = Type.Union([
  Type.Object(
    {
      algorithm: oneOf(ALGORITHMS),
      value: Type.String({ minLength: 1, maxLength: VALUE_CHARACTERS_MAX, description: 'Hex or base64.' }),
      note: Type.Optional(Type.String({ maxLength: NOTE_CHARACTERS_MAX })),
    },
    { additionalProperties: false },
  ),
  Type.Object({ list: Name, entryId: EntryText }, { additionalProperties: false }),
  Type.Object({ list: Name, source: EntryText }, { additionalProperties: false }),
]);

export const SuppressionResult = Type.Object({
  id: orNull(Type.String()),
  algorithm: orNull(oneOf(ALGORITHMS)),
  note: orNull(Type.String()),
  createdAt: orNull(Type.String()),
  list: orNull(Type.String()),
  entryId: orNull(Type.String()),
});

/** Map from the list's term to the provider's. */
const WordMap = Type.Record(
  Type.String({ maxLength: WORD_CHARACTERS_MAX }),
  Type.String({ minLength: 1, maxLength: WORD_CHARACTERS_MAX }),
  { maxProperties: LIST_WORDS_MAX },
);

/** As clients of HMA's interface name it. */
const Bank = Type.String({
  pattern: BANK_NAME.source,
  maxLength: BANK_CHARACTERS_MAX,
  title: 'capitals, digits and _, not beginning with a digit',
});

const ListChanges = {
  enabled: Type.Optional(Type.Boolean()),
  radiusBits: Type.Optional(Type.Integer({ minimum: 0, maximum: RADIUS_BITS_MAX })),
  matchLowQuality: Type.Optional(Type.Boolean()),
  detail: Type.Optional(oneOf(DETAILS)),
  categoryMap: Type.Optional(WordMap),
  severityMap: Type.Optional(WordMap),
  expiresAt: Type.Optional(orNull(Type.String({ format: 'date-time', maxLength: TIME_CHARACTERS_MAX }))),
  entryDaysMax: Type.Optional(orNull(Type.Integer({ minimum: 1, maximum: LIST_ENTRY_DAYS_MAX }))),
  tenant: Type.Optional(orNull(Name)),
  bank: Type.Optional(orNull(Bank)),
  sampleRatio: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
};

export const ListChangeBody = Type.Object(
  { name: Type.Optional(Name), ...ListChanges },
  { additionalProperties: false, minProperties: 1 },
);

export const NewListBody = Type.Object(
  { list: Name, kind: Type.Optional(oneOf(['match', 'suppression'])), ...ListChanges },
  { additionalProperties: false },
);

export const HoldReason = Type.Object({
  rule: oneOf(HOLD_RULES),
  count,
  limit: Type.Integer({ minimum: 0, description: 'Count up to which no review is needed.', examples: [20] }),
  firstRows: Type.Optional(
    Type.Array(
      Type.Object({
        line: count,
        entryId: orNull(Type.String()),
        near: Type.Optional(
          Type.Object(
            {
              kind: Type.Unsafe<(typeof NEAR_KINDS)[number]>({
                type: 'string',
                enum: [...NEAR_KINDS],
                description: 'What it is near.',
              }),
              line: orNull(count),
              shows: Type.Union([Type.String(), Type.Null()], {
                description: 'What the canary shows, in a word; null for others.',
              }),
              list: orNull(Type.String()),
              entryId: orNull(Type.String()),
            },
            { description: 'A canary that ships, an entry of a suppression list, or another row of the import.' },
          ),
        ),
      }),
    ),
  ),
});

export const ImportReportResult = Type.Object({
  list: Type.String(),
  version: count,
  accepted: count,
  duplicates: count,
  rejected: count,
  deleted: count,
  added: count,
  removed: count,
  updated: count,
  rejectedByReason: Type.Record(Type.String(), count),
  held: Type.Array(HoldReason),
  firstRejected: Type.Array(
    Type.Object({
      line: count,
      reason: Type.String({ description: 'Rule that the row broke.', examples: ['value_invalid'] }),
    }),
  ),
});

export const VersionResult = Type.Object({
  list: Type.String(),
  version: count,
  state: oneOf(['active', 'past', 'held']),
  mode: oneOf(['replace', 'add']),
  importedAt: Type.String(),
  origin: orNull(Type.String()),
  accepted: count,
  duplicates: count,
  rejected: count,
  rejectedByReason: Type.Record(Type.String(), count),
  added: count,
  removed: count,
  updated: count,
  checksum: Type.String(),
  held: Type.Array(HoldReason),
});
