/**
 * The ledger of a move. The events keep their numbers and get digests and a chain of this ledger; the first checkpoint names the
 * heads of the chains that the source had, and follows the one of its counts. Counts that were not folded are an open link.
 */
import { RowSum } from '../../core/row-sum.js';
import { type EventLink, eventHash, FIRST_HASH } from '../../store/ledger-chain.js';
import type { MovedRow, MoveFacts } from '../../store/move-contract.js';
import { hashBeforeEvents, movedFold } from '../../store/moved-fold.js';
import type { Sql } from '../database.js';
import { type Checkpoint, chainedHash, checkpointHash, eventDigest, linkHash, startOfWriter } from '../ledger/chain.js';
import { arraysOf, type Columns, cursorRows, unnested } from '../rows.js';
import type { SqlValue } from '../values.js';
import { columnsOf } from './tables.js';

/** Of the moved events, and of the counts that were not folded. */
const WRITER = 'moved';
/** Rows that are read at a time. */
const ROWS_PER_BATCH = 5_000;

type MovedEvent = Pick<EventLink, 'seq' | 'at' | 'kind' | 'tenant' | 'hit' | 'body' | 'body_hash'>;

interface NewEvent extends Omit<MovedEvent, 'seq'> {
  readonly version: number;
  readonly number: number;
  readonly digest: Buffer;
  readonly hash: Buffer;
}
const EVENT: Columns<NewEvent> = {
  hit: 'text',
  version: 'int4',
  at: 'int8',
  kind: 'text',
  tenant: 'text',
  body: 'text',
  body_hash: 'bytea',
  number: 'int8',
  digest: 'bytea',
  hash: 'bytea',
};

/** The number of the newest version of hits. */
const NEWEST = `SELECT named.hit, newest.version, newest.number FROM unnest($1::text[]) AS named (hit)
  CROSS JOIN LATERAL (
    SELECT version, number FROM hit_event WHERE hit_event.hit = named.hit ORDER BY version DESC LIMIT 1) AS newest`;

export async function putEvents(sql: Sql, facts: MoveFacts['ledger'], rows: readonly MovedRow[]): Promise<void> {
  const events = rows as unknown as readonly MovedEvent[];
  const [last] = await sql<{ hash: string }>(
    `SELECT encode(hash, 'hex') AS hash FROM hit_event WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1`,
  );
  const hits = [...new Set(events.map(({ hit }) => hit))];
  const versions = new Map(
    (await sql<{ hit: string; version: number }>(NEWEST, [hits])).map(({ hit, version }) => [hit, version]),
  );
  let before = last?.hash ?? hashBeforeEvents(facts);
  const written = events.map(({ seq, ...event }): NewEvent => {
    const version = (versions.get(event.hit) ?? 0) + 1;
    versions.set(event.hit, version);
    const digest = eventDigest({ ...event, version, writer: WRITER, seq, place: 0 });
    const hash = chainedHash(before, seq, digest.toString('hex'));
    before = hash.toString('hex');
    return { ...event, version, number: seq, digest, hash };
  });
  await sql(
    `INSERT INTO hit_event (${Object.keys(EVENT)}, writer, seq, place)
     SELECT ${Object.keys(EVENT)}, '${WRITER}', number, 0 FROM ${unnested(EVENT)}`,
    arraysOf(EVENT, written),
  );
}

/** The version of a hit is that of its newest event; its evidence is in the event of that number. */
export async function putHits(sql: Sql, rows: readonly MovedRow[]): Promise<void> {
  const columns = columnsOf('hit');
  const names = Object.keys(columns).filter((name) => name !== 'evidence_seq');
  await sql(
    `INSERT INTO hit (${names}, version, evidence_seq)
     SELECT ${names.map((name) => `given.${name}`)},
       (SELECT max(version) FROM hit_event WHERE hit_event.hit = given.id), evidence.version
     FROM ${unnested(columns)} LEFT JOIN hit_event AS evidence
       ON evidence.number = given.evidence_seq AND evidence.hit = given.id`,
    arraysOf(columns, rows),
  );
}

