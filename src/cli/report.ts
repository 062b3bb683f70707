/** `zeef report` and `zeef notice`: what the ledger can tell others, as files and as text. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { type Period, parsePeriod } from '../core/period.js';
import { buildReport } from '../ledger/report.js';
import { REPORT_FORMATS, type ReportFormat, renderReport } from '../reports/formats.js';
import { notice } from '../reports/notice.js';
import { reportText } from '../reports/text.js';
import { LANGUAGES, type Language } from '../reports/words.js';
import { type GlobalFlags, type Surroundings, withService } from './context.js';

interface ReportFlags {
  readonly period?: string;
  readonly from?: string;
  readonly to?: string;
  readonly tenant?: string;
  readonly format: ReportFormat | 'text';
  readonly out?: string;
}

/** Errors REQUEST_INVALID: neither a period nor both of its ends. */
function periodFrom({ period, from, to }: ReportFlags): Period {
  if (period !== undefined) return parsePeriod(period);
  const [fromMs, toMs] = [Date.parse(from ?? ''), Date.parse(to ?? '')];
  if (fromMs < toMs) return { fromMs, toMs, label: `${from}/${to}` };
  throw new AppError('REQUEST_INVALID', { field: 'period', expected: '--period, or --from and a later --to' });
}

export function addReportCommands(program: Command, around: Surroundings): void {
  const globals = () => program.opts<GlobalFlags>();
  program
    .command('report')
    .description('what was checked in a period, what matched, and how soon it was taken down')
    .option('--period <period>', '2026, 2026-Q3, 2026-09 or 2026-09-14, in UTC')
    .option('--from <time>', 'instead of a period, from this time on')
    .option('--to <time>', 'and before this one')
    .option('--tenant <name>', 'of one tenant; of all without it')
    .addOption(new Option('--format <format>').choices(['text', ...REPORT_FORMATS]).default('text'))
    .option('--out <file>', 'into this file instead of to stdout')
    .action((flags: ReportFlags) =>
      withService(around, globals(), async ({ ledger }) => {
        const { tenant, format, out } = flags;
        const report = await buildReport(ledger, { period: periodFrom(flags), tenant, nowMs: Date.now() });
        const text = format === 'text' ? reportText(report) : renderReport(report, format).text;
        if (out === undefined) around.out(text);
        else await writeFile(out, text);
      }),
    );

  program
    .command('notice')
    .description('a notice of one hit with its facts, as text')
    .argument('<hit-id>')
    .addOption(new Option('--language <language>').choices([...LANGUAGES]).default('en'))
    .action((id: string, { language }: { language: Language }) =>
      withService(around, globals(), async ({ ledger }) => {
        const hit = await ledger.hit(undefined, id);
        if (!hit) throw new AppError('NOT_FOUND', { hit: id });
        around.out(notice(hit, { language, details: true, now: new Date().toISOString() }));
      }),
    );
}
