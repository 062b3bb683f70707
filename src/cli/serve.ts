/** `zeef serve`: the HTTP service, until a signal; answers in hand are given first. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/knobs.js';
import { AppError } from '../core/errors.js';
import { PACKAGE_ROOT } from '../core/package-root.js';
import { startSyncSchedule } from '../lists/import/sync-schedule.js';
import { createService, startWebhooks } from '../service/service.js';
import { createLogger } from '../telemetry/log.js';
import { type CliContext, configFrom, type GlobalFlags, type HttpServer } from './context.js';
import { importSample } from './sample.js';
import { servingText } from './serving-text.js';

/** One that the sample list holds. */
const SAMPLE_IMAGE = join(PACKAGE_ROOT, 'hashlists', 'sample', 'pictures', 'mate-freshflower.jpg');

interface ServeFlags {
  readonly host?: string;
  readonly port?: string;
  readonly sample?: boolean;
}

export function addServeCommand(program: Command, cli: CliContext): void {
  program
    .command('serve')
    .description('the HTTP service')
    .option('--host <address>', 'where to listen (ZEEF_HOST)')
    .option('--port <port>', 'TCP port, 0 for any (ZEEF_PORT)')
    .option('--sample', 'load the sample list that ships, where it is not there yet')
    .action(async ({ sample, ...flags }: ServeFlags) => {
      const config = configFrom(cli, { ...program.opts<GlobalFlags>(), ...flags });
      const log = createLogger(config.logLevel);
      const service = await createService(config, { log, watchLists: true, env: cli.env });
      let stopSyncs = async () => {};
      let stopWebhooks = async () => {};
      try {
        if (sample) {
          await importSample(service);
          await service.reload();
        }
        stopSyncs = startSyncSchedule(service, log, cli.env);
        stopWebhooks = startWebhooks(service, log, cli.env);
        const server = await cli.createServer(service, log);
        await listen(server, config);
        // On any other address than loopback there is a key, or it would not listen.
        const needsKey = (await service.store.keys.keys(null)).length > 0;
        const address = server.server.address() as AddressInfo;
        cli.out(servingText({ host: config.host, address, image: sample ? SAMPLE_IMAGE : null, needsKey }));
        await cli.stopped;
        log.info('stopping: answers in hand are given first');
        const tooLong = setTimeout(() => server.server.closeAllConnections(), config.shutdownMs);
        await server.close();
        clearTimeout(tooLong);
      } finally {
        await stopSyncs();
        await stopWebhooks();
        await service.close();
      }
    });
}

/** Errors  CONFIG_INVALID: the address is taken, not this machine's, or not for this user. */
async function listen(server: HttpServer, { host, port }: Pick<Config, 'host' | 'port'>): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new AppError('CONFIG_INVALID', { problems: `cannot listen on ${host}, port ${port}: ${code}` }, error);
  }
}
