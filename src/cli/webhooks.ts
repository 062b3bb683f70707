/** `zeef webhooks ...`: notifications of new hits and overdue cases. The command queues events; a running service sends them. */
import type { Command } from 'commander';
import { requireSecretEnv, requireUrl } from '../cases/webhooks/deliver.js';
import { pingEvent } from '../cases/webhooks/events.js';
import { terminalField } from '../core/terminal.js';
import type { WebhookInfo } from '../store/webhooks-contract.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';

const DEAD_LETTERS_SHOWN = 100;

function hookText({ id, tenant, url, secretEnv, waiting, dead }: WebhookInfo): string {
  return `${id} ${tenant ?? 'all tenants'} ${url} secret in ${secretEnv}, ${waiting} waiting, ${dead} failed\n`;
}

/** Add `zeef webhooks` to `program`. */
export function addWebhookCommands(program: Command, cli: CliContext): void {
  const webhooks = program.command('webhooks').description('notifications of new hits and overdue cases');
  addAddressCommands(webhooks, program, cli);
  addEventCommands(webhooks, program, cli);
}

/** `add`, `list` and `remove`: the addresses that events are sent to. */
function addAddressCommands(webhooks: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  webhooks
    .command('add')
    .description('notify an address from now on; zeef serve sends the events')
    .argument('<url>')
    .requiredOption('--secret-env <variable>', 'the environment variable of zeef serve that holds the secret')
    .option('--tenant <name>', 'only events of this tenant')
    .option('--json', 'as JSON')
    .action((url: string, { secretEnv, tenant, json }: { secretEnv: string; tenant?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const hook = await changesOf(service).webhooks.addWebhook({
          url: requireUrl(url),
          secretEnv: requireSecretEnv(secretEnv),
          tenant: tenant ?? null,
          mark: await service.ledger.newsMark(),
          nowMs: Date.now(),
        });
        cli.out(json ? `${JSON.stringify(hook)}\n` : hookText(hook));
      }),
    );

  webhooks
    .command('list')
    .description('show webhooks and their failed events')
    .option('--tenant <name>')
    .option('--json', 'as JSON, with the failed events')
    .action(({ tenant, json }: { tenant?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        for (const hook of await service.store.webhooks.webhooks(tenant ?? null)) {
          const dead = await service.store.webhooks.dead(null, hook.id, DEAD_LETTERS_SHOWN);
          const lines = dead.map(
            (one) => `  ${one.id} ${one.kind} ${one.createdAt} ${terminalField(one.lastError ?? '')}\n`,
          );
          cli.out(json ? `${JSON.stringify({ ...hook, deadEvents: dead })}\n` : hookText(hook) + lines.join(''));
        }
      }),
    );

  webhooks
    .command('remove')
    .description('remove a webhook and discard its undelivered events')
    .argument('<id>')
    .action((id: string) =>
      withService(cli, globals(), async (service) => {
        const { waiting, dead } = await changesOf(service).webhooks.removeWebhook(null, id);
        cli.out(`${id}: removed; ${waiting + dead} events were not delivered\n`);
      }),
    );
}

/** `retry` and `ping`: events that a running service sends to one address. */
function addEventCommands(webhooks: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  webhooks
    .command('retry')
    .description('retry failed events; a running service sends them')
    .argument('<id>')
    .action((id: string) =>
      withService(cli, globals(), async (service) => {
        cli.out(`${id}: ${await changesOf(service).webhooks.retry(null, id)} events\n`);
      }),
    );

  webhooks
    .command('ping')
    .description('send a test event without content')
    .argument('<id>')
    .action((id: string) =>
      withService(cli, globals(), async (service) => {
        const nowMs = Date.now();
        await changesOf(service).webhooks.ping(null, id, pingEvent(id, nowMs), nowMs);
        cli.out(`${id}: queued; a running service sends it\n`);
      }),
    );
}
