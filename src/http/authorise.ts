/**
 * Authentication and authorization. Without keys, a service that listens on loopback alone trusts its machine; as soon as
 * a key exists, or on any other address, every request needs one. The tenant comes from the key only. The tenant's limits
 * are checked next, before any byte of the body is read.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type ErrorDetails } from '../core/errors.js';
import type { ListInfo } from '../core/vocabulary.js';
import type { Service } from '../service/service.js';
import { isLive, type KeyInfo, type KeyStore, SCOPES, type Scope } from '../store/keys-contract.js';
import type { ListReader } from '../store/lists-contract.js';
import type { Store } from '../store/store.js';
import type { TenantGate } from '../tenants/tenant-gate.js';
import { atEnd } from './at-end.js';
import { isLoopback, requireOwnSite } from './own-site.js';

interface Caller {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** For the audit log: the key's id, or `local`. */
  readonly actor: string;
  /** Null where no key is needed. */
  readonly key: KeyInfo | null;
  readonly gate: TenantGate;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** The quota that a request takes from its tenant before its body is read. */
interface Price {
  /** 1: the request is one check. 'counted': the reader of the body takes the number of checks. */
  readonly checks?: 1 | 'counted';
  /** The query may have a radius. */
  readonly mayNarrow?: true;
  /** A further scope that the request needs, by its form. */
  readonly also?: (request: FastifyRequest) => Scope;
  /** The key is the parameter `key` of the path: for programs that send no header. It is always needed. */
  readonly keyInPath?: true;
  /** The key may also come by Basic, as the password: for clients that take it in their URL. */
  readonly takesBasic?: true;
}

/** The local caller, where no key is needed. */
const LOCAL = {
  tenant: 'local',
  scopes: new Set(SCOPES),
  actor: 'local',
  key: null,
} as const;
/** Maximum delay until a service without keys notices its first key. A revoked key is refused at once. */
const KEYS_KNOWN_MS = 1_000;
/** Interval between records of a key's last use. */
const TOUCH_MS = 60_000;

/** Return the store, audited with the caller as the actor. */
export const storeAs = (service: Service, { caller }: FastifyRequest): Store => service.audit.as(caller.actor);

/** Return whether a caller may see more of a match than its list and type, such as its distance. */
export const seesDetails = ({ scopes }: Pick<Caller, 'scopes'>): boolean =>
  scopes.has('details') || scopes.has('admin');

/**
 * Require the scope `details` for a parameter whose answers reveal a detail: a radius can be halved until it is a distance,
 * and a filter by category says what an entry is.
 * Errors SCOPE_MISSING: a value is given.
 */
export function requireDetailsFor(caller: Pick<Caller, 'scopes'>, field: 'radius' | 'category', value: unknown): void {
  if (value !== undefined && !seesDetails(caller)) throw new AppError('SCOPE_MISSING', { scope: 'details', field });
}

/** Return whether a caller sees a list: one that is everyone's, or its tenant's own. */
export const seesList = ({ tenant, scopes }: Pick<Caller, 'tenant' | 'scopes'>, list: Pick<ListInfo, 'tenant'>) =>
  list.tenant === null || list.tenant === tenant || scopes.has('admin');

/**
 * Require that a caller sees the list of its path, and that it is its tenant's own where it changes it.
 * Errors LIST_NOT_FOUND; SCOPE_MISSING: everyone's list is changed with the scope admin alone.
 */
async function requireOwnList(lists: ListReader, caller: Caller, scope: Scope, name: string): Promise<void> {
  if (caller.scopes.has('admin')) return;
  const list = await lists.list(name);
  // One that is not there is refused as one of another tenant is, and as early.
  if (list === null || !seesList(caller, list)) throw new AppError('LIST_NOT_FOUND', { list: name });
  if (scope === 'curate' && list.tenant === null) throw new AppError('SCOPE_MISSING', { scope: 'admin', list: name });
}

/** Return what is of lists that a caller sees. */
export async function ofSeenLists<Row extends { readonly list: string | null }>(
  service: Pick<Service, 'lists'>,
  caller: Caller,
  rows: readonly Row[],
): Promise<Row[]> {
  if (caller.scopes.has('admin')) return [...rows];
  // What is of a list that is gone may be of another tenant's.
  const seen = new Set((await service.lists()).flatMap((list) => (seesList(caller, list) ? [list.list] : [])));
  return rows.filter(({ list }) => list === null || seen.has(list));
}

/** What a key with `curate` changes of its tenant's lists. A radius could be moved until it is a distance to an entry that is not the tenant's. */
const CURATED: ReadonlySet<string> = new Set([
  'enabled',
  'bank',
  'sampleRatio',
  'categoryMap',
  'severityMap',
  'expiresAt',
]);

/** Errors SCOPE_MISSING: a change that an administrator alone makes. */
export function requireCuratable({ scopes }: Caller, change: object): void {
  const field = scopes.has('admin') ? undefined : Object.keys(change).find((name) => !CURATED.has(name));
  if (field !== undefined) throw new AppError('SCOPE_MISSING', { scope: 'admin', field });
}

/** Require a live key for a public address. Errors CONFIG_INVALID: there is none. */
export async function requireKeysFor(host: string, keys: KeyStore): Promise<void> {
  if (isLoopback(host) || (await keys.keys(null)).some((key) => isLive(key, Date.now()))) return;
  throw new AppError('CONFIG_INVALID', {
    problems: `${host} is not a loopback address and there is no key: create one first (zeef keys create)`,
  });
}

