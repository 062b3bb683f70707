/** `zeef serve`: the HTTP service; a signal drains in-flight requests and ends it. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/knobs.js';
import { AppError } from '../core/errors.js';
import { SAMPLE_IMAGES } from '../core/package-root.js';
import { systemWords } from '../core/system-words.js';
import { startSyncSchedule } from '../lists/import/sync-schedule.js';
import { logMemory, logSandbox } from '../service/decoder.js';
import { createService, startWebhooks } from '../service/service.js';
import { createLogger } from '../telemetry/log.js';
import { type CliContext, configFileOf, configFrom, type GlobalFlags, type HttpServer } from './context.js';
import { importSample } from './sample.js';
import { servingText } from './serving-text.js';

/** An image of the sample list. */
const SAMPLE_IMAGE = join(SAMPLE_IMAGES, 'mate-freshflower.jpg');

interface ServeFlags {
  readonly host?: string;
  readonly port?: string;
  readonly sample?: boolean;
}

export function addServeCommand(program: Command, cli: CliContext): void {
  program
    .command('serve')
    .description('run the HTTP service')
    .option('--host <address>', 'address to listen on (ZEEF_HOST)')
    .option('--port <port>', 'TCP port, 0 for any (ZEEF_PORT)')
    .option('--sample', 'load the bundled sample list, unless it is loaded already')
    .action(async ({ sample, ...flags }: ServeFlags) => {
      const globalFlags = program.opts<GlobalFlags>();
      const config = configFrom(cli, { ...globalFlags, ...flags });
      const log = createLogger(config.logLevel);
      const decoder = { isServing: true, configFile: configFileOf(cli, globalFlags) ?? null };
      // The sample is there when the lists are read: the log of a first start does not begin with an alarm.
      const prepare = sample ? { prepare: importSample } : {};
      // Loaded only here: no other command counts anything.
      const { createMetrics } = await import('../telemetry/prometheus.js');
      const kept = { log, metrics: createMetrics(), env: cli.env, decoder };
      const service = await createService(config, { ...kept, watchLists: true, ...prepare });
      let stopSyncs = async () => {};
      let stopWebhooks = async () => {};
      try {
        stopSyncs = startSyncSchedule(service, log, cli.env, { stopped: cli.stopped });
        stopWebhooks = startWebhooks(service, log, cli.env);
        const server = await cli.createServer(service, log);
        await listen(server, config);
        logSandbox(service.readiness().decoder.sandbox, config, log);
        logMemory(config, log);
        // Beyond loopback a key exists: without one the server does not listen.
        const needsKey = (await service.store.keys.keys(null)).length > 0;
        const address = server.server.address() as AddressInfo;
        cli.out(servingText({ host: config.host, address, image: sample ? SAMPLE_IMAGE : null, needsKey }));
        await cli.stopped;
        log.info('shutting down: draining in-flight requests');
        const tooLong = setTimeout(() => server.server.closeAllConnections(), config.shutdownMs);
        await server.close();
        clearTimeout(tooLong);
      } finally {
        // Side by side: a sync may wait for its import, which ends with the imports.
        await Promise.all([stopSyncs(), stopWebhooks(), service.imports.close()]);
        await service.close();
      }
    });
}

/** Listen on the address. Errors CONFIG_INVALID: it is in use, not of this machine, or not permitted. */
async function listen(server: HttpServer, { host, port }: Pick<Config, 'host' | 'port'>): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const hint = code === 'EADDRINUSE' ? '; --port takes another one' : '';
    const problems = `cannot listen on ${host}, port ${port}: ${systemWords(error)}${hint}`;
    throw new AppError('CONFIG_INVALID', { problems }, error);
  }
}
