/**
 * Hits reduced to the reader's scopes. Without the scope `details`, as in an answer to a check: the list and the match type,
 * but no fact of the entry and no distance. A file that is itself listed has no digests: each is, or leads to, a value of the list.
 */
import type { FastifyRequest } from 'fastify';
import type { Decided } from '../cases/decide-hit.js';
import { addressOf } from '../core/reference-url.js';
import type { SeenHit } from '../reports/cases-csv.js';
import type { TenantStore } from '../store/tenants-contract.js';
import { matchesFor } from './answers.js';
import { seesDetails } from './authorise.js';

/** Return events of a hit as a tenant sees them: the names of another tenant's keys, such as an administrator's, are not its business. */
function eventsFor<Event extends Decided['history' | 'handling'][number]>(
  { caller }: FastifyRequest,
  events: readonly Event[],
): readonly Event[] {
  if (caller.scopes.has('admin')) return events;
  return events.map((event) => (event.by === caller.tenant ? event : { ...event, key: null }));
}

/** Return the template of addresses of each tenant of the hits. */
async function templatesOf(
  { caller }: FastifyRequest,
  tenants: Pick<TenantStore, 'tenants' | 'tenant'>,
  hits: readonly Decided[],
): Promise<ReadonlyMap<string, string | null>> {
  const names = new Set(hits.map(({ tenant }) => tenant));
  // The caller's own tenant was read with its key; an administrator may see those of all.
  const [first] = names;
  if (first === undefined) return new Map();
  const known = caller.gate.info;
  if (names.size === 1 && first === known?.tenant) return new Map([[first, known.referenceUrl]]);
  const found = names.size === 1 ? [await tenants.tenant(first)] : await tenants.tenants();
  return new Map(found.flatMap((info) => (info ? [[info.tenant, info.referenceUrl]] : [])));
}

/** Reduce hits to what the caller may see, with the addresses of their references. Errors STORE_FAILED. */
export async function toHitResponses(
  request: FastifyRequest,
  { tenants }: { readonly tenants: Pick<TenantStore, 'tenants' | 'tenant'> },
  hits: readonly Decided[],
): Promise<readonly SeenHit[]> {
  const templates = await templatesOf(request, tenants, hits);
  return hits.map((hit) => toHitResponse(request, hit, templates.get(hit.tenant) ?? null));
}

function toHitResponse(request: FastifyRequest, whole: Decided, template: string | null): SeenHit {
  const referenceUrl = addressOf(template, whole.reference);
  const hit = {
    ...whole,
    referenceUrl,
    history: eventsFor(request, whole.history),
    handling: eventsFor(request, whole.handling),
  };
  if (seesDetails(request.caller)) return hit;
  const {
    entryId: _e,
    algorithm: _a,
    distance: _d,
    radius: _r,
    orientation: _t,
    family: _f,
    category: _c,
    severity: _s,
    source: _o,
    digests,
    suppression,
    ...rest
  } = hit;
  const isListed = hit.matches.some(({ matchType }) => matchType === 'exact');
  return {
    ...rest,
    digests: isListed ? {} : digests,
    matches: matchesFor(request, hit.matches),
    ...(suppression ? { suppression: { ...suppression, entryId: undefined } } : {}),
  };
}
