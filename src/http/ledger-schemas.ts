/** Schemas of ledger queries and answers. */
import { Type } from '@sinclair/typebox';
import { ASSIGNEE_CHARACTERS_MAX, NOTE_CHARACTERS_MAX } from '../core/limits.js';
import { INTERVALS } from '../core/period.js';
import { DECISIONS, HIT_STATUSES } from '../core/vocabulary.js';
import { HIT_ORDERS } from '../ledger/hit-cursor.js';
import { REPORT_FORMATS } from '../reports/formats.js';
import { LANGUAGES } from '../reports/words.js';
import { Match, Name, REFERENCE_CHARACTERS_MAX } from './schemas.js';

/** Hits on one page. */
const HITS_PER_PAGE_MAX = 1_000;

const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });
const orNull = <T extends ReturnType<typeof Type.Unsafe>>(schema: T) => Type.Union([schema, Type.Null()]);
const count = Type.Integer({ minimum: 0 });
/** Every name: the pattern of a record leaves out names with a newline. */
const byName = Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: count });
const time = Type.String({ format: 'date-time' });
const maybeText = orNull(Type.String());
const maybeNumber = orNull(Type.Number());

const Totals = { checked: count, matched: count, suppressed: count, notChecked: count };
const Point = Type.Object({ start: Type.String(), ...Totals });
const TenantTotals = Type.Object({ tenant: Type.String(), ...Totals });

const Range = { from: Type.Optional(time), to: Type.Optional(time) };
const Tenant = Type.Optional(
  Type.String({ description: 'Needs the scope admin; every other key sees its own tenant.' }),
);

/** What a list says of an entry is a fact about the value that the caller submitted. */
const Category = Type.Optional(Type.String({ description: 'Needs the scope details.' }));

export const StatsQuery = Type.Object({
  ...Range,
  tenant: Tenant,
  list: Type.Optional(Type.String({ description: 'Matches of this list; checked still counts everything.' })),
  category: Category,
  interval: Type.Optional(oneOf(INTERVALS)),
});

export const StatsResult = Type.Object({
  from: maybeText,
  to: maybeText,
  ...Totals,
  exact: count,
  near: count,
  byList: byName,
  byCategory: byName,
  byReason: byName,
  byTenant: byName,
  interval: oneOf(INTERVALS),
  series: Type.Array(Point),
});

const KeyOfEvent = Type.Union([Type.Object({ id: Type.String(), name: maybeText }), Type.Null()], {
  description: 'The key that decided. Those of other tenants need the scope admin.',
});

export const HitResult = Type.Object({
  id: Type.String(),
  tenant: Type.String(),
  reference: maybeText,
  referenceUrl: Type.Union([Type.String(), Type.Null()], {
    description: 'By the template of its tenant, if there is one.',
  }),
  kind: oneOf(['image', 'hash']),
  firstSeenAt: Type.String(),
  lastSeenAt: Type.String(),
  timesSeen: count,
  seenAfterRemoval: count,
  digests: Type.Object({
    md5: Type.Optional(Type.String()),
    sha1: Type.Optional(Type.String()),
    sha256: Type.Optional(Type.String()),
  }),
  list: Type.String(),
  entryId: Type.Optional(Type.String({ description: 'This field and the next eight need the scope details.' })),
  algorithm: Type.Optional(Type.String()),
  distance: Type.Optional(Type.Number()),
  radius: Type.Optional(Type.Number()),
  orientation: Type.Optional(maybeText),
  family: Type.Optional(maybeText),
  category: Type.Optional(maybeText),
  severity: Type.Optional(maybeText),
  source: Type.Optional(maybeText),
  matchType: oneOf(['exact', 'near']),
  matches: Type.Array(Match),
  possible: Type.Boolean(),
  generation: count,
  checkId: maybeText,
  quarantined: Type.Boolean(),
  status: oneOf(HIT_STATUSES),
  history: Type.Array(
    Type.Object({
      at: Type.String(),
      status: oneOf(HIT_STATUSES),
      note: maybeText,
      by: Type.String({ description: 'The tenant of the key, `local`, or `zeef` itself.' }),
      key: KeyOfEvent,
    }),
  ),
  assignee: Type.Union([Type.String(), Type.Null()], {
    description: 'Who has the case: a name that the tenant chose.',
  }),
  disputed: Type.Boolean({ description: 'The match, or the last decision, is disputed; the next decision ends it.' }),
  handling: Type.Array(
    Type.Object({
      at: Type.String(),
      assignee: Type.Optional(maybeText),
      disputed: Type.Optional(Type.Boolean()),
      note: maybeText,
      by: Type.String({ description: 'The tenant of the key, or `local`.' }),
      key: KeyOfEvent,
    }),
    { description: 'Changes of `assignee` and `disputed`, oldest first; what did not change is absent.' },
  ),
  clock: Type.Object({
    foundAt: Type.String(),
    startedAt: Type.String(),
    stoppedAt: maybeText,
    seconds: maybeNumber,
    secondsFromFinding: maybeNumber,
    deadlines: Type.Array(Type.Object({ hours: count, dueAt: Type.String(), met: orNull(Type.Boolean()) })),
  }),
  suppression: Type.Optional(
    Type.Object({
      offered: Type.Boolean(),
      added: Type.Boolean(),
      list: Type.String(),
      entryId: Type.Optional(Type.String()),
    }),
  ),
});

