/** Folding: one process at a time takes the open links of all writers, and writes a checkpoint (`chain.ts`). */
import { AppError } from '../../core/errors.js';
import { DAY_MS, endOf } from '../../core/period.js';
import { RowSum } from '../../core/row-sum.js';
import { addPeriods, sumByPeriod, type TallyRow } from '../../store/ledger-fold.js';
import type { Sql } from '../database.js';
import { arraysOf, type Columns, unnested } from '../rows.js';
import {
  type Checkpoint,
  type CheckpointRow,
  chainedHash,
  checkpointHash,
  FIRST_CHECKPOINT,
  follow,
  type Link,
  type LinkRow,
  type Position,
  parsed,
  startOfWriter,
  type WriterHead,
} from './chain.js';

/** Far longer than a writer keeps a chain that it does not use. */
const WRITER_IDLE_MS_MAX = 7 * DAY_MS;

export interface FoldOptions {
  readonly nowMs: number;
  /** News beyond this number are lost, the oldest first. */
  readonly newsMax: number;
  /** Wait for a fold of another process; by default nothing is done. */
  readonly isAwaited?: boolean;
  /** This writer is closed: its chain has ended. */
  readonly closing?: string | null;
}

const TALLY: Columns<TallyRow> = {
  tenant: 'text',
  level: 'int4',
  start: 'int8',
  checked: 'int8',
  exact: 'int8',
  near: 'int8',
  suppressed: 'int8',
  not_checked: 'int8',
  cells: 'text',
};
export const TALLY_COLUMNS = Object.keys(TALLY)
  .map((name) => `tally.${name}`)
  .join(', ');
type PeriodKey = Pick<TallyRow, 'tenant' | 'level' | 'start'>;
const PERIOD: Columns<PeriodKey> = { tenant: 'text', level: 'int4', start: 'int8' };

type LinkKey = Pick<LinkRow, 'writer' | 'seq'>;
const LINK_KEY: Columns<LinkKey> = { writer: 'text', seq: 'int8' };

interface Numbered extends LinkKey {
  readonly place: number;
  readonly number: number;
  readonly hash: Buffer;
}
const NUMBERED: Columns<Numbered> = { writer: 'text', seq: 'int8', place: 'int4', number: 'int8', hash: 'bytea' };

/** Return the last checkpoint. Errors LEDGER_INVALID: it is not there. */
export async function lastCheckpoint(sql: Sql): Promise<{ row: CheckpointRow | null; last: Checkpoint; head: Head }> {
  const [found] = await sql<Head & { at: number | null; body: string | null; found: Buffer | null }>(
    `SELECT head.no, head.hash, at, body, last.hash AS found
     FROM ledger_head AS head LEFT JOIN ledger_checkpoint AS last USING (no)`,
  );
  if (found?.no === 0) return { row: null, last: FIRST_CHECKPOINT, head: found };
  if (!found?.body) throw new AppError('LEDGER_INVALID', { why: 'the last checkpoint is not there' });
  const row = { no: found.no, at: found.at!, body: found.body, hash: found.found! };
  return { row, last: parsed<Checkpoint>(found.body), head: found };
}

interface Head {
  readonly no: number;
  readonly hash: Buffer;
}

/** Return the open links; those of a writer are in order. */
export const openLinks = (sql: Sql): Promise<LinkRow[]> =>
  sql<LinkRow>('SELECT * FROM ledger_link ORDER BY writer, seq');

/**
 * Fold inside the caller's transaction. `change`: makes further changes, after all that is on record was folded, and returns
 * what the checkpoint says of them. Result: false if another process folds. Errors LEDGER_INVALID: the links are damaged.
 */
export async function fold(
  sql: Sql,
  options: FoldOptions,
  change: (checkpoint: Checkpoint) => Promise<Checkpoint> = async (same) => same,
): Promise<boolean> {
  const lock = options.isAwaited ? 'FOR UPDATE' : 'FOR UPDATE SKIP LOCKED';
  if ((await sql(`SELECT 1 FROM ledger_head ${lock}`)).length === 0) return false;
  const { row, last, head } = await lastCheckpoint(sql);
  const links = await openLinks(sql);
  const reached = follow(last.heads, links, (why) => {
    throw new AppError('LEDGER_INVALID', { why });
  });
  let next = last;
  if (links.length > 0) {
    // Near the order of their commits: writers have clocks of their own.
    const bodies = [...links].sort((a, b) => a.at - b.at).map((link) => ({ ...link, ...parsed<Link>(link.body) }));
    next = await foldCounts(sql, next, bodies);
    next = await foldEvents(sql, next, bodies);
    await sql(
      `DELETE FROM ledger_link USING ${unnested(LINK_KEY)}
       WHERE ledger_link.writer = given.writer AND ledger_link.seq <= given.seq`,
      arraysOf(
        LINK_KEY,
        [...reached].map(([writer, { seq }]) => ({ writer, seq })),
      ),
    );
  }
  next = await change(await dropOldNews(sql, next, options.newsMax));
  const heads = await headsAfter(sql, last.heads, reached, options);
  if (next === last && JSON.stringify(heads) === JSON.stringify(last.heads)) return true;
  await writeCheckpoint(sql, { row, head, last }, { ...next, heads }, options.nowMs);
  return true;
}

