/** `zeef report` and `zeef notice`: reports and notices from the ledger, as files and as text. */

import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { type Period, parsePeriod, parseTime } from '../core/period.js';
import type { Ledger } from '../ledger/ledger.js';
import { buildReport } from '../ledger/report.js';
import { REPORT_FORMATS, type ReportFormat, renderReport } from '../reports/formats.js';
import { notice } from '../reports/notice.js';
import { reportText } from '../reports/text.js';
import { LANGUAGES, type Language } from '../reports/words.js';
import { type CliContext, type GlobalFlags, withLedger } from './context.js';
import { writeNamed, writesTo } from './output-files.js';

interface ReportFlags {
  readonly period?: string;
  readonly from?: string;
  readonly to?: string;
  readonly tenant?: string;
  readonly format: ReportFormat | 'text';
  readonly out?: string;
}

function timeOf(field: string, text: string | undefined): number {
  const ms = parseTime(text ?? '');
  if (ms === null)
    throw new AppError('REQUEST_INVALID', {
      field,
      expected: 'a day or a time, such as 2026-09-14 or 2026-09-14T09:00Z',
    });
  return ms;
}

/** Return the period of the flags; without them, all time. Errors REQUEST_INVALID. */
async function periodOf(ledger: Ledger, { period, from, to }: ReportFlags): Promise<Period> {
  if (period !== undefined) return parsePeriod(period);
  if (from === undefined && to === undefined) {
    const all = await ledger.stats({ interval: 'year' });
    const now = new Date().toISOString();
    const [fromMs, toMs] = [Date.parse(all.from ?? now), Date.parse(all.to ?? now)];
    return { fromMs, toMs, label: null };
  }
  const [fromMs, toMs] = [timeOf('from', from), to === undefined ? Date.now() : timeOf('to', to)];
  if (fromMs >= toMs) throw new AppError('REQUEST_INVALID', { field: 'to', expected: 'later than from' });
  return { fromMs, toMs, label: null };
}

export function addReportCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  program
    .command('report')
    .description('report checks, matches and takedown times of a period')
    .addOption(
      new Option('--period <period>', '2026, 2026-Q3, 2026-09 or 2026-09-14, in UTC').conflicts(['from', 'to']),
    )
    .option('--from <time>', 'start, instead of a period, inclusive; whole hours, in UTC unless a zone is given')
    .option('--to <time>', 'end, exclusive; by default now')
    .option('--tenant <name>', 'only this tenant; by default all')
    .addOption(new Option('--format <format>').choices(['text', ...REPORT_FORMATS]).default('text'))
    .addOption(writesTo(new Option('--out <file>', 'write to this file instead of stdout'), 'report of a period'))
    .action((flags: ReportFlags) =>
      withLedger(cli, globals(), async (ledger) => {
        const { tenant, format, out } = flags;
        const report = await buildReport(ledger, { period: await periodOf(ledger, flags), tenant, nowMs: Date.now() });
        const text = format === 'text' ? reportText(report) : renderReport(report, format).text;
        if (out === undefined) cli.out(text, format === 'text' ? 'text' : 'document');
        else writeNamed('--out', out, text, 0o600);
      }),
    );

  program
    .command('notice')
    .description('print a notice of one hit with its facts, as text')
    .argument('<hit-id>')
    .addOption(new Option('--language <language>').choices([...LANGUAGES]).default('en'))
    .option('--json', 'as JSON')
    .action((id: string, { language, json }: { language: Language; json?: boolean }) =>
      withLedger(cli, globals(), async (ledger) => {
        const hit = await ledger.hit(undefined, id);
        if (!hit) throw new AppError('NOT_FOUND', { hit: id });
        const text = notice(hit, { language, details: true, now: new Date().toISOString() });
        cli.out(json ? `${JSON.stringify({ id, language, text })}\n` : text);
      }),
    );
}
