/** `zeef lists set`: match settings and expiry of a list. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { isBankName } from '../core/bank-name.js';
import { AppError } from '../core/errors.js';
import { decimalOf } from '../core/plain-number.js';
import { DETAILS, type Detail } from '../core/window.js';
import { type CliContext, changesOf, type GlobalFlags, radiusFrom, withService } from './context.js';
import { ALL, days, expiry, NEVER, words } from './list-flags.js';
import { listText } from './list-text.js';

interface SetFlags {
  readonly radius?: string;
  readonly lowQuality?: 'yes' | 'no';
  readonly detail?: Detail;
  readonly categoryMap?: Record<string, string>;
  readonly severityMap?: Record<string, string>;
  readonly expires?: string;
  readonly entryDays?: number | typeof ALL;
  readonly tenant?: string;
  readonly shared?: boolean;
  /** False: none. */
  readonly bank?: string | false;
  readonly sample?: number;
  readonly json?: boolean;
}

function ratio(text: string): number {
  const share = decimalOf(text);
  if (share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('expected a number from 0 to 1');
}

function bankName(text: string): string {
  if (isBankName(text)) return text;
  throw new InvalidArgumentError('expected capitals, digits and _, not beginning with a digit');
}

/** Return the settings of the flags. Errors RADIUS_INVALID; REQUEST_INVALID: there is none. */
function changeOf(flags: SetFlags) {
  const { radius, lowQuality, detail, categoryMap, severityMap, expires, entryDays, tenant, shared, bank, sample } =
    flags;
  const radiusBits = radiusFrom(radius);
  const change = {
    ...(radiusBits === null ? {} : { radiusBits }),
    ...(lowQuality === undefined ? {} : { matchLowQuality: lowQuality === 'yes' }),
    ...(detail === undefined ? {} : { detail }),
    ...(categoryMap === undefined ? {} : { categoryMap }),
    ...(severityMap === undefined ? {} : { severityMap }),
    ...(expires === undefined ? {} : { expiresAt: expires === NEVER ? null : expires }),
    ...(entryDays === undefined ? {} : { entryDaysMax: entryDays === ALL ? null : entryDays }),
    ...(shared ? { tenant: null } : tenant === undefined ? {} : { tenant }),
    ...(bank === undefined ? {} : { bank: bank === false ? null : bank }),
    ...(sample === undefined ? {} : { sampleRatio: sample }),
  };
  if (Object.keys(change).length === 0) throw new AppError('REQUEST_INVALID', { expected: 'a setting: see --help' });
  return change;
}

/** Add `set` to `lists`, the command of `zeef lists`. */
export function addSettingsCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('set')
    .description('change settings of a list; a running service applies them within seconds')
    .argument('<name>')
    .option('--radius <bits>', 'near matches up to this distance, inclusive; 0 to 256')
    .addOption(new Option('--low-quality <choice>', 'near matches of images with little detail').choices(['yes', 'no']))
    .addOption(
      new Option('--detail <how>', 'how far an image is searched for copies of the entries').choices([...DETAILS]),
    )
    .option(
      '--category-map <pairs>',
      'your terms for the list’s categories: A1=sexual,A2=... ; none clears them',
      words,
    )
    .option('--severity-map <pairs>', 'your terms for its severities, or its categories if it has none', words)
    .option('--expires <time>', 'time from which the list is disabled: RFC 3339, or never', expiry)
    .option('--entry-days <days>', 'days that an entry matches after its last update; or all', days)
    .addOption(new Option('--tenant <name>', 'the tenant whose checks alone search it').conflicts('shared'))
    .option('--shared', 'the checks of all tenants search it')
    .option('--bank <name>', 'its name for clients of HMA’s interface, in capitals', bankName)
    .option('--no-bank', 'those clients do not see it')
    .option('--sample <ratio>', 'share of the checks in which its matches count; 0 to 1', ratio)
    .option('--json', 'as JSON')
    .action(async (name: string, flags: SetFlags) => {
      const change = changeOf(flags);
      await withService(cli, program.opts<GlobalFlags>(), async (service) => {
        const info = await changesOf(service).lists.updateList(name, change);
        cli.out(flags.json ? `${JSON.stringify(info)}\n` : listText(info));
      });
    });
}
