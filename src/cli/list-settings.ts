/** `zeef lists set`: how a list matches, and until when. */
import { type Command, Option } from 'commander';
import { type CliContext, changesOf, type GlobalFlags, radiusFrom, withService } from './context.js';
import { days, expiry, words } from './list-flags.js';
import { listText } from './list-text.js';

interface SetFlags {
  readonly radius?: string;
  readonly lowQuality?: 'yes' | 'no';
  readonly categoryMap?: Record<string, string>;
  readonly severityMap?: Record<string, string>;
  readonly expires?: string | null;
  readonly entryDays?: number | null;
}

/** Add `set` to `lists`, the command of `zeef lists`. */
export function addSettingsCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('set')
    .description('what a list matches; a running service follows within seconds')
    .argument('<name>')
    .option('--radius <bits>', 'near matches up to this distance, inclusive; 0 to 256')
    .addOption(
      new Option('--low-quality <choice>', 'near matches of pictures with hardly any detail').choices(['yes', 'no']),
    )
    .option('--category-map <pairs>', 'your words for the list’s categories: A1=sexual,A2=... ; none for none', words)
    .option('--severity-map <pairs>', 'your words for its severities, or its categories where it has none', words)
    .option('--expires <time>', 'from then on the list is disabled; RFC 3339, or never', expiry)
    .option('--entry-days <days>', 'entries that the list touched longer ago do not match; or all', days)
    .action((name: string, { radius, lowQuality, categoryMap, severityMap, expires, entryDays }: SetFlags) =>
      withService(cli, program.opts<GlobalFlags>(), async (service) => {
        const radiusBits = radiusFrom(radius);
        const change = {
          ...(radiusBits === null ? {} : { radiusBits }),
          ...(lowQuality === undefined ? {} : { matchLowQuality: lowQuality === 'yes' }),
          ...(categoryMap === undefined ? {} : { categoryMap }),
          ...(severityMap === undefined ? {} : { severityMap }),
          ...(expires === undefined ? {} : { expiresAt: expires }),
          ...(entryDays === undefined ? {} : { entryDaysMax: entryDays }),
        };
        cli.out(listText(await changesOf(service).lists.updateList(name, change)));
      }),
    );
}
