/**
 * Who asks, and may they. Without keys, a service that listens on loopback alone trusts its machine; as soon as there
 * is a key, or on any other address, every request needs one. A tenant comes from the key only. Limits of the tenant
 * are asked next, before any byte of the body is read.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../core/errors.js';
import type { Service } from '../service/service.js';
import { isLive, type KeyStore, type Scope } from '../store/keys-contract.js';
import type { TenantGate } from '../tenants/tenant-gate.js';

interface Caller {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** For the audit log: the key's id, or `local`. */
  readonly actor: string;
  readonly gate: TenantGate;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** What a request takes from its tenant before its body is read. */
interface Price {
  /** 1: the request is a check. 'counted': its body is so many checks, told by whoever reads it. */
  readonly checks?: 1 | 'counted';
  /** The query may state a radius. */
  readonly mayNarrow?: true;
}

/** The machine itself, where no key is needed. */
const LOCAL = {
  tenant: 'local',
  scopes: new Set(['check', 'check:hashes', 'details', 'hits', 'lists', 'admin'] as const),
  actor: 'local',
} as const;
/** A key that is created is known to a service that needed none within this time; one that is revoked, at once. */
const KEYS_KNOWN_MS = 1_000;
/** When a key was used is written down once in this time. */
const TOUCH_MS = 60_000;

/** Whether a caller may be told of a match more than its list, such as how near it is. */
export const seesDetails = ({ scopes }: Pick<Caller, 'scopes'>): boolean =>
  scopes.has('details') || scopes.has('admin');

/**
 * Whoever chooses the radius can find a distance by halving it, which is for those alone who are told it.
 * Errors SCOPE_MISSING: there is a radius, whatever it says.
 */
export function requireDetailsForRadius(caller: Pick<Caller, 'scopes'>, radius: unknown): void {
  if (radius !== undefined && !seesDetails(caller))
    throw new AppError('SCOPE_MISSING', { scope: 'details', field: 'radius' });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Errors CONFIG_INVALID: a public address without a single live key. */
export async function requireKeysFor(host: string, keys: KeyStore): Promise<void> {
  if (isLoopback(host) || (await keys.keys(null)).some((key) => isLive(key, Date.now()))) return;
  throw new AppError('CONFIG_INVALID', {
    problems: `${host} is not a loopback address and there is no key: create one first (zeef keys create)`,
  });
}

export function createAuthoriser({ config: { host }, store: { keys }, gates }: Service) {
  let needed = !isLoopback(host);
  let knownUntilMs = 0;
  async function areKeysNeeded(): Promise<boolean> {
    if (needed || performance.now() < knownUntilMs) return needed;
    knownUntilMs = performance.now() + KEYS_KNOWN_MS;
    needed = (await keys.keys(null)).length > 0;
    return needed;
  }

  const touchedMs = new Map<string, number>();
  function touch(tenant: string, id: string, request: FastifyRequest): void {
    const nowMs = Date.now();
    if (nowMs - (touchedMs.get(id) ?? 0) < TOUCH_MS) return;
    touchedMs.set(id, nowMs);
    keys
      .touchKey(tenant, id, nowMs)
      .catch((error: unknown) => request.log.warn({ err: error }, 'use of a key not noted'));
  }

  /** Errors KEY_MISSING; KEY_INVALID, the same and after the same work for every key that does not work, whatever is wrong with it. */
  async function callerOf(request: FastifyRequest): Promise<Caller> {
    const header = request.headers.authorization;
    if (header === undefined) {
      if (await areKeysNeeded()) throw new AppError('KEY_MISSING');
      return { ...LOCAL, gate: await gates.of(LOCAL.tenant) };
    }
    // What is not of the form is looked up all the same, as what no key is.
    const key = await keys.findByKey(/^Bearer (\S+)$/.exec(header)?.[1] ?? ` ${header}`);
    const isGood = key !== null && isLive(key, Date.now());
    const gate = await gates.of(isGood ? key.tenant : LOCAL.tenant);
    if (!isGood || gate.info?.disabled) throw new AppError('KEY_INVALID');
    touch(key.tenant, key.id, request);
    return { tenant: key.tenant, scopes: new Set(key.scopes), actor: key.id, gate };
  }

  /**
   * A hook that lets a request pass if its key has the scope, and its tenant may ask. An administrator's changes are
   * without limit: limits must not keep anybody from raising them.
   * Errors KEY_MISSING, KEY_INVALID, SCOPE_MISSING, TOO_MANY_CONCURRENT, RATE_LIMITED, QUOTA_EXCEEDED.
   */
  const needs =
    (scope: Scope, { checks, mayNarrow }: Price = {}) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const caller = await callerOf(request);
      if (!caller.scopes.has(scope) && !caller.scopes.has('admin')) throw new AppError('SCOPE_MISSING', { scope });
      if (mayNarrow) requireDetailsForRadius(caller, (request.query as { readonly radius?: unknown }).radius);
      request.caller = caller;
      if (scope === 'admin') return;
      const { gate } = caller;
      // The connection's end ends the request, however it ends.
      reply.raw.once('close', gate.enter());
      if (checks !== undefined) gate.requireRoom();
      gate.takeBytes(Number(request.headers['content-length'] ?? 0) || 0);
      if (checks === 1) gate.takeChecks(1);
    };
  /** Who asks, where no scope is needed to be told so; null without a key where one is needed. Errors KEY_INVALID. */
  const whoAsks = async (request: FastifyRequest): Promise<{ keyNeeded: boolean; caller: Caller | null }> => {
    const keyNeeded = await areKeysNeeded();
    const hasKey = request.headers.authorization !== undefined;
    return { keyNeeded, caller: keyNeeded && !hasKey ? null : await callerOf(request) };
  };
  return Object.assign(needs, { whoAsks });
}
