/**
 * Verifies the whole ledger on one state of the database: the checkpoints and the chains of all writers are as they were
 * written, the events are those of the chain of events and of the open links, and the counts, hits and news equal them.
 */
import { RowSum } from '../../core/row-sum.js';
import { addTotals, NO_TOTALS, type Totals } from '../../core/tally.js';
import { FIRST_HASH, sha256 } from '../../store/ledger-chain.js';
import { isOfEvents, Problems, type Report, TallyCheck } from '../../store/ledger-check.js';
import type { LedgerCheck } from '../../store/ledger-contract.js';
import type { StoredEvent } from '../../store/ledger-events.js';
import { movedHeads, type TallyRow } from '../../store/ledger-fold.js';
import type { Sql } from '../database.js';
import type { SqlValue } from '../values.js';
import { HIT_COLUMNS, type VersionedHit } from './append.js';
import {
  type Checkpoint,
  type CheckpointRow,
  chainedHash,
  checkpointHash,
  type EventRow,
  eventDigest,
  FIRST_CHECKPOINT,
  follow,
  type Link,
  type LinkRow,
  startOfWriter,
} from './chain.js';
import { openLinks, TALLY_COLUMNS } from './fold.js';

/** A few milliseconds of hashing, then yield to requests. */
const ROWS_PER_BATCH = 2_000;

/** A table that is read in batches: all rows, and those after the last one of a batch. */
interface Pages<Row> {
  /** A statement that ends with a condition. */
  readonly rows: string;
  /** The condition after the key of a row, whose values are parameters. */
  readonly after: string;
  readonly order: string;
  readonly keyOf: (row: Row) => readonly SqlValue[];
}

async function* batches<Row>(sql: Sql, { rows, after, order, keyOf }: Pages<Row>): AsyncGenerator<Row[]> {
  const end = `ORDER BY ${order} LIMIT ${ROWS_PER_BATCH}`;
  for (let last: Row | undefined; ; ) {
    const batch = last ? await sql<Row>(`${rows} AND ${after} ${end}`, keyOf(last)) : await sql<Row>(`${rows} ${end}`);
    if (batch.length > 0) yield batch;
    if (batch.length < ROWS_PER_BATCH) return;
    last = batch.at(-1);
  }
}

export async function verify(sql: Sql): Promise<LedgerCheck> {
  const { all: problems, report } = new Problems();
  /** Run one part. An unreadable row is reported, and the other parts are still read. */
  const part = async <T>(name: string, read: () => T | Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      report(`${name}: ${(error as Error).message}`);
      return null;
    }
  };
  const rows = (await part('links', () => openLinks(sql))) ?? [];
  const last = await part('checkpoints', () => verifyCheckpoints(sql, report));
  const checkpoint = last?.body ?? FIRST_CHECKPOINT;
  const heads = (await part('writers', () => verifyWriters(sql, checkpoint, rows, report))) ?? {};
  const open = (await part('links', () => rows.map((row) => ({ ...row, ...(JSON.parse(row.body) as Link) })))) ?? [];
  const events = await part('events', () => verifyEvents(sql, checkpoint, open, report));
  const totals = await part('counts', () => verifyTallies(sql, checkpoint, open, report));
  const hits = await part('hits', () => verifyHits(sql, events?.firsts ?? null, report));
  await part('news', () => verifyNews(sql, checkpoint, open, report));
  return {
    ok: problems.length === 0,
    problems,
    hits: hits ?? 0,
    events: events?.count ?? 0,
    totals: totals ?? NO_TOTALS,
    heads: { checkpoint: last?.hash ?? '', ...heads, ...movedHeads(checkpoint) },
  };
}

