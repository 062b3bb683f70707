/** Settings of a list's source, from an operator or an administrator's key, validated. */
import { AppError } from '../core/errors.js';
import { URL_CHARACTERS_MAX } from '../core/limits.js';
import { SOURCE_SECRETS, type SourceType } from '../core/vocabulary.js';
import type { SourceInfo, SourceSecret } from '../store/lists-contract.js';
import { NEW_SOURCE } from '../store/source-row.js';
import type { Vault } from '../vault/vault.js';
import { sealSecret } from './import/source-secrets.js';
import { placeOf } from './import/spool-pages.js';

/** A secret by the name of its variable, or itself, to be sealed. */
export type GivenSecret = { readonly env: string } | { readonly value: string };

interface SourceSettings {
  readonly type: SourceType;
  readonly url: string;
  readonly user?: string | null | undefined;
  readonly secrets?: Readonly<Record<string, GivenSecret>> | undefined;
  readonly members?: readonly string[] | undefined;
  readonly privacyGroup?: string | null | undefined;
  readonly everyMinutes?: number | null | undefined;
}

/** A year. */
export const EVERY_MINUTES_MAX = 525_600;
/** Members of NCMEC's programmes are some hundreds. */
export const MEMBERS_MAX = 1_000;
/** A token has a thousand characters. */
export const SECRET_CHARACTERS_MAX = 8_192;
/** What no header carries. */
const CONTROL = /\p{Cc}/u;

const invalid = (field: string, expected: string) => new AppError('REQUEST_INVALID', { field, expected });

/** Parameters that would put a secret into the URL, which is shown and logged. */
const SECRET_PARAMETER = /token|key|secret|password|^code$|^sig$/i;

const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

/** Errors REQUEST_INVALID. */
function requireAddress(url: string, hasSecrets: boolean): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw invalid('url', 'http or https URL');
  if (parsed.username !== '' || parsed.password !== '' || [...parsed.searchParams.keys()].some(isSecretParameter))
    throw invalid('url', 'a URL without credentials, which are secrets of their own');
  if (parsed.href.length > URL_CHARACTERS_MAX) throw invalid('url', `at most ${URL_CHARACTERS_MAX} characters`);
  if (hasSecrets && parsed.protocol === 'http:' && !isLoopback(parsed.hostname))
    throw invalid('url', 'https, since secrets are sent');
  return parsed.href;
}

const isSecretParameter = (name: string) => SECRET_PARAMETER.test(name);

/** Validate a variable's name; a service refuses to start with unknown variables that begin with ZEEF_. Errors REQUEST_INVALID. */
function requireVariable(field: string, name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name) && !name.startsWith('ZEEF_')) return name;
  throw invalid(field, 'name of an environment variable, not beginning with ZEEF_');
}

/** Errors REQUEST_INVALID; its details do not quote the secret. */
function requireValue(field: string, value: string): string {
  const secret = value.trim();
  if (secret !== '' && secret.length <= SECRET_CHARACTERS_MAX && !CONTROL.test(secret)) return secret;
  throw invalid(field, `a secret of up to ${SECRET_CHARACTERS_MAX} characters, none of them a control character`);
}

function secretsFrom(
  list: string,
  { type, url, secrets = {} }: SourceSettings,
  vault: Vault,
): Readonly<Record<string, SourceSecret>> {
  const roles: readonly string[] = SOURCE_SECRETS[type];
  const stored = Object.entries(secrets).map(([role, given]) => {
    const field = `secrets.${role}`;
    if (!roles.includes(role)) throw invalid('secrets', roles.join(' '));
    if ('env' in given) return [role, { env: requireVariable(field, given.env) }] as const;
    return [role, sealSecret(vault, { list, role, url }, requireValue(field, given.value))] as const;
  });
  return Object.fromEntries(stored);
}

/**
 * Return the source of these settings. `before`: the present one; its checkpoint stays unless another place is set.
 * Errors REQUEST_INVALID, with the field.
 */
export function sourceFrom(
  list: string,
  settings: SourceSettings,
  { vault, before }: { readonly vault: Vault; readonly before: SourceInfo | null },
): SourceInfo {
  const { type, user = null, members = [], privacyGroup = null, everyMinutes = null } = settings;
  const url = requireAddress(settings.url, Object.keys(settings.secrets ?? {}).length > 0);
  if (user !== null && (user === '' || CONTROL.test(user) || user.includes(':')))
    throw invalid('user', 'a name without a colon and without control characters');
  if (members.length > 0 && type !== 'ncmec') throw invalid('members', 'a source of type ncmec');
  if (members.length > MEMBERS_MAX || members.some((id) => !/^\d{1,20}$/.test(id)))
    throw invalid('members', `up to ${MEMBERS_MAX} ids of members, which are numbers`);
  if ((privacyGroup !== null) !== (type === 'threatexchange') || !/^\d{1,30}$/.test(privacyGroup ?? '0'))
    throw invalid('privacyGroup', 'the id of a privacy group, a number, for type threatexchange only');
  if (
    everyMinutes !== null &&
    !(Number.isInteger(everyMinutes) && everyMinutes >= 1 && everyMinutes <= EVERY_MINUTES_MAX)
  )
    throw invalid('everyMinutes', `1..${EVERY_MINUTES_MAX}`);
  const secrets = secretsFrom(list, { ...settings, url }, vault);
  const sorted = [...new Set(members)].sort();
  const source = { ...NEW_SOURCE, type, url, user, secrets, members: sorted, privacyGroup, everyMinutes };
  if (before === null || placeOf(before) !== placeOf(source)) return source;
  const { checkpoint, syncedAt, requestedAt, lastTry } = before;
  return { ...source, checkpoint, syncedAt, requestedAt, lastTry };
}
