/** Schemas of administrative requests and answers: keys, tenants, the audit log, webhooks. */
import { Type } from '@sinclair/typebox';
import { KEY_GRACE_HOURS_MAX, KEY_NAME_CHARACTERS_MAX, URL_CHARACTERS_MAX } from '../core/limits.js';
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../store/audit-contract.js';
import { SCOPES } from '../store/keys-contract.js';
import { ALARM_KINDS, TENANT_LIMITS, type TenantLimits } from '../store/tenants-contract.js';
import { WEBHOOK_EVENTS } from '../store/webhooks-contract.js';
import { Name, TIME_CHARACTERS_MAX } from './schemas.js';

/** The name of an environment variable. */
const VARIABLE_CHARACTERS_MAX = 100;

const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });
const textOrNull = Type.Union([Type.String(), Type.Null()]);
const timeOrNull = Type.Union([Type.String({ format: 'date-time', maxLength: TIME_CHARACTERS_MAX }), Type.Null()]);
const count = Type.Integer({ minimum: 0 });

export const KeyResult = Type.Object({
  id: Type.String(),
  line: Type.String({ description: 'The first key of a chain of rotations.' }),
  tenant: Type.String(),
  name: textOrNull,
  scopes: Type.Array(oneOf(SCOPES)),
  createdAt: Type.String(),
  expiresAt: textOrNull,
  revokedAt: textOrNull,
  lastUsedAt: textOrNull,
});

export const CreatedKeyResult = Type.Object({
  key: Type.String({ description: 'Returned once; only its SHA-256 is stored.' }),
  info: KeyResult,
});

export const NewKeyBody = Type.Object(
  {
    tenant: Name,
    scopes: Type.Array(oneOf(SCOPES), { minItems: 1, maxItems: SCOPES.length, uniqueItems: true }),
    name: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: KEY_NAME_CHARACTERS_MAX }), Type.Null()])),
    expiresAt: Type.Optional(timeOrNull),
  },
  { additionalProperties: false },
);

export const RotationBody = Type.Object(
  {
    graceHours: Type.Optional(Type.Number({ minimum: 0, maximum: KEY_GRACE_HOURS_MAX })),
    expiresAt: Type.Optional(timeOrNull),
  },
  { additionalProperties: false },
);

const eachLimit = <T extends ReturnType<typeof Type.Optional>>(schema: T) =>
  Type.Object(Object.fromEntries(TENANT_LIMITS.map((name) => [name, schema])), { additionalProperties: false });

const Limits = Type.Unsafe<TenantLimits>(eachLimit(Type.Optional(count)));
const Alarm = Type.Object({ at: Type.String(), kind: oneOf(ALARM_KINDS), queries: count });

export const TenantResult = Type.Object({
  tenant: Type.String(),
  createdAt: Type.String(),
  disabled: Type.Boolean(),
  limits: Limits,
  ownLimits: Type.Unsafe<Partial<TenantLimits>>(eachLimit(Type.Optional(count))),
  alarm: Type.Union([Alarm, Type.Null()]),
  referenceUrl: textOrNull,
  today: Type.Object({
    day: Type.String(),
    checks: count,
    bytes: count,
    distinctHashes: Type.Union([count, Type.Null()]),
    concurrentRequests: count,
  }),
});

export const TenantChangeBody = Type.Object(
  {
    disabled: Type.Optional(Type.Boolean()),
    limits: Type.Optional(
      Type.Unsafe<{ [K in keyof TenantLimits]?: number | null }>(
        eachLimit(Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 1e15 }), Type.Null()]))),
      ),
    ),
    alarm: Type.Optional(Type.Null({ description: 'Clears the alarm.' })),
    referenceUrl: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: URL_CHARACTERS_MAX }), Type.Null()], {
        description: 'Address of a reference, with {reference} in its path, query or fragment; null removes it.',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const AuditQuery = Type.Object({
  tenant: Type.Optional(Type.String()),
  cursor: Type.Optional(
    Type.String({
      pattern: '^\\d{1,15}$',
      title: 'the cursor of an answer',
      description: 'The cursor of the previous page.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  all: Type.Optional(
    Type.Boolean({ description: 'Include entries that were written before a change whose outcome is known.' }),
  ),
});

export const AuditResult = Type.Object({
  entries: Type.Array(
    Type.Object({
      seq: count,
      at: Type.String(),
      actor: Type.String({ description: 'A key’s id, local, cli: and a user’s name, or zeef itself.' }),
      action: oneOf(AUDIT_ACTIONS),
      tenant: textOrNull,
      target: textOrNull,
      details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
      outcome: Type.Union([oneOf(AUDIT_OUTCOMES), Type.Null()], {
        description:
          '`begun`: in progress, or interrupted with an unknown outcome; null in entries of earlier versions.',
      }),
      ends: Type.Union([count, Type.Null()], { description: 'The entry that was written before the change.' }),
      hash: Type.String({ description: 'SHA-256 of this entry and the hash before it.' }),
    }),
  ),
  cursor: textOrNull,
});

export const WebhookResult = Type.Object({
  id: Type.String(),
  tenant: Type.Union([Type.String(), Type.Null()], {
    description: 'Tenant whose events are sent; null: of all tenants.',
  }),
  url: Type.String(),
  secretEnv: Type.String(),
  createdAt: Type.String(),
  waiting: count,
  dead: count,
});

export const NewWebhookBody = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: URL_CHARACTERS_MAX }),
    secretEnv: Type.String({
      minLength: 1,
      maxLength: VARIABLE_CHARACTERS_MAX,
      description: 'Name of the environment variable that holds the secret; never the secret itself.',
    }),
    tenant: Type.Optional(Type.Union([Name, Type.Null()])),
  },
  { additionalProperties: false },
);

export const DeadLetterResult = Type.Object({
  id: Type.String(),
  kind: oneOf(WEBHOOK_EVENTS),
  createdAt: Type.String(),
  attempts: count,
  lastError: textOrNull,
  body: Type.String({ description: 'The body of the undelivered event.' }),
});
