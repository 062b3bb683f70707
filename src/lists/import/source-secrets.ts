/**
 * Secrets of list sources: sealed by the vault, or in environment variables. A sealed secret names its list, its role and
 * the host that it is for, so that a source whose row was changed sends it nowhere else.
 */
import { AppError } from '../../core/errors.js';
import { secretFrom } from '../../core/secret.js';
import type { SecretRole, SourceType } from '../../core/vocabulary.js';
import type { SourceInfo, SourceSecret } from '../../store/lists-contract.js';
import type { Vault } from '../../vault/vault.js';

/** Of the vault's kinds of values; algorithms have the lowest numbers. */
const SECRET_LABEL = 255;

export type Secrets = Readonly<Partial<Record<SecretRole, string>>>;

interface About {
  readonly list: string;
  readonly role: string;
  readonly url: string;
}

const prefixOf = ({ list, role, url }: About) => `${JSON.stringify([list, role, new URL(url).origin])}\n`;

export function sealSecret(vault: Vault, about: About, secret: string): SourceSecret {
  return { sealed: vault.seal(SECRET_LABEL, Buffer.from(prefixOf(about) + secret)).toString('base64') };
}

/** Return a secret; null: it is damaged, or of another source. */
function opened(vault: Vault, about: About, sealed: string): string | null {
  const prefix = prefixOf(about);
  try {
    const text = vault.open(SECRET_LABEL, Buffer.from(sealed, 'base64')).toString();
    return text.startsWith(prefix) ? text.slice(prefix.length) : null;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SEALED_DAMAGED') throw error;
    return null;
  }
}

/** Errors SOURCE_FAILED. */
function openSecret(vault: Vault, about: About, sealed: string): string {
  const text = opened(vault, about, sealed);
  if (text !== null) return text;
  throw new AppError('SOURCE_FAILED', { why: `the sealed ${about.role} cannot be opened; set it again` });
}

/** Return a source for another name of its list. A secret that cannot be opened stays as it is: it is to be set again, as before. */
export function sourceRenamed(vault: Vault, source: SourceInfo, list: string, to: string): SourceInfo {
  const { url } = source;
  const renamed = (role: string, secret: SourceSecret): SourceSecret => {
    if (!('sealed' in secret)) return secret;
    const text = opened(vault, { list, role, url }, secret.sealed);
    return text === null ? secret : sealSecret(vault, { list: to, role, url }, text);
  };
  const secrets = Object.entries(source.secrets).map(([role, secret]) => [role, renamed(role, secret)]);
  return { ...source, secrets: Object.fromEntries(secrets) };
}

/** Return the secrets of a source. Errors SOURCE_FAILED: a variable is not set, or a sealed secret is of another source. */
export function readSecrets(
  list: string,
  { url, secrets }: SourceInfo,
  { env, vault }: { readonly env: Readonly<Record<string, string | undefined>>; readonly vault: Vault },
): Secrets {
  const read = (role: string, secret: SourceSecret): string => {
    if ('sealed' in secret) return openSecret(vault, { list, role, url }, secret.sealed);
    const found = secretFrom(env, secret.env);
    if ('why' in found) throw new AppError('SOURCE_FAILED', { why: found.why, variable: secret.env });
    return found.secret;
  };
  return Object.fromEntries(Object.entries(secrets).map(([role, secret]) => [role, read(role, secret)]));
}

/** What a publisher gave to a tenant, for all of its lists of that publisher. */
export interface Credentials {
  readonly user: string | null;
  readonly secrets: Secrets;
}

const ownerOf = (tenant: string, type: SourceType) => `${JSON.stringify([tenant, type])}\n`;

/** Return them sealed, as base64. They name their tenant and publisher, so that a row that was changed gives them to no other. */
export function sealCredentials(vault: Vault, tenant: string, type: SourceType, credentials: Credentials): string {
  const text = ownerOf(tenant, type) + JSON.stringify(credentials);
  return vault.seal(SECRET_LABEL, Buffer.from(text)).toString('base64');
}

/** Return what `sealCredentials` sealed. Errors SEALED_DAMAGED: it is of another tenant or publisher, or was changed. */
export function openCredentials(vault: Vault, tenant: string, type: SourceType, sealed: string): Credentials {
  const text = vault.open(SECRET_LABEL, Buffer.from(sealed, 'base64')).toString();
  const owner = ownerOf(tenant, type);
  if (!text.startsWith(owner)) throw new AppError('SEALED_DAMAGED');
  return JSON.parse(text.slice(owner.length)) as Credentials;
}
