/** `GET /v1/audit`: the audit log, newest first. */
import type { Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Service } from '../../service/service.js';
import { AuditQuery, AuditResult } from '../admin-schemas.js';
import type { createAuthoriser } from '../authorise.js';
import { Problem } from '../schemas.js';

const ENTRIES_PER_PAGE = 100;

export function auditRoutes(app: FastifyInstance, service: Service, needs: ReturnType<typeof createAuthoriser>): void {
  app.get<{ Querystring: Static<typeof AuditQuery> }>(
    '/v1/audit',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The audit log, newest first, in pages; `zeef audit verify` verifies the whole chain.',
        querystring: AuditQuery,
        response: { 200: AuditResult, default: Problem },
      },
    },
    async (request) => {
      const { tenant = null, cursor, limit = ENTRIES_PER_PAGE, all = false } = request.query;
      const before = cursor === undefined ? null : Number(cursor);
      const entries = [...(await service.store.audit.page({ tenant, before, limit, all }))];
      return { entries, cursor: entries.length < limit ? null : String(entries.at(-1)!.seq) };
    },
  );
}
