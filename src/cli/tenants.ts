/** `zeef tenants ...`: limits, usage of the day, alarms. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { TENANT_LIMITS, type TenantLimits } from '../store/tenants-contract.js';
import { type TenantReport, tenantReport } from '../tenants/tenant-report.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { tableText } from './table.js';

interface SetFlags {
  readonly disable?: boolean;
  readonly enable?: boolean;
  readonly clearAlarm?: boolean;
  /** False: remove it. */
  readonly referenceUrl?: string | false;
  readonly json?: boolean;
}

/** Value that restores the configured limit. */
const DEFAULT = 'default';

function limit(text: string): number | typeof DEFAULT {
  const value = Number(text);
  if (text === DEFAULT) return text;
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`expected a whole number, 0 for no limit, or "${DEFAULT}"`);
  }
  return value;
}

type LimitFlags = { readonly [K in keyof TenantLimits]?: number | typeof DEFAULT };

const flagOf = (name: keyof TenantLimits) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function tenantText({ tenant, disabled, limits, ownLimits, alarm, referenceUrl, today }: TenantReport): string {
  const bounds = TENANT_LIMITS.filter((name) => limits[name] > 0).map(
    (name) => `  ${name} ${limits[name]}${name in ownLimits ? '' : ' (default)'}\n`,
  );
  const alarmed = alarm === null ? '' : `  ALARM ${alarm.kind} ${alarm.at}: ${alarm.queries} queries (docs/keys.md)\n`;
  const address = referenceUrl === null ? '' : `  references ${referenceUrl}\n`;
  const used = `  ${today.day}: ${today.checks} checks, ${today.bytes} bytes\n`;
  return `${tenant}${disabled ? ', disabled' : ''}\n${alarmed}${bounds.join('')}${address}${used}`;
}

const HEADINGS = ['TENANT', 'STATE', 'CHECKS TODAY', 'BYTES TODAY', 'LIMITS'];

function rowOf({ tenant, disabled, limits, ownLimits, alarm, referenceUrl, today }: TenantReport): string[] {
  const bounds = TENANT_LIMITS.filter((name) => limits[name] > 0).map(
    (name) => `${name} ${limits[name]}${name in ownLimits ? '' : ' (default)'}`,
  );
  const references = referenceUrl === null ? [] : [`references ${referenceUrl}`];
  const state = [disabled ? 'disabled' : 'enabled', ...(alarm === null ? [] : [`ALARM ${alarm.kind}`])].join(', ');
  return [tenant, state, String(today.checks), String(today.bytes), [...bounds, ...references].join(', ')];
}

export function addTenantCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const tenants = program.command('tenants').description('tenants: limits, usage, alarms');

  tenants
    .command('list')
    .description('show all tenants in a table, or one with each of its limits on a line')
    .argument('[tenant]')
    .option('--json', 'as JSON')
    .action((name: string | undefined, { json }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const wanted = (await service.store.tenants.tenants()).filter(
          ({ tenant }) => name === undefined || tenant === name,
        );
        if (name !== undefined && wanted.length === 0) throw new AppError('NOT_FOUND', { tenant: name });
        const all = await Promise.all(wanted.map((info) => tenantReport(service, info)));
        if (json) return cli.out(`${JSON.stringify({ tenants: all })}\n`);
        if (name !== undefined) return cli.out(all.map(tenantText).join(''));
        cli.out(all.length === 0 ? 'no tenants\n' : tableText(HEADINGS, all.map(rowOf), cli.columns));
      }),
    );

  const set = tenants
    .command('set')
    .description('set limits of a tenant, which is created if needed; a running service applies them within a second')
    .argument('<tenant>')
    .addOption(new Option('--disable', 'disable all keys of the tenant').conflicts('enable'))
    .option('--enable', 'enable its keys again')
    .option('--clear-alarm', 'clear a probing alarm')
    .option('--reference-url <template>', 'address of a reference, as https://admin.example/{reference}')
    .option('--no-reference-url', 'remove it')
    .option('--json', 'as JSON');
  for (const name of TENANT_LIMITS) set.option(`${flagOf(name)} <count>`, '0: no limit; default: as configured', limit);
  set.action((tenant: string, { disable, enable, clearAlarm, referenceUrl, json, ...rest }: SetFlags & LimitFlags) =>
    withService(cli, globals(), async (service) => {
      const info = await changesOf(service).tenants.setTenant(tenant, {
        ...(disable || enable ? { disabled: disable === true } : {}),
        limits: Object.fromEntries(
          Object.entries(rest).map(([name, value]) => [name, value === DEFAULT ? null : value]),
        ),
        ...(clearAlarm ? { alarm: null } : {}),
        ...(referenceUrl === undefined ? {} : { referenceUrl: referenceUrl || null }),
      });
      const report = await tenantReport(service, info);
      cli.out(json ? `${JSON.stringify(report)}\n` : tenantText(report));
    }),
  );
}
