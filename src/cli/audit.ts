/** `zeef audit ...`: who changed what, and whether the log is as it was written. */
import { type Command, InvalidArgumentError } from 'commander';
import type { AuditHead, AuditOutcome, AuditRow } from '../store/audit-contract.js';
import { type CliContext, EXIT, type GlobalFlags, withService } from './context.js';

const ROWS_SHOWN = 100;
const ROWS_READ = 1_000;

function rows(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('not a number of rows');
  return value;
}

function head(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) throw new InvalidArgumentError('wants NUMBER:HASH, as verify tells it');
  return { seq: Number(seq), hash };
}

const ENDS: Readonly<Record<AuditOutcome, string>> = { begun: 'BEGUN', failed: 'FAILED', done: '' };

function rowText({ seq, at, actor, action, tenant, target, details, outcome }: AuditRow): string {
  const facts = Object.entries(details).filter(([, value]) => value !== null);
  const words = facts.map(([name, value]) => `${name}=${value}`).join(' ');
  const end = ENDS[outcome ?? 'done'];
  return `${[seq, at, actor, action, tenant ?? '-', target ?? '-', end, words].filter((word) => word !== '').join(' ')}\n`;
}

export function addAuditCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const audit = program.command('audit').description('who changed what');

  audit
    .command('show')
    .description('the last changes, oldest first')
    .option('--tenant <name>', 'only about this tenant')
    .option('--last <rows>', 'so many', rows, ROWS_SHOWN)
    .option('--all', 'also what was written before a change whose end is known')
    .option('--json', 'an object a line')
    .action(({ tenant, last, all = false, json }: { tenant?: string; last: number; all?: boolean; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const found: AuditRow[] = [];
        let before: number | null = null;
        while (found.length < last) {
          const limit = Math.min(ROWS_READ, last - found.length);
          const page: readonly AuditRow[] = await service.store.audit.page({
            tenant: tenant ?? null,
            before,
            limit,
            all,
          });
          found.push(...page);
          if (page.length < limit) break;
          before = page.at(-1)!.seq;
        }
        for (const row of found.reverse()) cli.out(json ? `${JSON.stringify(row)}\n` : rowText(row));
      }),
    );

  audit
    .command('verify')
    .description('read the whole log again: was a row changed, taken out or moved?')
    .option('--head <number:hash>', 'as an earlier verify told it, and kept elsewhere', head)
    .option('--json', 'as JSON')
    .action(({ head: known, json }: { head?: AuditHead; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const verdict = await service.store.audit.verify(known);
        if (!verdict.ok) cli.setExitCode(EXIT.failed);
        const words = verdict.ok
          ? `${verdict.rows} rows, as they were written; head ${verdict.head.seq}:${verdict.head.hash}\n`
          : `BROKEN at row ${verdict.brokenAt}: what comes from there on was not written so\n`;
        cli.out(json ? `${JSON.stringify(verdict)}\n` : words);
      }),
    );
}
