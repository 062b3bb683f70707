/** `zeef notice`: what is written to whoever must act on one hit. */
import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { notice } from '../reports/notice.js';
import { LANGUAGES, type Language } from '../reports/words.js';
import { type GlobalFlags, type Surroundings, withLedger } from './context.js';

export function addNoticeCommand(program: Command, around: Surroundings): void {
  program
    .command('notice')
    .description('a notice of one hit with its facts, as text')
    .argument('<hit-id>')
    .addOption(new Option('--language <language>').choices([...LANGUAGES]).default('en'))
    .action((id: string, { language }: { language: Language }) =>
      withLedger(around, program.opts<GlobalFlags>(), async (ledger) => {
        const hit = await ledger.hit(undefined, id);
        if (!hit) throw new AppError('NOT_FOUND', { hit: id });
        around.out(notice(hit, { language, details: true, now: new Date().toISOString() }));
      }),
    );
}
