/** Makes dist/openapi.json, the document of the API as the service serves it: `node dist/scripts/make-openapi.js`, a part of the build. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder, withTempRun } from '../bench/temp-folder.js';
import { readConfig } from '../src/config/read-config.js';
import { PACKAGE_ROOT } from '../src/core/package-root.js';
import { createServer } from '../src/http/server.js';
import { createService } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';
import { createMetrics } from '../src/telemetry/prometheus.js';

await withTempRun(async () => {
  // The routes are those of a whole service, with an empty store.
  const config = readConfig({ env: {}, flags: { dataDir: tempFolder('openapi'), logLevel: 'silent' } });
  const log = createLogger(config.logLevel);
  const service = await createService(config, { log, metrics: createMetrics() });
  const server = await createServer(service, log);
  writeFileSync(join(PACKAGE_ROOT, 'dist/openapi.json'), JSON.stringify(server.swagger()));
  await server.close();
  await service.close();
});
