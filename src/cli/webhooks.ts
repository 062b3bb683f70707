/** `zeef webhooks ...`: notifications of new hits and overdue cases. The command queues events; a running service sends them. */

import type { Command } from 'commander';
import { requireSecretEnv, requireUrl } from '../cases/webhooks/deliver.js';
import { pingEvent } from '../cases/webhooks/events.js';
import { secretFrom } from '../core/secret.js';
import type { WebhookEvent, WebhookInfo } from '../store/webhooks-contract.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { minuteOf, tableText } from './table.js';

const DEAD_LETTERS_SHOWN = 100;

function hookText({ id, tenant, url, secretEnv, waiting, dead }: WebhookInfo): string {
  return `${id} ${tenant ?? 'all tenants'} ${url} secret in ${secretEnv}, ${waiting} waiting, ${dead} failed\n`;
}

const HEADINGS = ['ID', 'TENANT', 'SECRET IN', 'WAITING', 'FAILED', 'ADDRESS'];
const hookRow = ({ id, tenant, url, secretEnv, waiting, dead }: WebhookInfo) => [
  id,
  tenant ?? 'all tenants',
  secretEnv,
  String(waiting),
  String(dead),
  url,
];

const EVENT_HEADINGS = ['FAILED EVENT', 'KIND', 'CREATED (UTC)', 'ERROR, WEBHOOK'];
const eventRow = ({ id, kind, createdAt, lastError, webhookId }: WebhookEvent) => [
  id,
  kind,
  minuteOf(createdAt),
  [...(lastError === null ? [] : [lastError]), webhookId].join(', '),
];

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
        const read = secretFrom(cli.env, secretEnv);
        if ('why' in read) cli.err(`zeef: ${read.why} here: zeef serve, which signs with it, needs it\n`);
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
        const webhooks: (WebhookInfo & { readonly deadEvents: readonly WebhookEvent[] })[] = [];
        for (const hook of await service.store.webhooks.webhooks(tenant ?? null))
          webhooks.push({ ...hook, deadEvents: await service.store.webhooks.dead(null, hook.id, DEAD_LETTERS_SHOWN) });
        if (json) return cli.out(`${JSON.stringify({ webhooks })}\n`);
        if (webhooks.length === 0) return cli.out('no webhooks\n');
        const events = webhooks.flatMap(({ deadEvents }) => deadEvents);
        const failed = events.length === 0 ? '' : `\n${tableText(EVENT_HEADINGS, events.map(eventRow), cli.columns)}`;
        cli.out(`${tableText(HEADINGS, webhooks.map(hookRow), cli.columns)}${failed}`);
      }),
    );

  webhooks
    .command('remove')
    .description('remove a webhook and discard its undelivered events')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action((id: string, { json }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const { waiting, dead } = await changesOf(service).webhooks.removeWebhook(null, id);
        const words = `${id}: removed; ${waiting + dead} events were not delivered\n`;
        cli.out(json ? `${JSON.stringify({ id, waiting, dead })}\n` : words);
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
    .option('--json', 'as JSON')
    .action((id: string, { json }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const events = await changesOf(service).webhooks.retry(null, id);
        cli.out(json ? `${JSON.stringify({ events })}\n` : `${id}: ${events} events\n`);
      }),
    );

  webhooks
    .command('ping')
    .description('send a test event without content')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action((id: string, { json }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const nowMs = Date.now();
        const events = await changesOf(service).webhooks.ping(null, id, pingEvent(id, nowMs), nowMs);
        cli.out(json ? `${JSON.stringify({ events })}\n` : `${id}: queued; a running service sends it\n`);
      }),
    );
}
