/**
 * The log of one request: lines carry the request's id. A child logger costs as much as a search, and most requests write none
 * of its lines, so it is made with the first.
 */
import type { FastifyBaseLogger } from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type Arguments = Parameters<FastifyBaseLogger['info']>;

class RequestLog {
  readonly #parent: FastifyBaseLogger;
  readonly #bindings: Bindings;
  #made: FastifyBaseLogger | null = null;

  constructor(parent: FastifyBaseLogger, bindings: Bindings) {
    this.#parent = parent;
    this.#bindings = bindings;
  }

  get #log(): FastifyBaseLogger {
    this.#made ??= this.#parent.child(this.#bindings);
    return this.#made;
  }

  get level() {
    return this.#parent.level;
  }

  fatal(...line: Arguments) {
    this.#log.fatal(...line);
  }

  error(...line: Arguments) {
    this.#log.error(...line);
  }

  warn(...line: Arguments) {
    this.#log.warn(...line);
  }

  info(...line: Arguments) {
    this.#log.info(...line);
  }

  debug(...line: Arguments) {
    this.#log.debug(...line);
  }

  trace(...line: Arguments) {
    this.#log.trace(...line);
  }

  silent() {}

  child(...of: Parameters<FastifyBaseLogger['child']>) {
    return this.#log.child(...of);
  }
}

/** Make the log of a request; a `childLoggerFactory` of Fastify. */
export const requestLog = (parent: FastifyBaseLogger, bindings: Bindings): FastifyBaseLogger =>
  new RequestLog(parent, bindings) as FastifyBaseLogger;
