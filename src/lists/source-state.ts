/** What an operator watches of a list's source: its settings, never a secret, and the state of its syncs. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretRole } from '../core/vocabulary.js';
import type { SourceInfo } from '../store/lists-contract.js';
import type { Store } from '../store/store.js';
import { SYNC_FOLDER, spooledPages } from './import/spool-pages.js';
import { isAsked, syncDuty } from './import/sync-list.js';

export const SYNC_STATES = ['idle', 'waiting', 'running'] as const;

export interface SourceState extends Omit<SourceInfo, 'secrets'> {
  readonly list: string;
  /** By role: the variable, or null for a sealed secret. */
  readonly secrets: readonly { readonly role: SecretRole; readonly variable: string | null }[];
  /** `waiting`: a request waits for a service. */
  readonly state: (typeof SYNC_STATES)[number];
  /** Pages of the running or interrupted sync so far. */
  readonly pages: number;
  /** RFC 3339: when a running service syncs it next, unless a sync fails; null: on request only, or at once. */
  readonly dueAt: string | null;
}

const MINUTE_MS = 60_000;

/** Return the source without its secrets; null: the list has none. Errors LIST_NOT_FOUND. */
export async function sourceState(
  { lists, duties }: Pick<Store, 'lists' | 'duties'>,
  dataDir: string,
  list: string,
): Promise<SourceState | null> {
  const source = await lists.source(list);
  if (source === null) return null;
  const { isHeld } = await duties.state(syncDuty(list));
  const { everyMinutes, syncedAt, secrets } = source;
  const dueMs = everyMinutes === null || syncedAt === null ? null : Date.parse(syncedAt) + everyMinutes * MINUTE_MS;
  return {
    ...source,
    list,
    secrets: Object.entries(secrets).map(([role, secret]) => ({
      role: role as SecretRole,
      variable: 'env' in secret ? secret.env : null,
    })),
    state: isHeld ? 'running' : isAsked(source) ? 'waiting' : 'idle',
    pages: await spooledPages(dataDir, list),
    dueAt: dueMs === null ? null : new Date(dueMs).toISOString(),
  };
}

/** Remove a list's source, and the pages of an interrupted sync. A running sync ends at its next page. Errors LIST_NOT_FOUND. */
export async function endSource(
  { lists, duties }: Pick<Store, 'lists' | 'duties'>,
  dataDir: string,
  list: string,
): Promise<void> {
  await lists.setSource(list, null);
  const { isHeld } = await duties.state(syncDuty(list));
  if (!isHeld) await rm(join(dataDir, SYNC_FOLDER, list), { recursive: true, force: true });
}
