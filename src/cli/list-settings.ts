/** `zeef lists set`: match settings and expiry of a list. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isBankName } from '../core/bank-name.js';
import { DETAILS, type Detail } from '../core/window.js';
import { type CliContext, changesOf, type GlobalFlags, radiusFrom, withService } from './context.js';
import { days, expiry, words } from './list-flags.js';
import { listText } from './list-text.js';

interface SetFlags {
  readonly radius?: string;
  readonly lowQuality?: 'yes' | 'no';
  readonly detail?: Detail;
  readonly categoryMap?: Record<string, string>;
  readonly severityMap?: Record<string, string>;
  readonly expires?: string | null;
  readonly entryDays?: number | null;
  readonly tenant?: string;
  readonly shared?: boolean;
  /** False: none. */
  readonly bank?: string | false;
  readonly sample?: number;
  readonly json?: boolean;
}

function ratio(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('expected a number from 0 to 1');
}

function bankName(text: string): string {
  if (isBankName(text)) return text;
  throw new InvalidArgumentError('expected capitals, digits and _, not beginning with a digit');
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
    .action((name: string, flags: SetFlags) =>
      withService(cli, program.opts<GlobalFlags>(), async (service) => {
        const { radius, lowQuality, detail, categoryMap, severityMap, expires, entryDays, json } = flags;
        const { tenant, shared, bank, sample } = flags;
        const radiusBits = radiusFrom(radius);
        const change = {
          ...(radiusBits === null ? {} : { radiusBits }),
          ...(lowQuality === undefined ? {} : { matchLowQuality: lowQuality === 'yes' }),
          ...(detail === undefined ? {} : { detail }),
          ...(categoryMap === undefined ? {} : { categoryMap }),
          ...(severityMap === undefined ? {} : { severityMap }),
          ...(expires === undefined ? {} : { expiresAt: expires }),
          ...(entryDays === undefined ? {} : { entryDaysMax: entryDays }),
          ...(shared ? { tenant: null } : tenant === undefined ? {} : { tenant }),
          ...(bank === undefined ? {} : { bank: bank === false ? null : bank }),
          ...(sample === undefined ? {} : { sampleRatio: sample }),
        };
        const info = await changesOf(service).lists.updateList(name, change);
        cli.out(json ? `${JSON.stringify(info)}\n` : listText(info));
      }),
    );
}
