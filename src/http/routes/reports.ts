/** Reports in their formats, and `GET /v1/hits/{id}/notice`. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.js';
import type { Report } from '../../ledger/report.js';
import { casesCsv, type SeenHit } from '../../reports/cases-csv.js';
import { type ReportFormat, renderReport } from '../../reports/formats.js';
import { REPORT_POLICY } from '../../reports/html.js';
import { notice } from '../../reports/notice.js';
import type { Service } from '../../service/service.js';
import { type createAuthoriser, seesDetails } from '../authorise.js';
import { NoticeQuery } from '../ledger-schemas.js';
import { Problem } from '../schemas.js';

/** Send a report; a browser displays HTML and saves every other format. */
export function sendReport(reply: FastifyReply, report: Report, format: ReportFormat): FastifyReply | Report {
  if (format === 'json') return report;
  const { mediaType, fileName, text } = renderReport(report, format);
  const shown = format === 'html' ? 'inline' : 'attachment';
  return reply
    .type(mediaType)
    .header('content-disposition', `${shown}; filename="${fileName}"`)
    .header('content-security-policy', `${REPORT_POLICY}; frame-ancestors 'none'`)
    .send(text);
}

/**
 * Send a page of cases as CSV. The cursor of the next page is in a header, and only the first page has the row of names: pages
 * can be joined as they are.
 */
export function sendCases(
  reply: FastifyReply,
  hits: readonly SeenHit[],
  { cursor, isFirst }: { readonly cursor: string | null; readonly isFirst: boolean },
): FastifyReply {
  if (cursor !== null) reply.header('x-next-cursor', cursor);
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', 'attachment; filename="zeef-cases.csv"')
    .send(casesCsv(hits, { header: isFirst }));
}

export function noticeRoute(
  app: FastifyInstance,
  service: Service,
  needs: ReturnType<typeof createAuthoriser>,
  tenantSeen: (request: FastifyRequest, asked: undefined) => string | undefined,
): void {
  app.get<{ Params: { id: string }; Querystring: Static<typeof NoticeQuery> }>(
    '/v1/hits/:id/notice',
    {
      onRequest: needs('hits'),
      schema: {
        summary: 'A notice of one hit, in English or Dutch, as text.',
        params: Type.Object({ id: Type.String() }),
        querystring: NoticeQuery,
        response: { 200: Type.String(), default: Problem },
        produces: ['text/plain'],
      },
    },
    async (request, reply) => {
      const hit = await service.ledger.hit(tenantSeen(request, undefined), request.params.id);
      if (!hit) throw new AppError('NOT_FOUND', { hit: request.params.id });
      const text = notice(hit, {
        language: request.query.language ?? 'en',
        details: seesDetails(request.caller),
        now: new Date().toISOString(),
      });
      return reply.type('text/plain; charset=utf-8').send(text);
    },
  );
}
