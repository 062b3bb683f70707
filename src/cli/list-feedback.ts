/** `zeef lists feedback`: what people decided on the hits of a list, as a file for its publisher, or sent to it. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { FEEDBACK_FORMATS, type FeedbackFormat, feedbackText } from '../cases/feedback/feedback-text.js';
import { type FeedbackPlan, planFeedback } from '../cases/feedback/plan-feedback.js';
import { sendFeedback } from '../cases/feedback/send-feedback.js';
import { type EntryFeedback, requireList, sumDecisions, withStates } from '../cases/feedback/sum-feedback.js';
import { AppError } from '../core/errors.js';
import { parseTime } from '../core/period.js';
import { terminalField } from '../core/terminal.js';
import type { Ledger } from '../ledger/ledger.js';
import type { ListsAlone } from '../service/open-lists.js';
import { type CliContext, cliActor, EXIT, type GlobalFlags, withLedger, withLists } from './context.js';
import { writeNamed, writesTo } from './output-files.js';

interface FeedbackFlags {
  readonly since?: number;
  readonly out?: string;
  readonly format: FeedbackFormat;
  readonly send?: boolean;
  readonly yes?: boolean;
  readonly reason?: string;
  readonly refused?: boolean;
  readonly json?: boolean;
}

interface Parts {
  readonly audit: ListsAlone['audit'];
  readonly ledger: Ledger;
}

function time(text: string): number {
  const ms = parseTime(text);
  if (ms === null) throw new InvalidArgumentError('expected a day or a time, such as 2026-09-14 or 2026-09-14T09:00Z');
  return ms;
}

/** Add `feedback` to `lists`, the command of `zeef lists`. */
export function addFeedbackCommand(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  lists
    .command('feedback')
    .description('what people decided on the hits of a list, for its publisher: as a file, or sent')
    .argument('<name>')
    .option('--since <time>', 'only entries with a decision since then, in UTC unless a zone is given', time)
    .addOption(writesTo(new Option('--out <file>', 'write to this file instead of stdout'), 'feedback of a list'))
    .addOption(
      new Option('--format <format>', 'format of the file')
        .choices([...FEEDBACK_FORMATS])
        .default('csv')
        .conflicts('json'),
    )
    .addOption(
      new Option('--send', 'show what would be sent to the service of the list’s source').conflicts(['out', 'format']),
    )
    .option('--yes', 'with --send: send it')
    .option('--reason <name>', 'with --send: the reason of false positives, where the service offers several')
    .option('--refused', 'with --send: also what the service refused before')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: FeedbackFlags) => {
      if (!flags.send && (flags.yes || flags.refused || flags.reason !== undefined))
        throw new AppError('REQUEST_INVALID', { field: 'send', expected: '--send with --yes, --reason or --refused' });
      await withLists(cli, globals(), ({ audit }) =>
        withLedger(cli, globals(), (ledger) => run({ audit, ledger }, name, flags, cli)),
      );
    });
}

async function run(parts: Parts, name: string, flags: FeedbackFlags, cli: CliContext): Promise<void> {
  if (flags.send) return flags.yes ? sendNow(parts, name, flags, cli) : showPlan(parts, name, flags, cli);
  const { lists } = parts.audit.as(cliActor());
  await requireList(lists, name);
  const rows = await withStates(
    lists,
    name,
    await sumDecisions({ ledger: parts.ledger, lists }, name, flags.since ?? null),
  );
  const text = flags.json ? `${JSON.stringify({ list: name, feedback: rows })}\n` : feedbackText(rows, flags.format);
  if (flags.out === undefined) cli.out(text, 'document');
  else writeNamed('--out', flags.out, text, 0o600);
}

const rowText = ({ entryId, algorithm, verdict, confirmed, falsePositive, exact }: EntryFeedback) =>
  `  ${terminalField(entryId)} ${algorithm} ${verdict}: ${confirmed} confirmed, ${falsePositive} false, ${exact} exact`;

const LEFT: Readonly<Record<FeedbackPlan['left'][number]['why'], string>> = {
  contested: 'people decided both',
  removed: 'the list has the entry no more',
  foreign: 'the service takes no feedback on such an entry',
  near: 'no file had exactly its value',
  sent: 'the service has it',
  refused: 'the service refused it',
};

const leftText = (left: FeedbackPlan['left']) =>
  left.map(({ feedback, why }) => `${rowText(feedback)}; not sent: ${LEFT[why]}\n`).join('');

async function showPlan({ audit, ledger }: Parts, name: string, flags: FeedbackFlags, cli: CliContext): Promise<void> {
  const store = audit.as(cliActor());
  const { list, source, due, left } = await planFeedback({ ...store, ledger }, name, {
    sinceMs: flags.since ?? null,
    refused: flags.refused ?? false,
  });
  const { host } = new URL(source.url);
  if (flags.json) {
    const next = due.map(({ feedback }) => feedback);
    return cli.out(`${JSON.stringify({ list, host, sent: 0, due: due.length, next, refused: [], left })}\n`);
  }
  const rows = due.map(({ feedback }) => `${rowText(feedback)}\n`).join('');
  const end = due.length > 0 ? 'nothing was sent: send it with --yes\n' : '';
  cli.out(`${list}: ${due.length} to send to ${host}\n${rows}${leftText(left)}${end}`);
}

async function sendNow(parts: Parts, name: string, flags: FeedbackFlags, cli: CliContext): Promise<void> {
  const stopping = new AbortController();
  void cli.stopped.then(() => stopping.abort());
  const report = await sendFeedback(parts, name, {
    env: cli.env,
    signal: stopping.signal,
    actor: cliActor(),
    sinceMs: flags.since ?? null,
    reason: flags.reason ?? null,
    refused: flags.refused ?? false,
  });
  const { list, host, sent, refused, left } = report;
  if (refused.length > 0) cli.setExitCode(EXIT.failed);
  if (flags.json) return cli.out(`${JSON.stringify({ ...report, next: [] })}\n`);
  const rows = refused.map(({ feedback, status }) => `${rowText(feedback)}; REFUSED: status ${status}\n`).join('');
  cli.out(`${list}: ${sent} sent to ${host}, ${refused.length} refused\n${rows}${leftText(left)}`);
}
