/** `zeef keys ...`: API keys are made, rotated and revoked; a key goes to stdout, once. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { KEY_GRACE_HOURS_DEFAULT, KEY_GRACE_HOURS_MAX } from '../core/limits.js';
import { parseTime } from '../core/period.js';
import { type KeyInfo, SCOPES, type Scope } from '../store/keys-contract.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';

const HOUR_MS = 3_600_000;

function time(text: string): string {
  const ms = parseTime(text);
  if (ms === null) throw new InvalidArgumentError('not a time, for example 2027-01-01T00:00:00Z');
  return new Date(ms).toISOString();
}

function hours(text: string): number {
  const value = Number(text);
  if (!(text !== '' && value >= 0 && value <= KEY_GRACE_HOURS_MAX)) {
    throw new InvalidArgumentError(`wants hours in 0..${KEY_GRACE_HOURS_MAX}`);
  }
  return value;
}

function keyText({ id, tenant, name, scopes, expiresAt, revokedAt, lastUsedAt }: KeyInfo): string {
  const isExpired = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  const expiry = expiresAt === null ? 'live' : isExpired ? `expired ${expiresAt}` : `live until ${expiresAt}`;
  const state = revokedAt !== null ? `revoked ${revokedAt}` : expiry;
  const used = lastUsedAt === null ? 'never used' : `last used ${lastUsedAt}`;
  return `${id} ${tenant} ${scopes.join(',')} ${state}, ${used}${name === null ? '' : `, ${name}`}\n`;
}

export function addKeyCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const keys = program.command('keys').description('API keys');

  keys
    .command('create')
    .description('create a key; it is shown once')
    .requiredOption('--tenant <name>', 'who it belongs to')
    .addOption(
      new Option('--scopes <scopes...>', 'what it may do').choices([...SCOPES]).default(['check', 'check:hashes']),
    )
    .option('--name <name>', 'what it is for')
    .option('--expires <time>', 'RFC 3339, for example 2027-01-01T00:00:00Z', time)
    .option('--json', 'as JSON')
    .action((flags: { tenant: string; scopes: Scope[]; name?: string; expires?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const { tenant, scopes, name = null, expires: expiresAt = null, json } = flags;
        const told = await changesOf(service).keys.createKey({ tenant, scopes, name, expiresAt });
        if (!json) cli.err(`key ${told.info.id} of ${tenant}; it is shown this once:\n`);
        cli.out(json ? `${JSON.stringify(told)}\n` : `${told.key}\n`);
      }),
    );

  keys
    .command('list')
    .description('keys of all tenants, or of one; never the key itself')
    .option('--tenant <name>')
    .option('--json', 'as JSON')
    .action(({ tenant, json }: { tenant?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const all = await service.store.keys.keys(tenant ?? null);
        cli.out(json ? `${JSON.stringify({ keys: all })}\n` : all.map(keyText).join('') || 'no keys\n');
      }),
    );

  keys
    .command('rotate')
    .description(
      'a second live key with the same tenant, name and scopes, shown once; the old one expires after the grace',
    )
    .argument('<id>')
    .option('--grace <hours>', 'how long the old key still works', hours, KEY_GRACE_HOURS_DEFAULT)
    .option('--expires <time>', 'of the new key; otherwise it lives as long as the old one was meant to', time)
    .option('--json', 'as JSON')
    .action((id: string, { grace, expires, json }: { grace: number; expires?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const told = await changesOf(service).keys.rotateKey(null, id, {
          nowMs: Date.now(),
          graceMs: grace * HOUR_MS,
          ...(expires === undefined ? {} : { expiresAt: expires }),
        });
        if (!json) cli.err(`key ${told.info.id}; it is shown this once. ${id} works until ${told.old.expiresAt}:\n`);
        cli.out(json ? `${JSON.stringify(told)}\n` : `${told.key}\n`);
      }),
    );

  keys
    .command('revoke')
    .description('a key works no longer, in a running service too')
    .argument('<id>')
    .action((id: string) =>
      withService(cli, globals(), async (service) => {
        await changesOf(service).keys.revokeKey(null, id);
        cli.out(`${id}: revoked\n`);
      }),
    );
}
