/** `/v1/stats`, `/v1/hits`, `/v1/report`: counts, hits and their cases, reports. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { decideHit } from '../../cases/decide-hit.js';
import { handleHit } from '../../cases/handle-hit.js';
import { AppError } from '../../core/errors.js';
import { type Period, parsePeriod, type Range } from '../../core/period.js';
import { buildReport } from '../../ledger/report.js';
import type { Service } from '../../service/service.js';
import { requireDetailsFor, seesDetails } from '../authorise.js';
import { toHitResponses } from '../hit-response.js';
import {
  HitChangeBody,
  HitResult,
  HitsQuery,
  HitsResult,
  HitsSearchBody,
  ReportQuery,
  ReportResult,
  StatsQuery,
  StatsResult,
} from '../ledger-schemas.js';
import { Problem } from '../schemas.js';
import type { Needs } from './needs.js';
import { noticeRoute, sendCases, sendReport } from './reports.js';

const HITS_PER_PAGE = 100;

/** Return the tenant whose data the caller sees: its own; an administrator chooses one, or all. */
function tenantSeen(request: FastifyRequest, asked: string | undefined): string | undefined {
  return request.caller.scopes.has('admin') ? asked : request.caller.tenant;
}

const isYes = (choice: string | undefined) => choice === '1' || choice === 'true';
const msOf = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text));

/** Parse a range; either end may be open. Errors REQUEST_INVALID: it ends before it begins. */
function rangeFrom({ from, to }: { from?: string | undefined; to?: string | undefined }): Partial<Range> {
  const [fromMs, toMs] = [msOf(from), msOf(to)];
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new AppError('REQUEST_INVALID', { field: 'to', expected: 'later than from' });
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
}

/** Parse a period. Errors REQUEST_INVALID: neither a period nor both of its ends. */
function periodFrom({ period, from, to }: { period?: string; from?: string; to?: string }): Period {
  if (period !== undefined) return parsePeriod(period);
  const { fromMs, toMs } = rangeFrom({ from, to });
  if (fromMs === undefined || toMs === undefined) {
    throw new AppError('REQUEST_INVALID', { field: 'period', expected: 'a period, or from and a later to' });
  }
  return { fromMs, toMs, label: null };
}

export function ledgerRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  noticeRoute(app, service, needs, tenantSeen);
  statsRoute(app, service, needs);
  hitsRoute(app, service, needs);
  hitsSearchRoute(app, service, needs);
  hitRoute(app, service, needs);
  changeHitRoute(app, service, needs);
  reportRoute(app, service, needs);
}

function statsRoute(app: FastifyInstance, { ledger }: Service, needs: Needs): void {
  app.get<{ Querystring: Static<typeof StatsQuery> }>(
    '/v1/stats',
    {
      onRequest: needs('check'),
      schema: {
        summary: 'Counts: checked, matched, suppressed, not checked; by list, category, reason, tenant and time.',
        querystring: StatsQuery,
        response: { 200: StatsResult, default: Problem },
      },
    },
    async (request) => {
      const { from, to, tenant, list, category, interval } = request.query;
      requireDetailsFor(request.caller, 'category', category);
      const {
        tenants: _,
        byTenant,
        byCategory,
        ...stats
      } = await ledger.stats({
        ...rangeFrom({ from, to }),
        tenant: tenantSeen(request, tenant),
        list,
        category,
        interval,
      });
      return {
        ...stats,
        byCategory: seesDetails(request.caller) ? byCategory : {},
        byTenant: request.caller.scopes.has('admin') ? byTenant : {},
        series: [...stats.series],
      };
    },
  );
}

