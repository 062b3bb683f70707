/** `zeef hits ...`: the cases of the ledger, and decisions on them. The JSON is that of `/v1/hits`. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { decideHit } from '../cases/decide-hit.js';
import { handleHit } from '../cases/handle-hit.js';
import { AppError, commandLineOf } from '../core/errors.js';
import { parseTime } from '../core/period.js';
import { wholeOf } from '../core/plain-number.js';
import { terminalField } from '../core/terminal.js';
import { DECISIONS, HIT_STATUSES, type HitStatus } from '../core/vocabulary.js';
import type { Hit } from '../ledger/hit.js';
import { HIT_ORDERS, type HitOrder } from '../ledger/hit-cursor.js';
import type { Ledger } from '../ledger/ledger.js';
import { type CliContext, cliActor, EXIT, earlyExit, type GlobalFlags, withLedger, withService } from './context.js';
import { minuteOf, tableText } from './table.js';
import { wrapped } from './wrapped.js';

const HITS_SHOWN = 20;
/** Read at once. */
const HITS_PER_PAGE = 1_000;

interface ListFlags {
  readonly status?: HitStatus;
  readonly list?: string;
  readonly category?: string;
  readonly kind?: Hit['kind'];
  readonly tenant?: string;
  readonly reference?: string;
  readonly referencePrefix?: string;
  readonly digest?: string;
  readonly from?: number;
  readonly to?: number;
  readonly overdue?: boolean;
  readonly disputed?: boolean;
  readonly assignee?: string;
  readonly order: HitOrder;
  readonly last: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

function count(text: string): number {
  const value = wholeOf(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a number of hits above 0');
  return value;
}

function time(text: string): number {
  const ms = parseTime(text);
  if (ms === null) throw new InvalidArgumentError('expected a day or a time, such as 2026-09-14 or 2026-09-14T09:00Z');
  return ms;
}

/** Return the next deadline that can be met; `overdue` where none can; nothing once the clock has stopped. */
function dueText({ clock }: Hit): string {
  if (clock.stoppedAt !== null) return '-';
  const next = clock.deadlines.find(({ met }) => met === null);
  return next ? minuteOf(next.dueAt) : 'overdue';
}

const listHeadings = ['CASE', 'STATUS', 'DUE (UTC)', 'REFERENCE'];
const rowOf = (hit: Hit) => [hit.id, hit.status, dueText(hit), hit.reference ?? '(no reference)'];

/** Return the facts of a hit, one a line. */
function hitText(hit: Hit): string {
  const fact = (name: string, value: string) => wrapped(name.padEnd(12), terminalField(value));
  const matches = hit.matches.map(({ list, entryId, algorithm, matchType, distance, category, suppressed }) => {
    const how = matchType === 'exact' ? `${algorithm} equal` : `${algorithm} distance ${distance}`;
    return fact(
      'match',
      `${list}/${entryId}, ${how}${category ? `, ${category}` : ''}${suppressed ? ', suppressed' : ''}`,
    );
  });
  const deadlines = hit.clock.deadlines.map(({ hours, dueAt, met }) =>
    fact('deadline', `${hours} h: ${minuteOf(dueAt)}, ${met === null ? 'to be met' : met ? 'met' : 'not met'}`),
  );
  const history = hit.history.map(({ at, status, by, note }) =>
    fact('history', `${minuteOf(at)} ${status} by ${by}${note === null ? '' : `: ${note}`}`),
  );
  const handling = hit.handling.map(({ at, assignee, disputed, by, note }) => {
    const what = [
      assignee === undefined ? [] : assignee === null ? 'assigned to no one' : `assigned to ${assignee}`,
      disputed === undefined ? [] : disputed ? 'disputed' : 'disputed no more',
    ].flat();
    return fact('handling', `${minuteOf(at)} ${what.join(', ')} by ${by}${note === null ? '' : `: ${note}`}`);
  });
  return [
    fact('case', hit.id),
    fact('status', `${hit.status}${hit.disputed ? ', disputed' : ''}`),
    ...(hit.assignee === null ? [] : [fact('assigned to', hit.assignee)]),
    fact('tenant', hit.tenant),
    fact('reference', hit.reference ?? '(none)'),
    fact('kind', hit.kind),
    fact('found', `${minuteOf(hit.firstSeenAt)}, seen ${hit.timesSeen} times, last ${minuteOf(hit.lastSeenAt)}`),
    ...(hit.seenAfterRemoval > 0 ? [fact('again', `seen ${hit.seenAfterRemoval} times after its removal`)] : []),
    ...matches,
    ...Object.entries(hit.digests).map(([name, digest]) => fact(name, digest)),
    ...deadlines,
    ...history,
    ...handling,
  ].join('');
}

/** Return up to `limit` hits, in pages, so that no number of them fills the memory. Errors as `Ledger.hits`. */
async function* pagesOf(
  ledger: Ledger,
  { from, to, all, last, json: _, ...filter }: ListFlags,
): AsyncGenerator<readonly Hit[]> {
  let left = all ? Number.POSITIVE_INFINITY : last;
  let cursor: string | undefined;
  do {
    const page = await ledger.hits({ ...filter, fromMs: from, toMs: to, cursor, limit: Math.min(HITS_PER_PAGE, left) });
    if (page.hits.length > 0) yield page.hits;
    left -= page.hits.length;
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined && left > 0);
}

function addListCommand(hits: Command, program: Command, cli: CliContext): void {
  hits
    .command('list')
    .description('show hits: case, status, next deadline, reference')
    .addOption(new Option('--status <status>', 'only cases in this state').choices([...HIT_STATUSES]))
    .option('--overdue', 'only cases past their last deadline that are not closed')
    .option('--disputed', 'only cases that are disputed')
    .option('--assignee <name>', 'only cases that are assigned to this name')
    .option('--list <name>', 'only matches of this list')
    .option('--category <name>', 'only entries of this category')
    .addOption(new Option('--kind <kind>', 'only images, or only hashes that a client sent').choices(['image', 'hash']))
    .option('--tenant <name>', 'only of this tenant; by default all')
    .option('--reference <text>', 'only this reference')
    .option('--reference-prefix <text>', 'only references that begin with this')
    .option('--digest <hex>', 'only files with this MD5, SHA-1 or SHA-256')
    .option('--from <time>', 'first seen then or later, in UTC unless a zone is given', time)
    .option('--to <time>', 'first seen before', time)
    .addOption(
      new Option('--order <order>', 'due: open cases by their next deadline')
        .choices([...HIT_ORDERS])
        .default('newest'),
    )
    .addOption(new Option('--last <hits>', 'number of hits').argParser(count).default(HITS_SHOWN).conflicts('all'))
    .option('--all', 'all of them')
    .option('--json', 'one JSON object a line')
    .action((flags: ListFlags) =>
      withLedger(cli, program.opts<GlobalFlags>(), async (ledger) => {
        // Those of an earlier version are prepared first: it may take some time, once.
        while (flags.digest !== undefined && earlyExit(cli) === null && !(await ledger.markHits()));
        let isEmpty = true;
        for await (const hits of pagesOf(ledger, flags)) {
          const early = earlyExit(cli);
          if (early !== null) return cli.setExitCode(early);
          isEmpty = false;
          cli.out(
            flags.json
              ? hits.map((hit) => `${JSON.stringify(hit)}\n`).join('')
              : tableText(listHeadings, hits.map(rowOf), cli.columns),
          );
        }
        if (isEmpty && !flags.json) cli.out('no hits\n');
      }),
    );
}

function addShowCommand(hits: Command, program: Command, cli: CliContext): void {
  hits
    .command('show')
    .description('show one hit: matches, digests, deadlines, history')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action((id: string, { json }: { json?: boolean }) =>
      withLedger(cli, program.opts<GlobalFlags>(), async (ledger) => {
        const hit = await ledger.hit(undefined, id);
        if (!hit) throw new AppError('NOT_FOUND', { hit: id });
        cli.out(json ? `${JSON.stringify(hit)}\n` : hitText(hit));
      }),
    );
}

interface DecideFlags {
  readonly status: HitStatus;
  readonly note?: string;
  readonly suppress?: boolean;
  readonly json?: boolean;
}

function addDecideCommand(hits: Command, program: Command, cli: CliContext): void {
  hits
    .command('decide')
    .description('record a decision on hits; each is audited. One that is refused does not keep the others back')
    .argument('<ids...>')
    .addOption(
      new Option('--status <status>', 'the new state; open undoes a decision')
        .choices([...DECISIONS])
        .makeOptionMandatory(),
    )
    .option('--note <text>', 'kept with each decision')
    .option('--suppress', 'with false_positive: the entry counts no more')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], { status, note, suppress = false, json }: DecideFlags) =>
      withService(cli, program.opts<GlobalFlags>(), (service) => {
        const actor = cliActor();
        const decision = { status, note: note ?? null, by: actor, suppress, actor };
        return changeEach(cli, ids, async (id) => {
          const decided = await decideHit(service, undefined, id, decision);
          return json ? JSON.stringify(decided) : `${id}: ${decided.status}`;
        });
      }),
    );
}

