/** A list's source as it is stored: JSON, without a migration for fields that are added. */
import { SOURCE_SECRETS } from '../core/vocabulary.js';
import type { SourceInfo } from './lists-contract.js';

/** Fields of a source that are not given. */
export const NEW_SOURCE = {
  user: null,
  secrets: {},
  members: [],
  privacyGroup: null,
  everyMinutes: null,
  checkpoint: null,
  syncedAt: null,
  requestedAt: null,
  lastTry: null,
} as const;

/** Read a stored source. Rows of earlier versions have one variable, `secretEnv`, and may lack later fields. */
export function sourceOf(json: string): SourceInfo {
  const { secretEnv, header, ...row } = JSON.parse(json) as SourceInfo & Readonly<Record<string, unknown>>;
  const [first, second] = SOURCE_SECRETS[row.type] ?? ['password'];
  // The one of StopNCII's two keys that had a header of its own.
  const role = /subscription/i.test(String(header)) && second !== undefined ? second : first;
  const secrets = typeof secretEnv === 'string' ? { [role]: { env: secretEnv } } : {};
  return { ...NEW_SOURCE, ...row, secrets: row.secrets ?? secrets };
}