export async function putNews(sql: Sql, rows: readonly MovedRow[]): Promise<void> {
  await sql(
    `INSERT INTO hit_news (hit, version, number)
     SELECT hit, version, number FROM hit_event WHERE number = ANY ($1::int8[])`,
    [rows.map(({ seq }) => seq as number)],
  );
}

/** One after the other: their listing is in the order in which they were added. */
export async function putWebhooks(sql: Sql, rows: readonly MovedRow[]): Promise<void> {
  const columns = columnsOf('webhook');
  const names = Object.keys(columns).filter((name) => name !== 'after');
  for (const row of rows) {
    // The mark of an event that was cut is before all that are left.
    await sql(
      `INSERT INTO webhook (${names}, mark)
       SELECT ${names}, coalesce(
         (SELECT after || ' ' || encode(hash, 'hex') FROM hit_event WHERE number = after), '0 ${FIRST_HASH}')
       FROM ${unnested(columns)}`,
      arraysOf(columns, [row]),
    );
  }
}

/** Read what a statement finds. */
export const read = <Row>(
  sql: Sql,
  text: string,
  rowsPerBatch = ROWS_PER_BATCH,
  values: readonly SqlValue[] = [],
): AsyncGenerator<Row> => cursorRows<Row>(sql, { text, values }, rowsPerBatch);

async function sumOfDigests(sql: Sql, statement: string): Promise<string> {
  const sum = new RowSum();
  for await (const { digest } of read<{ digest: Buffer }>(sql, statement)) sum.change(digest, 1);
  return sum.toHex();
}

/** Write the first checkpoint, and a link with the counts that were not folded. Once. */
export async function writeCheckpoint(sql: Sql, { ledger }: MoveFacts, nowMs: number): Promise<void> {
  const [head] = await sql<{ no: number }>('SELECT no FROM ledger_head FOR UPDATE');
  if (head!.no > 0) return;
  const { head: source, news, open } = ledger;
  const [last] = await sql<{ hash: string }>(
    `SELECT encode(hash, 'hex') AS hash FROM hit_event ORDER BY number DESC LIMIT 1`,
  );
  const erasedSum = await sumOfDigests(sql, 'SELECT digest FROM hit_event WHERE body IS NULL');
  const body: Checkpoint = {
    ...movedFold(ledger, { hash: last?.hash ?? hashBeforeEvents(ledger), erasedSum }),
    heads: [],
    news: {
      rows: news.rows,
      lost: news.lost,
      sum: await sumOfDigests(sql, 'SELECT digest FROM hit_news JOIN hit_event USING (hit, version)'),
    },
  };
  const row = { no: 1, at: nowMs, body: JSON.stringify(body) };
  const hash = checkpointHash(source.groupHash, row);
  await sql('INSERT INTO ledger_checkpoint (no, at, body, hash) VALUES ($1, $2, $3, $4)', [1, row.at, row.body, hash]);
  await sql('UPDATE ledger_head SET no = 1, hash = $1', [hash]);
  if (open.length === 0) return;
  const link = { writer: WRITER, seq: 1, at: nowMs, body: JSON.stringify({ tallies: open, events: [], news: [] }) };
  const end = linkHash(startOfWriter(WRITER).hash, link);
  await sql('INSERT INTO ledger_link (writer, seq, at, body, hash) VALUES ($1, 1, $2, $3, $4)', [
    WRITER,
    link.at,
    link.body,
    end,
  ]);
  await sql('INSERT INTO ledger_writer (id, seq, hash) VALUES ($1, 1, $2)', [WRITER, end]);
}

/** Follow the source's own chain of events over the rows that are here. Result: a problem, or null. */
export async function sourceChainProblem(sql: Sql, { ledger }: MoveFacts): Promise<string | null> {
  let before = hashBeforeEvents(ledger);
  const rows = read<Omit<EventLink, 'hash'>>(
    sql,
    'SELECT number AS seq, at, kind, tenant, hit, body_hash FROM hit_event ORDER BY number',
  );
  for await (const row of rows) before = eventHash(before, row).toString('hex');
  return before === ledger.head.eventHash ? null : "ledger: the events are not those of the source's chain";
}