const YES_OR_NO = ['1', '0', 'true', 'false'] as const;
const HIT_FORMATS = ['json', 'csv'] as const;

export const HitsQuery = Type.Object({
  tenant: Tenant,
  list: Type.Optional(Type.String()),
  status: Type.Optional(oneOf(HIT_STATUSES)),
  ...Range,
  category: Category,
  overdue: Type.Optional(oneOf(YES_OR_NO)),
  disputed: Type.Optional(oneOf(YES_OR_NO)),
  assignee: Type.Optional(Type.String({ minLength: 1 })),
  reference: Type.Optional(Type.String()),
  referencePrefix: Type.Optional(Type.String({ minLength: 1, description: 'The beginning of the reference.' })),
  kind: Type.Optional(oneOf(['image', 'hash'])),
  order: Type.Optional(oneOf(HIT_ORDERS)),
  cursor: Type.Optional(
    Type.String({
      pattern: '^([0-9]{1,15}[.][0-9]{1,15}[.])?[0-9A-HJKMNP-TV-Z]{26}$',
      title: 'the cursor of an answer',
      description: 'The cursor of the previous page.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: HITS_PER_PAGE_MAX })),
  format: Type.Optional(oneOf(HIT_FORMATS)),
});

const SearchedReference = Type.String({ minLength: 1, maxLength: REFERENCE_CHARACTERS_MAX });

/** Not in an address: a digest of a listed file is a value of its list, and addresses are in the logs of proxies. */
export const HitsSearchBody = Type.Object(
  {
    digest: Type.Optional(
      Type.String({
        pattern: '^([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$',
        title: 'an MD5, SHA-1 or SHA-256 in hex',
      }),
    ),
    reference: Type.Optional(SearchedReference),
    referencePrefix: Type.Optional(SearchedReference),
    tenant: Type.Optional(Name),
    cursor: HitsQuery.properties.cursor,
    limit: HitsQuery.properties.limit,
  },
  { additionalProperties: false },
);

export const HitsResult = Type.Object({ hits: Type.Array(HitResult), cursor: maybeText });

export const HitChangeBody = Type.Object(
  {
    status: Type.Optional(oneOf(DECISIONS)),
    assignee: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: ASSIGNEE_CHARACTERS_MAX }), Type.Null()], {
        description: 'Who has the case; null takes it away. Not together with status.',
      }),
    ),
    disputed: Type.Optional(Type.Boolean({ description: 'Not together with status, which ends a dispute.' })),
    note: Type.Optional(Type.String({ maxLength: NOTE_CHARACTERS_MAX })),
    suppress: Type.Optional(
      Type.Boolean({ description: 'With false_positive: suppress the entry. Needs the scope admin.' }),
    ),
  },
  { additionalProperties: false },
);

export const ReportQuery = Type.Object({
  period: Type.Optional(Type.String({ description: '2026, 2026-Q3, 2026-09 or 2026-09-14, in UTC.' })),
  ...Range,
  tenant: Tenant,
  format: Type.Optional(oneOf(REPORT_FORMATS)),
});

export const NoticeQuery = Type.Object({ language: Type.Optional(oneOf(LANGUAGES)) });

const within = Type.Array(Type.Object({ hours: count, count, due: count, share: maybeNumber }));
const Figures = {
  cases: count,
  open: count,
  removed: count,
  falsePositives: count,
  medianSeconds: maybeNumber,
  medianSecondsFromFinding: maybeNumber,
  overdue: count,
  within,
};

export const ReportResult = Type.Object({
  period: Type.String(),
  from: Type.String(),
  to: Type.String(),
  tenant: maybeText,
  generatedAt: Type.String(),
  ...Totals,
  exact: count,
  near: count,
  hitRate: maybeNumber,
  byTenant: Type.Array(TenantTotals),
  byList: Type.Array(Type.Object({ list: Type.String(), matched: count })),
  byCategory: Type.Array(Type.Object({ category: Type.String(), matched: count })),
  byReason: Type.Array(Type.Object({ reason: Type.String(), count })),
  interval: oneOf(INTERVALS),
  series: Type.Array(Point),
  takedown: Type.Object({
    ...Figures,
    notified: count,
    confirmed: count,
    p90Seconds: maybeNumber,
    p90SecondsFromFinding: maybeNumber,
    oldestOpenAt: maybeText,
    seenAgainAfterRemoval: count,
    byTenant: Type.Array(Type.Object({ tenant: Type.String(), ...Figures })),
  }),
  reversals: Type.Object({ decided: count, reversed: count, errorRate: maybeNumber }),
});
