/** Webhooks of a service that serves. */
import { systemClock } from '../../core/clock.js';
import type { Logger } from '../../telemetry/log.js';
import type { Service } from '../service.js';
import type { DeliverOptions } from './deliver.js';
import { runWebhooks } from './run-webhooks.js';

/** Result: stops them, once what is in flight is done. */
export function startWebhooks(service: Service, log: Logger, env: DeliverOptions['env']): () => Promise<void> {
  const { store, metrics, ledger } = service;
  const runner = runWebhooks({ store: store.webhooks, hits: ledger, env, clock: systemClock, log, metrics });
  return () => runner.close();
}
