/** Schemas of ledger queries and answers. */
import { Type } from '@sinclair/typebox';
import { NOTE_CHARACTERS_MAX } from '../core/limits.js';
import { INTERVALS } from '../core/period.js';
import { HIT_STATUSES } from '../core/vocabulary.js';
import { REPORT_FORMATS } from '../reports/formats.js';
import { LANGUAGES } from '../reports/words.js';
import { Match } from './schemas.js';

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
  interval: orNull(oneOf(INTERVALS)),
  series: Type.Array(Point),
});

export const HitResult = Type.Object({
  id: Type.String(),
  tenant: Type.String(),
  reference: maybeText,
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
  generation: count,
  checkId: maybeText,
  quarantined: Type.Boolean(),
  status: oneOf(HIT_STATUSES),
  history: Type.Array(
    Type.Object({ at: Type.String(), status: oneOf(HIT_STATUSES), note: maybeText, by: Type.String() }),
  ),
  clock: Type.Object({
    startedAt: Type.String(),
    stoppedAt: maybeText,
    seconds: maybeNumber,
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

export const HitsQuery = Type.Object({
  tenant: Tenant,
  list: Type.Optional(Type.String()),
  status: Type.Optional(oneOf(HIT_STATUSES)),
  ...Range,
  category: Category,
  overdue: Type.Optional(oneOf(['1', '0', 'true', 'false'])),
  reference: Type.Optional(Type.String()),
  order: Type.Optional(oneOf(['newest', 'oldest'])),
  cursor: Type.Optional(
    Type.String({ pattern: '^[0-9A-HJKMNP-TV-Z]{26}$', description: 'The cursor of the previous page.' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: HITS_PER_PAGE_MAX })),
});

export const HitsResult = Type.Object({ hits: Type.Array(HitResult), cursor: maybeText });

export const HitChangeBody = Type.Object(
  {
    status: oneOf(HIT_STATUSES.filter((status) => status !== 'open')),
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

const within = Type.Array(Type.Object({ hours: count, count, share: maybeNumber }));
const Figures = {
  cases: count,
  open: count,
  removed: count,
  falsePositives: count,
  medianSeconds: maybeNumber,
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
  series: Type.Array(Point),
  takedown: Type.Object({
    ...Figures,
    notified: count,
    confirmed: count,
    p90Seconds: maybeNumber,
    oldestOpenAt: maybeText,
    seenAgainAfterRemoval: count,
    byTenant: Type.Array(Type.Object({ tenant: Type.String(), ...Figures })),
  }),
  reversals: Type.Object({ decided: count, reversed: count, errorRate: maybeNumber }),
});
