/** `zeef audit ...`: shows and verifies the audit log. */

import { type Command, InvalidArgumentError } from 'commander';
import { wholeOf } from '../core/plain-number.js';
import type { AuditHead, AuditOutcome, AuditRow } from '../store/audit-contract.js';
import { type CliContext, EXIT, type GlobalFlags, withService } from './context.js';
import { tableText } from './table.js';

const ROWS_SHOWN = 100;
const ROWS_READ = 1_000;

const secondOf = (iso: string) => iso.slice(0, 19).replace('T', ' ');

function rows(text: string): number {
  const value = wholeOf(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a number of rows above 0');
  return value;
}

function head(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('expected NUMBER:HASH, as verify prints it');
  return { seq: Number(seq), hash };
}

const ENDS: Readonly<Record<AuditOutcome, string>> = { begun: 'BEGUN', failed: 'FAILED', done: 'done' };

const HEADINGS = ['ROW', 'AT (UTC)', 'ACTOR', 'ACTION', 'END', 'ABOUT'];

function rowOf({ seq, at, actor, action, tenant, target, details, outcome }: AuditRow): string[] {
  const facts = [['tenant', tenant], ['target', target], ...Object.entries(details)] as const;
  const about = facts
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  return [String(seq), secondOf(at), actor, action, ENDS[outcome ?? 'done'], about];
}

export function addAuditCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const audit = program.command('audit').description('the audit log of changes');

  audit
    .command('show')
    .description('show the last changes, oldest first')
    .option('--tenant <name>', 'only changes of this tenant')
    .option('--last <rows>', 'number of rows', rows, ROWS_SHOWN)
    .option('--all', 'also the begun rows of changes whose end is known')
    .option('--json', 'one JSON object a line')
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
        found.reverse();
        if (json) for (const row of found) cli.out(`${JSON.stringify(row)}\n`);
        else cli.out(found.length === 0 ? 'no rows\n' : tableText(HEADINGS, found.map(rowOf), cli.columns));
      }),
    );

  audit
    .command('verify')
    .description('verify the whole log: detect rows that were changed, removed, inserted or moved')
    .option('--head <number:hash>', 'head that an earlier verify printed, stored elsewhere', head)
    .option('--json', 'as JSON')
    .action(({ head: known, json }: { head?: AuditHead; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const verdict = await service.store.audit.verify(known);
        if (!verdict.ok) cli.setExitCode(EXIT.failed);
        const words = verdict.ok
          ? `${verdict.rows} rows verified; head ${verdict.head.seq}:${verdict.head.hash}\n`
          : `BROKEN at row ${verdict.brokenAt}: rows from there on are not as written\n`;
        cli.out(json ? `${JSON.stringify(verdict)}\n` : words);
      }),
    );
}
