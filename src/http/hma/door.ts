/** What the routes of the interface share, the banks that a caller sees, and the store in the caller's name. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Bank, banksOf } from '../../lists/banks.js';
import type { Service } from '../../service/service.js';
import { storeAs } from '../authorise.js';
import { HmaRefusal } from './faults.js';

/** Hooks of a route, and what marks it. */
interface Admitted {
  readonly config: { readonly isForeign: true };
  readonly schema: { readonly hide: true };
  readonly onRequest?: ((request: FastifyRequest, reply: FastifyReply) => Promise<void>)[];
}

/** What the routes of the interface share. */
export interface Door {
  readonly service: Service;
  /** Options of a route, by what its callers may do. */
  readonly as: Readonly<Record<'open' | 'match' | 'lookUp' | 'hash' | 'curate', Admitted>>;
  readonly send: (reply: FastifyReply, value: unknown) => FastifyReply;
  /** Options of a route that takes a file. */
  readonly upload: { readonly bodyLimit: number };
  readonly prefix: string;
  /** These routes have the key in their path. */
  readonly keyInPath: boolean;
  /** The paths of the interface, in the form in which HMA shows them. */
  readonly paths: () => readonly string[];
}

/** Return the banks that the caller sees, by name. Errors STORE_FAILED. */
export async function banksSeen(service: Service, { caller }: FastifyRequest): Promise<ReadonlyMap<string, Bank>> {
  return banksOf(await service.lists(), caller.tenant);
}

/** Return those of them that a look-up searches: as they are in the snapshot that answers it. */
export const banksSearched = (service: Service, { caller }: FastifyRequest): ReadonlyMap<string, Bank> =>
  banksOf(service.searchedLists(), caller.tenant);

/** Errors HmaRefusal 404. */
export async function bankSeen(service: Service, request: FastifyRequest, name: string): Promise<Bank> {
  const bank = (await banksSeen(service, request)).get(name);
  if (bank === undefined) throw new HmaRefusal(404, `bank '${name}' not found`);
  return bank;
}

/** Return a bank that the caller may change. Errors HmaRefusal 404; 403: it is everyone's. */
export async function ownBank(service: Service, request: FastifyRequest, name: string): Promise<Bank> {
  const bank = await bankSeen(service, request, name);
  const { scopes } = request.caller;
  if (bank.list.tenant !== null || scopes.has('admin')) return bank;
  throw new HmaRefusal(403, `bank '${name}' is shared: an administrator changes it`);
}

export const listsOf = (service: Service, request: FastifyRequest) => storeAs(service, request).lists;

/** The tenant that a caller's new banks belong to; of a service without keys they are everyone's. */
export const tenantOf = ({ caller }: FastifyRequest): string | null => (caller.key === null ? null : caller.tenant);
