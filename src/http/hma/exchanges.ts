/** `/c/exchanges`: an exchange is a bank whose list has a source; a fetch of it is a sync. */
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SourceType } from '../../core/vocabulary.js';
import { type Bank, makeBank } from '../../lists/banks.js';
import { changeSource, putSource } from '../../lists/change-source.js';
import { type Credentials, openCredentials, readSecrets, sealCredentials } from '../../lists/import/source-secrets.js';
import { sourceFrom } from '../../lists/source-settings.js';
import { sourceState } from '../../lists/source-state.js';
import type { Service } from '../../service/service.js';
import type { SourceInfo } from '../../store/lists-contract.js';
import { storeAs } from '../authorise.js';
import { requireBankName } from './banks.js';
import { banksSeen, type Door, listsOf, ownBank, tenantOf } from './door.js';
import { apiNamed, apiOfType, EXCHANGE_APIS, type ExchangeApi } from './exchange-apis.js';
import { HmaRefusal } from './faults.js';
import { type Fields, fieldsOf, orRefuse, textOf, truthOf } from './forms.js';

interface ExchangeParams {
  readonly exchange: string;
}
interface ApiParams {
  readonly api: string;
}
interface Exchange {
  readonly bank: Bank;
  readonly api: ExchangeApi;
  readonly source: SourceInfo;
}

const NO_CREDENTIALS: Credentials = { user: null, secrets: {} };
/** HMA fetches every few minutes; publishers ask for an hour. */
const EVERY_MINUTES = 60;

/** Errors HmaRefusal 400. */
function requireApi(name: string): ExchangeApi {
  const api = apiNamed(name);
  if (api === undefined) throw new HmaRefusal(400, `no such Exchange API '${name}'`);
  return api;
}

/** Return the exchanges that the caller sees, by name. Errors STORE_FAILED. */
async function exchangesSeen(service: Service, request: FastifyRequest): Promise<ReadonlyMap<string, Exchange>> {
  const found = new Map<string, Exchange>();
  for (const [name, bank] of await banksSeen(service, request)) {
    const source = await service.store.lists.source(bank.list.list);
    if (source !== null) found.set(name, { bank, source, api: apiOfType(source.type) });
  }
  return found;
}

/** Errors HmaRefusal 404. */
async function exchangeSeen(service: Service, request: FastifyRequest, name: string): Promise<Exchange> {
  const found = (await exchangesSeen(service, request)).get(name);
  if (found === undefined) throw new HmaRefusal(404, `Exchange '${name}' not found`);
  return found;
}

/** Return what a tenant gave for all its exchanges of a publisher. Errors SEALED_DAMAGED, STORE_FAILED. */
async function credentialsOf({ store }: Service, { caller }: FastifyRequest, type: SourceType) {
  const sealed = (await store.tenants.tenant(caller.tenant))?.credentials[type];
  return sealed === undefined ? null : openCredentials(store.vault, caller.tenant, type, sealed);
}

/** Set the credentials of one exchange, which then starts from where it was. Errors REQUEST_INVALID; those of the store. */
async function setCredentials(
  service: Service,
  request: FastifyRequest,
  { bank: { list }, source }: Exchange,
  { user, secrets }: Credentials,
): Promise<void> {
  const { type, url, members, privacyGroup, everyMinutes } = source;
  const given = Object.fromEntries(Object.entries(secrets).map(([role, value]) => [role, { value }]));
  const settings = { type, url, members, privacyGroup, everyMinutes, user, secrets: given };
  const { vault } = service.store;
  await putSource(listsOf(service, request), list.list, (before) => sourceFrom(list.list, settings, { vault, before }));
  service.syncs.request();
}

export function exchangeRoutes(app: FastifyInstance, door: Door): void {
  apiRoutes(app, door);
  makeRoute(app, door);
  readRoutes(app, door);
  changeRoutes(app, door);
}