function hitsRoute(app: FastifyInstance, { ledger, store }: Service, needs: Needs): void {
  app.get<{ Querystring: Static<typeof HitsQuery> }>(
    '/v1/hits',
    {
      onRequest: needs('hits'),
      schema: {
        summary:
          'Files that matched, newest first, or by their next deadline: evidence, status, clock. Never the image.',
        querystring: HitsQuery,
        response: { 200: HitsResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const { from, to, tenant, overdue, disputed, limit = HITS_PER_PAGE, format = 'json', ...filter } = request.query;
      const ofTenant = tenantSeen(request, tenant);
      requireDetailsFor(request.caller, 'category', filter.category);
      const { hits, cursor } = await ledger.hits({
        ...filter,
        overdue: isYes(overdue),
        disputed: isYes(disputed),
        ...rangeFrom({ from, to }),
        tenant: ofTenant,
        limit,
      });
      const seen = await toHitResponses(request, store, hits);
      return format === 'csv'
        ? sendCases(reply, seen, { cursor, isFirst: filter.cursor === undefined })
        : { hits: seen, cursor };
    },
  );
}

function hitsSearchRoute(app: FastifyInstance, { ledger, store }: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof HitsSearchBody> }>(
    '/v1/hits/search',
    {
      onRequest: needs('hits'),
      schema: {
        summary: 'Hits of a file by one of its digests, or by its reference, newest first.',
        body: HitsSearchBody,
        response: { 200: HitsResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const { tenant, limit = HITS_PER_PAGE, ...asked } = request.body;
      if ((asked.digest ?? asked.reference ?? asked.referencePrefix) === undefined)
        throw new AppError('REQUEST_INVALID', { field: 'digest', expected: 'digest, reference or referencePrefix' });
      const { hits, cursor } = await ledger.hits({ ...asked, tenant: tenantSeen(request, tenant), limit });
      return { hits: await toHitResponses(request, store, hits), cursor };
    },
  );
}

function hitRoute(app: FastifyInstance, { ledger, store }: Service, needs: Needs): void {
  app.get<{ Params: { id: string } }>(
    '/v1/hits/:id',
    {
      onRequest: needs('hits'),
      schema: {
        summary: 'One hit.',
        params: Type.Object({ id: Type.String() }),
        response: { 200: HitResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const found = await ledger.hit(tenantSeen(request, undefined), request.params.id);
      if (!found) throw new AppError('NOT_FOUND', { hit: request.params.id });
      return (await toHitResponses(request, store, [found]))[0];
    },
  );
}

function changeHitRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.patch<{ Params: { id: string }; Body: Static<typeof HitChangeBody> }>(
    '/v1/hits/:id',
    {
      onRequest: needs('hits'),
      schema: {
        summary: 'Change a hit: its status (open undoes a decision), who has the case, or whether it is disputed.',
        params: Type.Object({ id: Type.String() }),
        body: HitChangeBody,
        response: { 200: HitResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const { status, note = null, suppress = false, assignee, disputed } = request.body;
      if (suppress && !request.caller.scopes.has('admin')) throw new AppError('SCOPE_MISSING', { scope: 'admin' });
      const { tenant: by, key: used, actor } = request.caller;
      const person = { note, by, key: used ? { id: used.id, name: used.name } : undefined, actor };
      const [tenant, { id }] = [tenantSeen(request, undefined), request.params];
      const isHandling = assignee !== undefined || disputed !== undefined;
      if ((status !== undefined) === isHandling || (isHandling && suppress))
        throw new AppError('REQUEST_INVALID', {
          field: 'status',
          expected: 'status alone, or assignee and disputed without it',
        });
      const changed =
        status === undefined
          ? await handleHit(service, tenant, id, { ...person, assignee, disputed })
          : await decideHit(service, tenant, id, { ...person, status, suppress });
      return (await toHitResponses(request, service.store, [changed]))[0];
    },
  );
}

function reportRoute(app: FastifyInstance, { ledger }: Service, needs: Needs): void {
  app.get<{ Querystring: Static<typeof ReportQuery> }>(
    '/v1/report',
    {
      onRequest: needs('hits'),
      schema: {
        summary: 'The report for a period: counts, and the time to takedown.',
        querystring: ReportQuery,
        response: { 200: ReportResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const { tenant, format = 'json' } = request.query;
      const asked = { period: periodFrom(request.query), tenant: tenantSeen(request, tenant), nowMs: Date.now() };
      const report = await buildReport(ledger, asked);
      return sendReport(reply, seesDetails(request.caller) ? report : { ...report, byCategory: [] }, format);
    },
  );
}
