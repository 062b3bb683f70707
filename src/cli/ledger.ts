/** `zeef ledger` and `zeef report`: what is on record, whether it is whole, and what a period comes to. */
import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { type Period, parsePeriod } from '../core/period.js';
import type { Ledger } from '../ledger/ledger.js';
import { buildReport, type Report } from '../ledger/report.js';
import { EXIT, type GlobalFlags, type Surroundings, withLedger } from './context.js';

interface ReportFlags {
  readonly period?: string;
  readonly from?: string;
  readonly to?: string;
  readonly tenant?: string;
  readonly format: string;
  readonly out?: string;
}

/** How a report is told. Another format is another entry. */
const RENDERERS: Readonly<Record<string, (report: Report) => string>> = {
  text: reportText,
  json: (report) => `${JSON.stringify(report)}\n`,
};

const SHOWN_HITS = 20;

const number = (value: number) => value.toLocaleString('en-US');
const percent = (share: number | null) => (share === null ? 'none due yet' : `${(share * 100).toFixed(1)} %`);

/** Two units at most: `3 h 20 min`. */
function duration(seconds: number | null): string {
  if (seconds === null) return 'none yet';
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

export function reportText(report: Report): string {
  const { takedown, reversals } = report;
  const row = (name: string, value: string) => `  ${name.padEnd(30)} ${value}\n`;
  const part = (title: string, rows: readonly string[]) => (rows.length === 0 ? '' : `\n${title}\n${rows.join('')}`);
  const whose = report.tenant === null ? '' : `, ${report.tenant}`;
  return [
    `${report.period}${whose}: ${number(report.checked)} images checked, ${number(report.matched)} hits\n`,
    part('hits', [
      row('by digest', number(report.exact)),
      row('near', number(report.near)),
      row('hit rate', report.hitRate === null ? 'nothing was checked' : `${(report.hitRate * 100).toFixed(4)} %`),
      row('suppressed', number(report.suppressed)),
      row('not checked', number(report.notChecked)),
    ]),
    part(
      'not checked, by reason',
      report.byReason.map(({ reason, count }) => row(reason, number(count))),
    ),
    part(
      'hits, by list',
      report.byList.map(({ list, matched }) => row(list, number(matched))),
    ),
    part(
      'hits, by category',
      report.byCategory.map(({ category, matched }) => row(category, number(matched))),
    ),
    report.tenant === null
      ? part(
          'by tenant',
          report.byTenant.map((each) =>
            row(each.tenant, `${number(each.checked)} checked, ${number(each.matched)} hits`),
          ),
        )
      : '',
    part('takedown', [
      row('cases', number(takedown.cases)),
      row('open', `${number(takedown.open)}, of them overdue ${number(takedown.overdue)}`),
      row('removed', number(takedown.removed)),
      row('no hit after all', `${number(reversals.reversed)} of ${number(reversals.decided)} decided`),
      ...takedown.within.map(({ hours, count, share }) =>
        row(`removed within ${hours} h`, `${number(count)}, ${percent(share)}`),
      ),
      row('median until removal', duration(takedown.medianSeconds)),
      row('90 % removed within', duration(takedown.p90Seconds)),
      row('oldest open since', takedown.oldestOpenAt ?? 'none is open'),
      row('seen again after removal', number(takedown.seenAgainAfterRemoval)),
    ]),
  ].join('');
}

function timeOf(field: string, text: string | undefined): number {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  if (Number.isNaN(ms))
    throw new AppError('REQUEST_INVALID', { field, expected: 'a date or time, such as 2026-09-14' });
  return ms;
}

/** All that was ever counted, where nothing is asked. Errors REQUEST_INVALID. */
async function periodOf(ledger: Ledger, { period, from, to }: ReportFlags): Promise<Period> {
  if (period !== undefined) return parsePeriod(period);
  if (from === undefined && to === undefined) {
    const all = await ledger.stats({ interval: 'year' });
    const now = new Date().toISOString();
    const [fromMs, toMs] = [Date.parse(all.from ?? now), Date.parse(all.to ?? now)];
    return { fromMs, toMs, label: `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}` };
  }
  const [fromMs, toMs] = [timeOf('from', from), to === undefined ? Date.now() : timeOf('to', to)];
  if (fromMs >= toMs) throw new AppError('REQUEST_INVALID', { field: 'to', expected: 'later than from' });
  return { fromMs, toMs, label: `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}` };
}

export function addLedgerCommands(program: Command, around: Surroundings): void {
  const globals = () => program.opts<GlobalFlags>();
  const ledger = program.command('ledger').description('what is on record');

  ledger
    .command('verify')
    .description('reads everything again: the chains, the counts, every hit')
    .option('--json', 'one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await withLedger(around, globals(), async (opened) => {
        const check = await opened.verify();
        if (json) around.out(`${JSON.stringify(check)}\n`);
        else {
          for (const problem of check.problems) around.out(`${problem}\n`);
          around.out(
            check.ok
              ? `ok: ${number(check.totals.checked)} checked, ${number(check.hits)} hits, ${number(check.events)} events\n` +
                  `counts ${check.heads.counts}\nevents ${check.heads.events}\n`
              : 'damaged: the ledger is not as it was written\n',
          );
        }
        if (!check.ok) around.setExitCode(EXIT.failed);
      });
    });

  ledger
    .command('backup')
    .description('a copy as of one moment, while the service runs')
    .argument('<file>')
    .action(async (file: string) => {
      await withLedger(around, globals(), async (opened) => {
        const { bytes } = await opened.backup(file);
        around.out(`${file}: ${number(bytes)} bytes\n`);
      });
    });

  ledger
    .command('show')
    .description('what was counted, and the newest hits')
    .option('--json', 'one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await withLedger(around, globals(), async (opened) => {
        const { tenants: _, series: __, ...stats } = await opened.stats({ interval: 'year' });
        const { hits } = await opened.hits({ limit: SHOWN_HITS });
        if (json) return around.out(`${JSON.stringify({ ...stats, hits })}\n`);
        const { checked, matched, suppressed, notChecked } = stats;
        around.out(
          `${number(checked)} checked, ${number(matched)} hits, ${number(suppressed)} suppressed, ${number(notChecked)} not checked\n`,
        );
        for (const { id, status, tenant, reference, list, entryId, timesSeen } of hits) {
          const where = JSON.stringify(reference ?? '');
          around.out(`${id} ${status.padEnd(14)} ${tenant} ${where} ${list}/${entryId} seen ${timesSeen}\n`);
        }
      });
    });

  program
    .command('report')
    .description('images checked, hits, and how soon they were taken down')
    .option('--period <period>', '2026, 2026-Q3, 2026-09 or 2026-09-14, in UTC')
    .option('--from <time>', 'inclusive')
    .option('--to <time>', 'exclusive; now unless told')
    .option('--tenant <name>', 'only this one')
    .addOption(new Option('--format <format>').choices(Object.keys(RENDERERS)).default('text'))
    .option('--out <file>', 'write it there')
    .action(async (flags: ReportFlags) => {
      await withLedger(around, globals(), async (opened) => {
        const period = await periodOf(opened, flags);
        const report = await buildReport(opened, { period, tenant: flags.tenant, nowMs: Date.now() });
        const text = RENDERERS[flags.format]!(report);
        if (flags.out === undefined) around.out(text);
        else writeFileSync(flags.out, text, { mode: 0o600 });
      });
    });
}