/** Result: the last checkpoint. */
async function verifyCheckpoints(
  sql: Sql,
  report: Report,
): Promise<{ readonly hash: string; readonly body: Checkpoint }> {
  let [no, before, anchor, anchors] = [0, FIRST_HASH, '', 0];
  let last = FIRST_CHECKPOINT;
  const pages: Pages<CheckpointRow> = {
    rows: 'SELECT * FROM ledger_checkpoint WHERE true',
    after: 'no > $1',
    order: 'no',
    keyOf: (row) => [row.no],
  };
  for await (const rows of batches(sql, pages)) {
    for (const row of rows) {
      last = JSON.parse(row.body) as Checkpoint;
      if (last.anchor !== anchor || last.anchors !== anchors)
        report(`checkpoint ${row.no}: wrong reference to the checkpoints before it`);
      if (!checkpointHash(last.before, row).equals(row.hash)) report(`checkpoint ${row.no}: changed or moved`);
      no = row.no;
      before = anchor = row.hash.toString('hex');
      anchors++;
    }
  }
  const heads = await sql<{ no: number; hash: Buffer }>('SELECT no, hash FROM ledger_head');
  if (heads.length !== 1 || heads[0]!.no !== no || heads[0]!.hash.toString('hex') !== before)
    report(`checkpoints: they end at ${no}, expected ${heads[0]?.no}`);
  return { hash: before, body: last };
}

/** Result: the newest link of each writer. */
async function verifyWriters(
  sql: Sql,
  { heads }: Checkpoint,
  links: readonly LinkRow[],
  report: Report,
): Promise<Record<string, string>> {
  const expected = new Map(heads.map(([id, seq, hash]) => [id, { seq, hash }]));
  for (const [id, position] of follow(heads, links, report)) expected.set(id, position);
  const writers = await sql<{ id: string; seq: number; hash: string }>(
    `SELECT id, seq, encode(hash, 'hex') AS hash FROM ledger_writer ORDER BY id`,
  );
  for (const { id, seq, hash } of writers) {
    const position = expected.get(id) ?? startOfWriter(id);
    expected.delete(id);
    if (position.seq !== seq || position.hash !== hash)
      report(`writer ${id}: its chain ends at ${position.seq}, expected ${seq}`);
  }
  for (const id of expected.keys()) report(`writer ${id}: it is not there`);
  return Object.fromEntries(writers.map(({ id, hash }) => [id, hash]));
}

type OpenLink = LinkRow & Link;

/** Result: the number of events, and of those that are the first of a hit that is not erased. */
async function verifyEvents(
  sql: Sql,
  { events: stored }: Checkpoint,
  open: readonly OpenLink[],
  report: Report,
): Promise<{ readonly count: number; readonly firsts: number }> {
  let [before, number] = [stored.cutHash ?? FIRST_HASH, stored.cutSeq];
  let [count, firsts, erased] = [0, 0, 0];
  const erasedSum = new RowSum();
  const look = (event: EventRow) => {
    const { hit, version, kind, body, body_hash, digest } = event;
    count++;
    if (kind === 'hit' && body !== null) firsts++;
    if (body === null) {
      erased++;
      erasedSum.change(digest, 1);
    } else if (!sha256(body).equals(body_hash)) report(`event ${version} of hit ${hit}: its body was changed`);
    if (!eventDigest(event).equals(digest)) report(`event ${version} of hit ${hit}: changed or moved`);
  };
  const pages: Pages<EventRow> = {
    rows: 'SELECT * FROM hit_event WHERE number IS NOT NULL',
    after: 'number > $1',
    order: 'number',
    keyOf: (row) => [row.number],
  };
  for await (const rows of batches(sql, pages)) {
    for (const event of rows) {
      look(event);
      if (event.number !== number + 1) report(`event ${event.number}: expected event ${number + 1}`);
      number = event.number!;
      const hash = chainedHash(before, number, event.digest.toString('hex'));
      if (event.hash === null || !hash.equals(event.hash)) report(`event ${number}: changed or moved`);
      before = hash.toString('hex');
    }
  }
  if (number !== stored.seq || before !== stored.hash)
    report(`events: the chain ends at ${number}, expected ${stored.seq}`);
  const listed = new Map(
    open.flatMap(({ writer, seq, events }) =>
      events.map((digest, place) => [JSON.stringify([writer, seq, place]), digest] as const),
    ),
  );
  // As many as there are open links.
  for (const event of await sql<EventRow>('SELECT * FROM hit_event WHERE number IS NULL')) {
    look(event);
    const { writer, seq, place, hit, version, digest, hash } = event;
    const name = JSON.stringify([writer, seq, place]);
    if (hash !== null || listed.get(name) !== digest.toString('hex'))
      report(`event ${version} of hit ${hit}: its link has another one`);
    listed.delete(name);
  }
  if (listed.size > 0) report(`events: ${listed.size} of open links are not there`);
  if (erased !== stored.erased || erasedSum.toHex() !== stored.erasedSum)
    report('events: erased events differ from the last checkpoint');
  return { count, firsts };
}