async function writeCheckpoint(
  sql: Sql,
  { row, head, last }: { readonly row: CheckpointRow | null; readonly head: Head; readonly last: Checkpoint },
  next: Checkpoint,
  at: number,
): Promise<void> {
  const isAnchor = row !== null && at >= endOf('hour', row.at);
  if (row !== null && !isAnchor) await sql('DELETE FROM ledger_checkpoint WHERE no = $1', [row.no]);
  const before = head.hash.toString('hex');
  const body = JSON.stringify({
    ...next,
    before,
    anchor: isAnchor ? row.hash.toString('hex') : last.anchor,
    anchors: last.anchors + (isAnchor ? 1 : 0),
  } satisfies Checkpoint);
  const no = head.no + 1;
  const hash = checkpointHash(before, { no, at, body });
  await sql(
    `WITH written AS (INSERT INTO ledger_checkpoint (no, at, body, hash) VALUES ($1, $2, $3, $4))
     UPDATE ledger_head SET no = $1, hash = $4`,
    [no, at, body, hash],
  );
}

type OpenLink = LinkRow & Link;

async function foldCounts(sql: Sql, before: Checkpoint, links: readonly OpenLink[]): Promise<Checkpoint> {
  const periods = sumByPeriod(links.flatMap(({ tallies }) => tallies));
  const rows = await sql<TallyRow>(
    `SELECT ${TALLY_COLUMNS} FROM ${unnested(PERIOD)} JOIN tally USING (tenant, level, start)`,
    arraysOf(PERIOD, periods),
  );
  const nameOf = ({ tenant, level, start }: PeriodKey) => `${level} ${start} ${tenant}`;
  const held = new Map(rows.map((row) => [nameOf(row), row]));
  const { facts, written } = addPeriods(before, periods, (key) => held.get(nameOf(key)));
  const changed = Object.keys(TALLY).filter((name) => !(name in PERIOD));
  await sql(
    `INSERT INTO tally (${Object.keys(TALLY).join(', ')}) SELECT * FROM ${unnested(TALLY)}
     ON CONFLICT (tenant, level, start) DO UPDATE SET ${changed.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    arraysOf(TALLY, written),
  );
  return { ...before, ...facts };
}

/** Give the events of the links their place in the chain of events. */
async function foldEvents(sql: Sql, before: Checkpoint, links: readonly OpenLink[]): Promise<Checkpoint> {
  let { seq: number, hash } = before.events;
  const sum = new RowSum(before.news.sum);
  let { rows } = before.news;
  const numbered: Numbered[] = [];
  for (const { writer, seq, events, news } of links) {
    for (const [place, digest] of events.entries()) {
      const chained = chainedHash(hash, ++number, digest);
      hash = chained.toString('hex');
      numbered.push({ writer, seq, place, number, hash: chained });
    }
    for (const place of news) sum.change(Buffer.from(events[place]!, 'hex'), 1);
    rows += news.length;
  }
  if (numbered.length === 0) return before;
  await sql(
    `WITH chained AS (
       UPDATE hit_event SET number = given.number, hash = given.hash FROM ${unnested(NUMBERED)}
       WHERE hit_event.writer = given.writer AND hit_event.seq = given.seq AND hit_event.place = given.place
       RETURNING hit, version, hit_event.number
     )
     UPDATE hit_news SET number = chained.number FROM chained
     WHERE hit_news.hit = chained.hit AND hit_news.version = chained.version`,
    arraysOf(NUMBERED, numbered),
  );
  return {
    ...before,
    events: { ...before.events, seq: number, hash },
    news: { ...before.news, rows, sum: sum.toHex() },
  };
}

async function dropOldNews(sql: Sql, before: Checkpoint, newsMax: number): Promise<Checkpoint> {
  const excess = before.news.rows - newsMax;
  if (excess <= 0) return before;
  const gone = await sql<{ digest: Buffer }>(
    `WITH gone AS (
       DELETE FROM hit_news WHERE (hit, version) IN (SELECT hit, version FROM hit_news ORDER BY number LIMIT $1)
       RETURNING hit, version
     )
     SELECT digest FROM gone JOIN hit_event USING (hit, version)`,
    [excess],
  );
  return withoutNews(before, gone, gone.length);
}

/** Return what a checkpoint says of the news after rows were removed. `lost`: of them, those that no process has read. */
export function withoutNews(
  before: Checkpoint,
  gone: readonly { readonly digest: Buffer }[],
  lost: number,
): Checkpoint {
  const sum = new RowSum(before.news.sum);
  for (const { digest } of gone) sum.change(digest, -1);
  const news = { rows: before.news.rows - gone.length, sum: sum.toHex(), lost: before.news.lost + lost };
  return { ...before, news };
}

/** Return where the writers stand; rows of writers that have ended, or have not written for long, are deleted. */
async function headsAfter(
  sql: Sql,
  before: readonly WriterHead[],
  reached: ReadonlyMap<string, Position>,
  { nowMs, closing }: FoldOptions,
): Promise<WriterHead[]> {
  const heads = new Map<string, WriterHead>(before.map((head) => [head[0], head]));
  for (const { id } of await sql<{ id: string }>('SELECT id FROM ledger_writer WHERE seq = 0'))
    if (!heads.has(id)) heads.set(id, [id, 0, startOfWriter(id).hash, nowMs]);
  for (const [id, { seq, hash }] of reached) heads.set(id, [id, seq, hash, nowMs]);
  const ended = [...heads.values()].filter(
    ([id, , , sinceMs]) => id === closing || nowMs - sinceMs > WRITER_IDLE_MS_MAX,
  );
  if (ended.length > 0) {
    const gone = await sql<{ id: string }>(
      `DELETE FROM ledger_writer USING ${unnested(LINK_KEY)}
       WHERE ledger_writer.id = given.writer AND ledger_writer.seq = given.seq RETURNING id`,
      arraysOf(
        LINK_KEY,
        ended.map(([writer, seq]) => ({ writer, seq })),
      ),
    );
    for (const { id } of gone) heads.delete(id);
  }
  return [...heads.values()].sort(([a], [b]) => (a < b ? -1 : 1));
}
