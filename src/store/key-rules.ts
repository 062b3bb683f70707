/** Rules of API keys, the same in every store: 256 random bits each, stored only as SHA-256. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '../core/errors.js';
import { KEY_NAME_CHARACTERS_MAX } from '../core/limits.js';
import { newId } from '../core/new-id.js';
import { isLive, type KeyInfo, type Rotation } from './keys-contract.js';

/** Live keys of one key line: the old one and its successor. */
const KEYS_LIVE_PER_LINE_MAX = 2;

const KEY_PREFIX = 'zeef_';
const KEY_BYTES = 32;
/** Compared in place of a missing row, so that an unknown key takes as long as a known one. */
const UNKNOWN = randomBytes(32);

export const sha256OfKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Return a new key and its id. */
export function makeKey(): { readonly id: string; readonly key: string } {
  return { id: newId(), key: KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url') };
}

/** Compare digests of keys in constant time; `stored` is that of the row with the digest, if there is one. */
export const isSameKey = (stored: Buffer | undefined, wanted: Buffer): boolean =>
  timingSafeEqual(stored ?? UNKNOWN, wanted);

/** Errors REQUEST_INVALID. */
export function requireKeyName(name: string | null): void {
  if ((name?.length ?? 0) > KEY_NAME_CHARACTERS_MAX)
    throw new AppError('REQUEST_INVALID', { field: 'name', charactersMax: KEY_NAME_CHARACTERS_MAX });
}

const timeOf = (ms: number) => new Date(ms).toISOString();

/**
 * Return the new key's times and the old one's expiry. `ofLine`: all keys of the line of `old`.
 * Errors NOT_FOUND: `old` is not live; KEYS_LIVE_MAX.
 */
export function rotationOf(
  old: KeyInfo,
  ofLine: readonly KeyInfo[],
  { nowMs, graceMs, expiresAt }: Rotation,
): { readonly createdAt: string; readonly expiresAt: string | null; readonly oldExpiresAt: string } {
  if (!isLive(old, nowMs)) throw new AppError('NOT_FOUND', { key: old.id });
  const live = ofLine.filter((one) => isLive(one, nowMs)).length;
  if (live >= KEYS_LIVE_PER_LINE_MAX) throw new AppError('KEYS_LIVE_MAX', { line: old.line, live });
  const lifeMs = old.expiresAt === null ? null : Date.parse(old.expiresAt) - Date.parse(old.createdAt);
  const sameLife = lifeMs === null ? null : timeOf(nowMs + lifeMs);
  return {
    createdAt: timeOf(nowMs),
    expiresAt: expiresAt === undefined ? sameLife : expiresAt,
    oldExpiresAt: timeOf(Math.min(nowMs + graceMs, old.expiresAt === null ? Infinity : Date.parse(old.expiresAt))),
  };
}
