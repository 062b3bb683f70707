/** `zeef keys ...`: creates, rotates and revokes API keys; a key is printed once, to stdout. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { KEY_GRACE_HOURS_DEFAULT, KEY_GRACE_HOURS_MAX } from '../core/limits.js';
import { parseTime } from '../core/period.js';
import { decimalOf } from '../core/plain-number.js';
import { type KeyInfo, SCOPES, type Scope } from '../store/keys-contract.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { minuteOf, tableText } from './table.js';

const HOUR_MS = 3_600_000;

function time(text: string): string {
  const ms = parseTime(text);
  if (ms === null) throw new InvalidArgumentError('expected a time, for example 2027-01-01T00:00:00Z');
  return new Date(ms).toISOString();
}

function hours(text: string): number {
  const value = decimalOf(text);
  if (!(value >= 0 && value <= KEY_GRACE_HOURS_MAX)) {
    throw new InvalidArgumentError(`expected hours in 0..${KEY_GRACE_HOURS_MAX}`);
  }
  return value;
}

/** Errors REQUEST_INVALID. */
function requireOnce(scopes: readonly Scope[]): void {
  if (new Set(scopes).size === scopes.length) return;
  throw new AppError('REQUEST_INVALID', { field: 'scopes', got: scopes.join(' '), expected: 'each scope once' });
}

function stateOf({ expiresAt, revokedAt }: KeyInfo): string {
  if (revokedAt !== null) return `revoked ${minuteOf(revokedAt)}`;
  if (expiresAt === null) return 'live';
  return `${Date.parse(expiresAt) <= Date.now() ? 'expired' : 'live until'} ${minuteOf(expiresAt)}`;
}

const HEADINGS = ['ID', 'TENANT', 'STATE (UTC)', 'LAST USED', 'SCOPES: NAME'];
const rowOf = (key: KeyInfo) => [
  key.id,
  key.tenant,
  stateOf(key),
  key.lastUsedAt === null ? 'never' : minuteOf(key.lastUsedAt),
  `${key.scopes.join(', ')}${key.name === null ? '' : `: ${key.name}`}`,
];

/** Print a new key, once. `says`: about it, beside it; null: all as JSON. */
function printKey(cli: CliContext, created: { readonly key: string }, says: string | null): void {
  if (says !== null) cli.err(says);
  cli.out(says === null ? `${JSON.stringify(created)}\n` : `${created.key}\n`);
}

export function addKeyCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const keys = program.command('keys').description('API keys');

  keys
    .command('create')
    .description('create a key; it is printed once')
    .requiredOption('--tenant <name>', 'tenant that owns the key')
    .addOption(
      new Option('--scopes <scopes...>', 'scopes of the key').choices([...SCOPES]).default(['check', 'check:hashes']),
    )
    .option('--name <name>', 'purpose of the key')
    .option('--expires <time>', 'RFC 3339, for example 2027-01-01T00:00:00Z', time)
    .option('--json', 'as JSON')
    .action((flags: { tenant: string; scopes: Scope[]; name?: string; expires?: string; json?: boolean }) => {
      const { tenant, scopes, name = null, expires: expiresAt = null, json } = flags;
      requireOnce(scopes);
      return withService(cli, globals(), async (service) => {
        const created = await changesOf(service).keys.createKey({ tenant, scopes, name, expiresAt });
        const says = `key ${created.info.id} of ${tenant}; it is printed only once:\n`;
        printKey(cli, created, json ? null : says);
      });
    });

  keys
    .command('list')
    .description('show keys of all tenants, or of one, without their secrets')
    .option('--tenant <name>')
    .option('--json', 'as JSON')
    .action(({ tenant, json }: { tenant?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const all = await service.store.keys.keys(tenant ?? null);
        const words = all.length === 0 ? 'no keys\n' : tableText(HEADINGS, all.map(rowOf), cli.columns);
        cli.out(json ? `${JSON.stringify({ keys: all })}\n` : words);
      }),
    );

  keys
    .command('rotate')
    .description(
      'create a key with the same tenant, name and scopes, printed once; the old one expires after the grace period',
    )
    .argument('<id>')
    .option('--grace <hours>', 'how long the old key remains valid', hours, KEY_GRACE_HOURS_DEFAULT)
    .option('--expires <time>', 'expiry of the new key; by default the original expiry of the old one', time)
    .option('--json', 'as JSON')
    .action((id: string, { grace, expires, json }: { grace: number; expires?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const created = await changesOf(service).keys.rotateKey(null, id, {
          nowMs: Date.now(),
          graceMs: grace * HOUR_MS,
          ...(expires === undefined ? {} : { expiresAt: expires }),
        });
        const says = `key ${created.info.id}; it is printed only once. ${id} is valid until ${created.old.expiresAt}:\n`;
        printKey(cli, created, json ? null : says);
      }),
    );

  keys
    .command('revoke')
    .description('revoke a key, in a running service too')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action((id: string, { json }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        await changesOf(service).keys.revokeKey(null, id);
        cli.out(json ? `${JSON.stringify({ id })}\n` : `${id}: revoked\n`);
      }),
    );
}
