/** The HTTP server: parsing, limits, keys, problem documents, documentation. No logic. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
  type RouteOptions,
} from 'fastify';
import { AppError } from '../core/errors.js';
import { newId } from '../core/new-id.js';
import { TEXT_CHARS_MAX } from '../hashlists/normalise.js';
import type { Service } from '../service/service.js';
import { type Logger, withoutRedaction } from '../telemetry/log.js';
import { createAuthoriser, requireKeysFor } from './authorise.js';
import { BodyBudget, createBodyHook, holdBody } from './body-budget.js';
import { createResponseHook, onClientError } from './client-errors.js';
import { countedBody } from './counted-body.js';
import { hmaRoutes, refuseOff, rewriteFor } from './hma/routes.js';
import { compileSerializer, lateSerializers, lateValidators } from './late-compilers.js';
import { DOCUMENT } from './openapi/document.js';
import { PAGE } from './openapi/page.js';
import { createSiteGuard } from './own-site.js';
import { addPagePolicy } from './page-policy.js';
import { sendProblem } from './problem.js';
import { requestLog } from './request-log.js';
import { auditRoutes } from './routes/audit.js';
import { imageRoutes } from './routes/check.js';
import { hashRoutes } from './routes/check-hashes.js';
import { dashboardRoutes } from './routes/dashboard.js';
import { explainRoutes } from './routes/explain.js';
import { hashLookupRoutes } from './routes/hashes.js';
import { healthRoutes } from './routes/health.js';
import { keyRoutes } from './routes/keys.js';
import { ledgerRoutes } from './routes/ledger.js';
import { listChangeRoutes } from './routes/list-changes.js';
import { listContentRoutes } from './routes/list-contents.js';
import { listEntryRoutes } from './routes/list-entries.js';
import { listFeedbackRoutes } from './routes/list-feedback.js';
import { listImageRoutes } from './routes/list-images.js';
import { listImportRoutes } from './routes/list-imports.js';
import { listSourceRoutes } from './routes/list-sources.js';
import { listRoutes } from './routes/lists.js';
import type { Needs } from './routes/needs.js';
import { replicaRoutes } from './routes/replicas.js';
import { statusRoutes } from './routes/status.js';
import { suppressionRoutes } from './routes/suppressions.js';
import { tenantRoutes } from './routes/tenants.js';
import { pictrsRoutes, verdictRoutes } from './routes/verdict.js';
import { webhookRoutes } from './routes/webhooks.js';
import { withoutKeys } from './shown-path.js';
import { completeRoute, Methods, readJson, requireReadable } from './understood.js';
import { createValidatorCompiler } from './validation.js';

/** Headers are small: a client that needs longer for them is blocking a connection. */
const HEADERS_MS_MAX = 10_000;
/** Of a name in a path, decoded. The longest is an entry's id. */
const PATH_PART_CHARACTERS_MAX = TEXT_CHARS_MAX;
/** Interval of Node's check for slow requests; the default is 30 seconds. */
const SLOW_REQUEST_CHECK_MS = 500;

/**
 * Create the server; `onRoute` receives every route as it is registered. `compilesAtOnce`: schemas are not compiled with their first use.
 * Errors CONFIG_INVALID: a public address without keys.
 */
export async function createServer(
  service: Service,
  log: Logger,
  onRoute: (route: RouteOptions) => void = () => {},
  { compilesAtOnce = false } = {},
): Promise<FastifyInstance> {
  const { host, requestTimeoutMs } = service.config;
  await requireKeysFor(host, service.store.keys);
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    // `recordResponse` logs one line per response, with the service's own field names.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: requestLog,
    genReqId: () => newId(),
    routerOptions: { maxParamLength: PATH_PART_CHARACTERS_MAX },
    rewriteUrl: rewriteFor(service.config),
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: Math.min(HEADERS_MS_MAX, requestTimeoutMs),
      connectionsCheckingInterval: SLOW_REQUEST_CHECK_MS,
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: onClientError,
    // A malformed URL reaches no route.
    frameworkErrors: (error, request, reply) => {
      addPagePolicy(request, reply);
      return sendProblem(request, reply.header('x-request-id', request.id), error);
    },
  });
  const compileValidator = createValidatorCompiler();
  app.setValidatorCompiler(compilesAtOnce ? compileValidator : lateValidators(compileValidator));
  app.setSerializerCompiler(compilesAtOnce ? compileSerializer : lateSerializers);
  const needs = createAuthoriser(service);
  addHooks(app, service, needs, withoutRedaction(log));
  const methods = new Methods();
  app.addHook('onRoute', (route) => {
    methods.add(route);
    completeRoute(route);
    onRoute(route);
  });
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, error));
  const refuse = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const isOff = refuseOff(service.config, request, reply);
    if (isOff !== null) return isOff;
    const allowed = methods.of(request.url);
    if (allowed.length === 0) throw new AppError('NOT_FOUND', { path: withoutKeys(request.url).slice(0, 200) });
    reply.header('allow', allowed.join(', '));
    throw new AppError('METHOD_NOT_ALLOWED', { field: 'method', method: request.method, expected: allowed.join(' ') });
  };
  // Before a body is read.
  app.addHook('onRequest', async (request, reply) => (request.is404 ? refuse(request, reply) : undefined));
  app.setNotFoundHandler(refuse);

  await addDocumentation(app);
  await addRoutes(app, service, needs);
  // Anyone may ask for it: it is written once.
  let document: Buffer | undefined;
  app.get('/openapi.json', { schema: { summary: 'This document.' } }, async (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(app.swagger()));
    return reply.type('application/json; charset=utf-8').send(document);
  });
  await app.ready();
  return app;
}

