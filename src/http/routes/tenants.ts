/** `/v1/tenants`: limits, usage of the day, alarms. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.js';
import type { Service } from '../../service/service.js';
import { tenantReport } from '../../tenants/tenant-report.js';
import { TenantChangeBody, TenantResult } from '../admin-schemas.js';
import type { createAuthoriser } from '../authorise.js';
import { storeAs } from '../authorise.js';
import { Problem } from '../schemas.js';

export function tenantRoutes(app: FastifyInstance, service: Service, needs: ReturnType<typeof createAuthoriser>): void {
  const { tenants } = service.store;
  const Name = Type.Object({ tenant: Type.String() });

  app.get(
    '/v1/tenants',
    {
      onRequest: needs('admin'),
      schema: {
        summary: "All tenants: limits, today's usage, alarms.",
        response: { 200: Type.Object({ tenants: Type.Array(TenantResult) }), default: Problem },
      },
    },
    async () => ({ tenants: await Promise.all((await tenants.tenants()).map((info) => tenantReport(service, info))) }),
  );

  app.get<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant',
    {
      onRequest: needs('admin'),
      schema: { summary: 'One tenant.', params: Name, response: { 200: TenantResult, default: Problem } },
    },
    async (request) => {
      const info = await tenants.tenant(request.params.tenant);
      if (!info) throw new AppError('NOT_FOUND', { tenant: request.params.tenant });
      return tenantReport(service, info);
    },
  );

  app.patch<{ Params: { tenant: string }; Body: Static<typeof TenantChangeBody> }>(
    '/v1/tenants/:tenant',
    {
      onRequest: needs('admin'),
      schema: {
        summary:
          'Change the limits or the template of a tenant, or create one; null restores the default. Active before the answer.',
        params: Name,
        body: TenantChangeBody,
        response: { 200: TenantResult, default: Problem },
      },
    },
    async (request) => {
      const changed = await storeAs(service, request).tenants.setTenant(request.params.tenant, request.body);
      return tenantReport(service, changed);
    },
  );
}