const KEY_EXPECTED = 'Authorization: Bearer zeef_...';
/** The same for every key that does not work: also for one without Bearer, which this says how to send. */
const KEY_FORM = { field: 'authorization', expected: KEY_EXPECTED } as const;

const PATH_KEY_FORM = { field: 'key', expected: 'a key in the path: zeef_...' } as const;

/** Return what a request would have sent as `Authorization`, of the key in its path. */
const keyOfPath = ({ params }: FastifyRequest) => `Bearer ${(params as { readonly key: string }).key}`;

/** Return `Authorization` with the password of Basic as a key. One without a key is none: clients send it where they have none. */
function withBasic(request: FastifyRequest): string | undefined {
  const { authorization: header } = request.headers;
  const [, scheme = '', text = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(header ?? '') ?? [];
  if (text === '') return undefined;
  if (scheme.toLowerCase() !== 'basic') return header;
  requireOwnSite(request);
  const pair = Buffer.from(text, 'base64').toString();
  return `Bearer ${pair.slice(pair.indexOf(':') + 1)}`;
}

/** Places where other services take a key. */
const OTHER_PLACES = ['x-api-key', 'api-key', 'x-auth-token', 'x-access-token', 'x-key'];

/** Say where a key was sent that is not read there. */
function elsewhere({ headers }: FastifyRequest): ErrorDetails {
  const got = OTHER_PLACES.find((name) => headers[name] !== undefined);
  return { field: got ?? 'authorization', expected: KEY_EXPECTED };
}

export function createAuthoriser({ config: { host }, store: { keys, lists }, gates }: Service) {
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
    const sinceStartMs = performance.now();
    if (sinceStartMs - (touchedMs.get(id) ?? -TOUCH_MS) < TOUCH_MS) return;
    touchedMs.set(id, sinceStartMs);
    keys
      .touchKey(tenant, id, Date.now())
      .catch((error: unknown) => request.log.warn({ err: error }, 'key use not recorded'));
  }

  /** Return the caller. Errors KEY_MISSING; KEY_INVALID, the same and after the same work for every key that does not work. */
  async function callerOf(request: FastifyRequest, { keyInPath, takesBasic }: Price = {}): Promise<Caller> {
    const { authorization } = request.headers;
    const header = keyInPath ? keyOfPath(request) : takesBasic ? withBasic(request) : authorization;
    if (header === undefined) {
      if (await areKeysNeeded()) throw new AppError('KEY_MISSING', elsewhere(request));
      return { ...LOCAL, gate: await gates.of(LOCAL.tenant) };
    }
    // A malformed header is looked up all the same, as a value that no key has. A scheme has no case (RFC 9110, 11.1).
    const key = await keys.findByKey(/^bearer +(\S+)$/i.exec(header.trim())?.[1] ?? ` ${header}`);
    const isGood = key !== null && isLive(key, Date.now());
    const gate = await gates.of(isGood ? key.tenant : LOCAL.tenant);
    if (!isGood || gate.info?.disabled) throw new AppError('KEY_INVALID', keyInPath ? PATH_KEY_FORM : KEY_FORM);
    touch(key.tenant, key.id, request);
    return { tenant: key.tenant, scopes: new Set(key.scopes), actor: key.id, key, gate };
  }

  /**
   * Make a hook that accepts a request if its key has the scope and its tenant is within its limits. An administrator's
   * requests have no limits: an exceeded limit must not prevent an administrator from raising it.
   * Errors KEY_MISSING, KEY_INVALID, SCOPE_MISSING, LIST_NOT_FOUND, TOO_MANY_CONCURRENT, RATE_LIMITED, QUOTA_EXCEEDED.
   */
  const needs = (scope: Scope, price: Price = {}) => {
    const { checks, mayNarrow, also } = price;
    const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const caller = await callerOf(request, price);
      for (const one of also === undefined ? [scope] : [scope, also(request)])
        if (!caller.scopes.has(one) && !caller.scopes.has('admin')) throw new AppError('SCOPE_MISSING', { scope: one });
      if (mayNarrow) requireDetailsFor(caller, 'radius', (request.query as { readonly radius?: unknown }).radius);
      request.caller = caller;
      const { list } = request.params as { readonly list?: string };
      if (list !== undefined) await requireOwnList(lists, caller, scope, list);
      if (scope === 'admin') return;
      const { gate } = caller;
      atEnd(reply, gate.enter());
      if (checks !== undefined) gate.requireRoom();
      gate.takeBytes(Number(request.headers['content-length'] ?? 0) || 0);
      if (checks === 1) gate.takeChecks(1);
    };
    // Read by the document of the API.
    return Object.assign(admit, { scope });
  };
  /** Return the caller, without a required scope; null without a key where one is needed. Errors KEY_INVALID. */
  const whoAsks = async (request: FastifyRequest): Promise<{ keyNeeded: boolean; caller: Caller | null }> => {
    const keyNeeded = await areKeysNeeded();
    const hasKey = request.headers.authorization !== undefined;
    return { keyNeeded, caller: keyNeeded && !hasKey ? null : await callerOf(request) };
  };
  return Object.assign(needs, { whoAsks, areKeysNeeded });
}