/** Change hits one after the other, and print a line for each. One that is refused does not keep the others back. */
async function changeEach(
  cli: CliContext,
  ids: readonly string[],
  change: (id: string) => Promise<string>,
): Promise<void> {
  for (const id of ids) {
    const early = earlyExit(cli);
    if (early !== null) return cli.setExitCode(early);
    try {
      cli.out(`${await change(id)}\n`);
    } catch (error) {
      // A failing ledger fails for all.
      if (!(error instanceof AppError) || !['NOT_FOUND', 'HIT_STATE'].includes(error.code)) throw error;
      cli.err(`zeef: ${terminalField(id)}: ${commandLineOf(error, error.details)}\n`);
      cli.setExitCode(EXIT.failed);
    }
  }
}

interface HandleFlags {
  readonly note?: string;
  readonly json?: boolean;
}

/** Run a change of who has cases, or of whether they are disputed. */
function handleEach(
  program: Command,
  cli: CliContext,
  ids: readonly string[],
  {
    note = null,
    json,
    ...change
  }: { note?: string | null; json?: boolean; assignee?: string | null; disputed?: boolean },
): Promise<void> {
  return withService(cli, program.opts<GlobalFlags>(), (service) => {
    const actor = cliActor();
    return changeEach(cli, ids, async (id) => {
      const hit = await handleHit(service, undefined, id, { ...change, note, by: actor, actor });
      if (json) return JSON.stringify(hit);
      const assignee = hit.assignee === null ? 'assigned to no one' : `assigned to ${terminalField(hit.assignee)}`;
      return `${id}: ${hit.status}, ${assignee}${hit.disputed ? ', disputed' : ''}`;
    });
  });
}