function apiRoutes(app: FastifyInstance, { service, as, send }: Door): void {
  const shown = async (request: FastifyRequest, { type }: ExchangeApi) => ({
    has_set_authentification: (await credentialsOf(service, request, type)) !== null,
    supports_authentification: true,
  });
  app.get('/c/exchanges/apis', as.match, async (_request, reply) =>
    send(
      reply,
      EXCHANGE_APIS.map(({ name }) => name),
    ),
  );
  app.get<{ Params: ApiParams }>('/c/exchanges/api/:api', as.match, async (request, reply) =>
    send(reply, await shown(request, requireApi(request.params.api))),
  );
  app.get<{ Params: ApiParams }>('/c/exchanges/api/:api/schema', as.match, async (request, reply) => {
    const { configFields, credentialFields } = requireApi(request.params.api);
    return send(reply, { config_schema: { fields: configFields }, credentials_schema: { fields: credentialFields } });
  });
  app.post<{ Params: ApiParams }>('/c/exchanges/api/:api', as.curate, async (request, reply) => {
    const api = requireApi(request.params.api);
    const given = fieldsOf(request.body).credential_json;
    if (given !== undefined && given !== null) await setForAll(service, request, api, fieldsOf(given));
    return send(reply, await shown(request, api));
  });
}

/** Return whether an exchange has no credentials of its own: none, or those that its tenant had for all of them. */
function isFollowing(
  { env, store: { vault } }: Service,
  { bank: { list }, source }: Exchange,
  before: Credentials | null,
): boolean {
  if (Object.keys(source.secrets).length === 0) return true;
  if (before === null || source.user !== before.user) return false;
  try {
    return isDeepStrictEqual(readSecrets(list.list, source, { env, vault }), before.secrets);
  } catch {
    // Of a variable that is not set: the operator gave them.
    return false;
  }
}

/** Set what a tenant has for all of a publisher's exchanges, or clear it; those of its exchanges without their own follow. Errors HmaRefusal 400. */
async function setForAll(service: Service, request: FastifyRequest, api: ExchangeApi, fields: Fields): Promise<void> {
  const { type } = api;
  const { tenant } = request.caller;
  const { tenants, vault } = storeAs(service, request);
  const isCleared = Object.keys(fields).length === 0;
  const credentials = isCleared ? null : api.credentialsOf(fields);
  const sealed = credentials && sealCredentials(vault, tenant, type, credentials);
  const before = await credentialsOf(service, request, type);
  await tenants.setTenant(tenant, { credentials: { [type]: sealed } });
  for (const exchange of (await exchangesSeen(service, request)).values()) {
    const isOwn = exchange.bank.list.tenant === tenantOf(request);
    if (isOwn && exchange.source.type === type && isFollowing(service, exchange, before))
      await setCredentials(service, request, exchange, credentials ?? NO_CREDENTIALS);
  }
}

/** An address other than the publisher's is the operator's word alone: the service asks it, with secrets. Errors HmaRefusal 403. */
function requireUsualAddress({ caller }: FastifyRequest, { url }: Fields): void {
  if (url === undefined || url === null || caller.scopes.has('admin')) return;
  throw new HmaRefusal(403, 'api_json.url needs a key with the scope admin');
}

/** Read what makes an exchange. Errors HmaRefusal 400, 403. */
async function exchangeIn(service: Service, request: FastifyRequest) {
  const fields = fieldsOf(request.body);
  const name = textOf('bank', fields.bank);
  if (name === undefined || !/^[A-Z0-9_]+$/.test(name))
    throw new HmaRefusal(400, 'Field `bank` must match /^[A-Z0-9_]+$/');
  const apiName = textOf('api', fields.api);
  if (apiName === undefined) throw new HmaRefusal(400, 'Field `api_type` is required');
  const api = apiNamed(apiName);
  if (api === undefined) throw new HmaRefusal(400, `No such exchange type '${apiName}'`);
  const { api_json: json = {}, credential_json: given } = fields;
  if (typeof json !== 'object' || Array.isArray(json)) throw new HmaRefusal(400, 'Field `api_json` must be object');
  const config = (json ?? {}) as Fields;
  requireUsualAddress(request, config);
  const own = given === undefined || given === null ? null : api.credentialsOf(fieldsOf(given));
  const { user, secrets } = own ?? (await credentialsOf(service, request, api.type)) ?? NO_CREDENTIALS;
  const isEnabled = truthOf('enabled', config.enabled) ?? true;
  const settings = {
    ...api.settingsOf(config),
    type: api.type,
    user,
    secrets: Object.fromEntries(Object.entries(secrets).map(([role, value]) => [role, { value }])),
    everyMinutes: isEnabled ? EVERY_MINUTES : null,
  };
  return { name: requireBankName(name), settings };
}

function makeRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.post('/c/exchanges', as.curate, async (request, reply) => {
    const { name, settings } = await exchangeIn(service, request);
    const lists = listsOf(service, request);
    const { vault } = service.store;
    // Refused before anything is made.
    sourceFrom(name, settings, { vault, before: null });
    const { radiusBits, detail } = service.config;
    const { list } = await orRefuse(makeBank(lists, name, { radiusBits, detail, tenant: tenantOf(request) }), {
      BANK_EXISTS: new HmaRefusal(403, 'Bank already exists'),
    });
    await putSource(lists, list.list, (before) => sourceFrom(list.list, settings, { vault, before }));
    service.syncs.request();
    await service.reload();
    return send(reply.code(201), { message: 'Created successfully' });
  });
}

/** Set how often a source is synced; null: on request only. */
const setEvery = (lists: ReturnType<typeof listsOf>, list: string, everyMinutes: number | null) =>
  changeSource(lists, list, (now) => ({ ...now, everyMinutes }));

const shownOf = ({ bank: { name }, api, source }: Exchange) => ({
  api: api.name,
  enabled: source.everyMinutes !== null,
  name,
  ...api.configOf(source),
});

const secondsOf = (at: string | null | undefined): number | null =>
  at === null || at === undefined ? null : Math.floor(Date.parse(at) / 1000);

function readRoutes(app: FastifyInstance, { service, as, send }: Door): void {
  app.get('/c/exchanges', as.match, async (request, reply) =>
    send(reply, [...(await exchangesSeen(service, request)).keys()]),
  );
  app.get<{ Params: ExchangeParams }>('/c/exchange/:exchange', as.match, async (request, reply) =>
    send(reply, shownOf(await exchangeSeen(service, request, request.params.exchange))),
  );
  app.get<{ Params: ExchangeParams }>('/c/exchange/:exchange/status', as.match, async (request, reply) => {
    const { bank, source } = await exchangeSeen(service, request, request.params.exchange);
    const { list, entryCount } = bank.list;
    const state = await sourceState(service.store, service.config.dataDir, list);
    const { lastTry, syncedAt } = source;
    // A version that waits for approval is not what its publisher says: it must not read as current.
    const hasSucceeded = lastTry?.outcome === 'synced';
    const isRunning = state?.state === 'running';
    return send(reply, {
      checkpoint_ts: secondsOf(syncedAt),
      fetched_items: entryCount,
      last_fetch_complete_ts: secondsOf(lastTry?.endedAt),
      last_fetch_succeeded: lastTry === null ? null : hasSucceeded,
      running_fetch_start_ts: isRunning ? secondsOf(source.requestedAt ?? lastTry?.endedAt) : null,
      up_to_date: hasSucceeded && !isRunning,
    });
  });
}

function changeRoutes(app: FastifyInstance, { service, as, send }: Door): void {
  app.put<{ Params: ExchangeParams }>('/c/exchange/:exchange', as.curate, async (request, reply) => {
    const { exchange: name } = request.params;
    const { bank } = await exchangeSeen(service, request, name);
    await ownBank(service, request, name);
    const isEnabled = truthOf('enabled', fieldsOf(request.body).enabled);
    if (isEnabled !== undefined)
      await setEvery(listsOf(service, request), bank.list.list, isEnabled ? EVERY_MINUTES : null);
    service.syncs.request();
    return send(reply, shownOf(await exchangeSeen(service, request, name)));
  });
  app.post<{ Params: ExchangeParams }>('/c/exchange/:exchange/credentials', as.curate, async (request, reply) => {
    const { exchange: name } = request.params;
    const exchange = await exchangeSeen(service, request, name);
    await ownBank(service, request, name);
    const given = fieldsOf(fieldsOf(request.body).credential_json);
    const credentials = Object.keys(given).length === 0 ? NO_CREDENTIALS : exchange.api.credentialsOf(given);
    await setCredentials(service, request, exchange, credentials);
    return send(reply, {
      has_set_authentification: Object.keys(credentials.secrets).length > 0,
      supports_authentification: true,
    });
  });
  app.delete<{ Params: ExchangeParams }>('/c/exchange/:exchange', as.curate, async (request, reply) => {
    const { exchange: name } = request.params;
    if ((await exchangesSeen(service, request)).has(name)) {
      const { list } = await ownBank(service, request, name);
      await listsOf(service, request).removeList(list.list);
      await service.reload();
    }
    return send(reply, { message: 'Exchange deleted' });
  });
}
