/** A whole service on loopback with the sample list, for tests over HTTP. */
import type { RouteOptions } from 'fastify';
import { tempFolder } from '../../bench/temp-folder.js';
import { readConfig } from '../../src/config/read-config.js';
import { createServer } from '../../src/http/server.js';
import { importList } from '../../src/lists/import/import-list.js';
import { createService, type Service } from '../../src/service/service.js';
import { createLogger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/prometheus.js';

export const PICTURES = 'hashlists/sample/pictures';
export const PHOTOGRAPHS = 'test/fixtures/photographs';

export interface Running {
  readonly service: Service;
  readonly url: string;
  stop(): Promise<void>;
}

/** Start a service. `onRoute` receives every route as the server registers it. */
export async function startService(
  flags: Record<string, string> = {},
  onRoute?: (route: RouteOptions) => void,
  options: Pick<Parameters<typeof createService>[1], 'urlNet'> = {},
): Promise<Running> {
  const dataDir = tempFolder('run');
  const config = readConfig({
    env: {},
    flags: { dataDir, port: '0', logLevel: 'silent', queueImagesPerWorker: '100', ...flags },
  });
  const log = createLogger(config.logLevel);
  const service = await createService(config, { log, metrics: createMetrics(), ...options });
  await importList(service.store, {
    paths: ['hashlists/sample/sample.csv'],
    list: 'sample',
    format: 'csv',
    kind: 'match',
    radiusBits: 31,
  });
  await service.reload();
  const server = await createServer(service, log, onRoute);
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    service,
    url,
    stop: async () => {
      await server.close();
      await service.close();
    },
  };
}
