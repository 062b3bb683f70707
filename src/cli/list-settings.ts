/** `zeef lists set`: match settings and expiry of a list. */
import { type Command, Option } from 'commander';
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
  readonly json?: boolean;
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
    .option('--json', 'as JSON')
    .action((name: string, flags: SetFlags) =>
      withService(cli, program.opts<GlobalFlags>(), async (service) => {
        const { radius, lowQuality, detail, categoryMap, severityMap, expires, entryDays, json } = flags;
        const radiusBits = radiusFrom(radius);
        const change = {
          ...(radiusBits === null ? {} : { radiusBits }),
          ...(lowQuality === undefined ? {} : { matchLowQuality: lowQuality === 'yes' }),
          ...(detail === undefined ? {} : { detail }),
          ...(categoryMap === undefined ? {} : { categoryMap }),
          ...(severityMap === undefined ? {} : { severityMap }),
          ...(expires === undefined ? {} : { expiresAt: expires }),
          ...(entryDays === undefined ? {} : { entryDaysMax: entryDays }),
        };
        const info = await changesOf(service).lists.updateList(name, change);
        cli.out(json ? `${JSON.stringify(info)}\n` : listText(info));
      }),
    );
}