function addHandleCommands(hits: Command, program: Command, cli: CliContext): void {
  hits
    .command('assign')
    .description('say who has hits, by any name; each change is audited')
    .argument('<ids...>')
    .addOption(new Option('--to <name>', 'the person or team').conflicts('none'))
    .option('--none', 'no one has them')
    .option('--note <text>', 'kept with each change')
    .option('--json', 'one JSON object a line')
    .action(
      (ids: string[], { to, none, ...flags }: HandleFlags & { to?: string; none?: boolean }, command: Command) => {
        if (to === undefined && none !== true) command.error('error: give --to NAME, or --none');
        return handleEach(program, cli, ids, { ...flags, assignee: to ?? null });
      },
    );
  hits
    .command('dispute')
    .description('mark hits whose match or last decision is disputed, until the next decision')
    .argument('<ids...>')
    .option('--end', 'they are disputed no more')
    .option('--note <text>', 'kept with each change')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], { end = false, ...flags }: HandleFlags & { end?: boolean }) =>
      handleEach(program, cli, ids, { ...flags, disputed: !end }),
    );
}

/** Add `zeef hits` to `program`. */
export function addHitCommands(program: Command, cli: CliContext): void {
  const hits = program.command('hits').description('hits, their cases, and decisions on them');
  addListCommand(hits, program, cli);
  addShowCommand(hits, program, cli);
  addDecideCommand(hits, program, cli);
  addHandleCommands(hits, program, cli);
}
