/**
 * Who asks, and may they. Without keys, a service that listens on loopback alone trusts its machine; as soon as there
 * is a key, or on any other address, every request needs one. A tenant comes from the key only.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../core/errors.js';
import type { KeyInfo, KeyStore, Scope } from '../store/contract.js';

export interface Caller {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** The machine itself, where no key is needed. */
const LOCAL: Caller = {
  tenant: 'local',
  scopes: new Set(['check', 'check:hashes', 'details', 'hits', 'lists', 'admin'] as const),
};
/** A key that is created or revoked is known to a running service within this time. */
const KEYS_KNOWN_MS = 1_000;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const isLive = (key: KeyInfo, nowMs: number) =>
  key.revokedAt === null && (key.expiresAt === null || Date.parse(key.expiresAt) > nowMs);

/** Errors CONFIG_INVALID: a public address without a single live key. */
export async function requireKeysFor(host: string, keys: KeyStore): Promise<void> {
  if (isLoopback(host) || (await keys.keys()).some((key) => isLive(key, Date.now()))) return;
  throw new AppError('CONFIG_INVALID', {
    problems: `${host} is not a loopback address and there is no key: create one first (zeef keys create)`,
  });
}

export function createAuthoriser(host: string, keys: KeyStore) {
  let needed = !isLoopback(host);
  let knownUntilMs = 0;
  async function areKeysNeeded(): Promise<boolean> {
    if (needed || performance.now() < knownUntilMs) return needed;
    knownUntilMs = performance.now() + KEYS_KNOWN_MS;
    needed = (await keys.keys()).length > 0;
    return needed;
  }

  /** Errors KEY_MISSING, KEY_INVALID. */
  async function callerOf(request: FastifyRequest): Promise<Caller> {
    const given = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (!given) {
      if (await areKeysNeeded()) throw new AppError('KEY_MISSING');
      return LOCAL;
    }
    const key = await keys.findByKey(given);
    if (!key || !isLive(key, Date.now())) throw new AppError('KEY_INVALID');
    return { tenant: key.tenant, scopes: new Set(key.scopes) };
  }

  /** A hook that lets a request pass if its key has the scope. Errors KEY_MISSING, KEY_INVALID, SCOPE_MISSING. */
  const needs =
    (scope: Scope) =>
    async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
      const caller = await callerOf(request);
      if (!caller.scopes.has(scope) && !caller.scopes.has('admin')) throw new AppError('SCOPE_MISSING', { scope });
      request.caller = caller;
    };
  /** Who asks, where no scope is needed to be told so; null without a key where one is needed. Errors KEY_INVALID. */
  const whoAsks = async (request: FastifyRequest): Promise<{ keyNeeded: boolean; caller: Caller | null }> => {
    const keyNeeded = await areKeysNeeded();
    const hasKey = request.headers.authorization !== undefined;
    return { keyNeeded, caller: keyNeeded && !hasKey ? null : await callerOf(request) };
  };
  return Object.assign(needs, { whoAsks });
}