/** Result: the total of all counts. */
async function verifyTallies(
  sql: Sql,
  checkpoint: Checkpoint,
  open: readonly OpenLink[],
  report: Report,
): Promise<Totals> {
  const check = new TallyCheck(checkpoint);
  const pages: Pages<TallyRow> = {
    rows: `SELECT ${TALLY_COLUMNS} FROM tally WHERE true`,
    after: '(tenant, level, start) > ($1, $2::int4, $3::int8)',
    order: 'tenant, level, start',
    keyOf: ({ tenant, level, start }) => [tenant, level, start],
  };
  for await (const rows of batches(sql, pages)) for (const row of rows) check.add(row);
  check.end(report);
  return open.flatMap(({ tallies }) => tallies).reduce((sum, tally) => addTotals(sum, tally.totals), checkpoint.totals);
}

/** `firsts`: the number of their first events, if it is known. Result: the number of hits. */
async function verifyHits(sql: Sql, firsts: number | null, report: Report): Promise<number> {
  let count = 0;
  const pages: Pages<VersionedHit> = {
    // Those that events define: a newer version may have added others.
    rows: `SELECT ${HIT_COLUMNS.join(', ')} FROM hit WHERE true`,
    after: 'id > $1',
    order: 'id',
    keyOf: ({ id }) => [id],
  };
  for await (const rows of batches(sql, pages)) {
    const events = new Map<string, StoredEvent[]>(rows.map(({ id }) => [id, []]));
    for (const event of await sql<StoredEvent & { hit: string }>(
      'SELECT hit, version AS seq, at, kind, tenant, body FROM hit_event WHERE hit = ANY ($1) ORDER BY hit, version',
      [[...events.keys()]],
    ))
      events.get(event.hit)!.push(event);
    for (const { version, ...row } of rows) {
      count++;
      const own = events.get(row.id)!;
      const isInOrder = own.every(({ seq }, at) => seq === at + 1) && own.length === version;
      if (!isInOrder || !isOfEvents(row, own)) report(`hit ${row.id}: differs from its events`);
    }
  }
  if (firsts !== null && firsts !== count) report(`hits: ${count}, but ${firsts} in the chain of events`);
  return count;
}

interface NewsRow {
  readonly hit: string;
  readonly version: number;
  readonly digest: Buffer | null;
  readonly isAtNumber: boolean;
}

async function verifyNews(sql: Sql, { news }: Checkpoint, open: readonly OpenLink[], report: Report): Promise<void> {
  const [sum, expected] = [new RowSum(), new RowSum(news.sum)];
  let [count, expectedCount] = [0, news.rows];
  for (const link of open) {
    for (const place of link.news) expected.change(Buffer.from(link.events[place]!, 'hex'), 1);
    expectedCount += link.news.length;
  }
  const pages: Pages<NewsRow> = {
    rows: `SELECT hit, version, digest, hit_event.number IS NOT DISTINCT FROM hit_news.number AS "isAtNumber"
      FROM hit_news LEFT JOIN hit_event USING (hit, version) WHERE true`,
    after: '(hit, version) > ($1, $2::int4)',
    order: 'hit, version',
    keyOf: ({ hit, version }) => [hit, version],
  };
  for await (const rows of batches(sql, pages)) {
    for (const { hit, version, digest, isAtNumber } of rows) {
      count++;
      if (digest) sum.change(digest, 1);
      if (!digest || !isAtNumber) report(`news ${version} of hit ${hit}: no such event`);
    }
  }
  if (count !== expectedCount || sum.toHex() !== expected.toHex())
    report(`news: ${count} rows, which differ from the chains`);
}