/** Add the hooks of every request, in their order. Errors CONFIG_INVALID: one image exceeds the memory for all bodies. */
function addHooks(app: FastifyInstance, { config, metrics }: Service, needs: Needs, answers: Logger): void {
  const { imageBytesMax, bodyBytesInFlightMax } = config;
  const budget = new BodyBudget(bodyBytesInFlightMax, (taken) => metrics.set('zeef_body_bytes_in_flight', {}, taken));
  if (imageBytesMax > budget.largeBytesMax) {
    throw new AppError('CONFIG_INVALID', {
      problems: `bodyBytesInFlightMax has room for an image of ${budget.largeBytesMax} bytes; imageBytesMax is ${imageBytesMax}`,
    });
  }
  readJson(app);
  app.decorateRequest('caller');
  app.decorateRequest('bodyShare');
  app.addHook('onRequest', createResponseHook(config.requestTimeoutMs));
  app.addHook('onRequest', createSiteGuard(needs.areKeysNeeded, config.allowedHosts));
  app.addHook('onRequest', requireReadable);
  app.addHook('preParsing', countedBody);
  const takeShare = createBodyHook(budget, imageBytesMax);
  // After the hooks of the route: it counts bytes that were unpacked.
  app.addHook('onRoute', (route) => {
    route.preParsing = [...[route.preParsing ?? []].flat(), takeShare];
    holdBody(route);
  });
  app.addHook('onSend', async (request, reply) => {
    addPagePolicy(request, reply);
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    discardRest(request);
    recordResponse(metrics, answers, request, reply);
  });
}

/** Read what is left of a body that was refused before its end: the next request of its connection comes after it. */
function discardRest({ raw }: FastifyRequest): void {
  if (raw.readableEnded || raw.destroyed) return;
  raw.unpipe();
  raw.resume();
}

/** Count a response and its duration, and log its line: its fields are the service's own. */
function recordResponse(
  metrics: Service['metrics'],
  answers: Logger,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const labels = { route: request.routeOptions.url ?? 'none', method: request.method };
  const seconds = reply.elapsedTime / 1000;
  metrics.add('zeef_http_requests_total', { ...labels, status: String(reply.statusCode) });
  metrics.observeSeconds('zeef_http_request_seconds', labels, seconds);
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  answers.info({ reqId: request.id, ...labels, status: reply.statusCode, ms }, 'answered');
}

/** Register the OpenAPI document of the routes that are added later, and its page at `/docs`. */
async function addDocumentation(app: FastifyInstance): Promise<void> {
  await app.register(swagger, DOCUMENT);
  await app.register(swaggerUi, PAGE);
}

/** Register the routes, in the order of the OpenAPI document. */
async function addRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  // Each in a scope of its own: the same Content-Type is an image to one and a stream of values to another.
  await app.register((scope) => imageRoutes(scope, service, needs));
  await app.register((scope) => hashRoutes(scope, service, needs));
  await app.register((scope) => verdictRoutes(scope, service, needs));
  await app.register((scope) => pictrsRoutes(scope, service, needs));
  await app.register((scope) => explainRoutes(scope, service, needs));
  hashLookupRoutes(app, service, needs);
  await app.register((scope) => listImportRoutes(scope, service, needs));
  await app.register((scope) => listImageRoutes(scope, service, needs));
  listRoutes(app, service, needs);
  listChangeRoutes(app, service, needs);
  listEntryRoutes(app, service, needs);
  listContentRoutes(app, service, needs);
  listSourceRoutes(app, service, needs);
  listFeedbackRoutes(app, service, needs);
  suppressionRoutes(app, service, needs);
  ledgerRoutes(app, service, needs);
  statusRoutes(app, service, needs);
  replicaRoutes(app, service, needs);
  keyRoutes(app, service, needs);
  tenantRoutes(app, service, needs);
  auditRoutes(app, service, needs);
  webhookRoutes(app, service, needs);
  healthRoutes(app, service);
  await app.register((scope) => hmaRoutes(scope, service, needs));
  await app.register(dashboardRoutes);
}
