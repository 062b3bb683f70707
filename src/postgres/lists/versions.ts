/** Earlier and held versions of lists in PostgreSQL. */
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { toEntry } from '../../store/lists/entry-row.js';
import { openHeldRows } from '../../store/lists/held-rows.js';
import {
  oldestOf,
  toVersionInfo,
  VERSIONS_MAX,
  type VersionChange,
  type VersionRow,
} from '../../store/lists/kept-versions.js';
import type { VersionInfo } from '../../store/lists-contract.js';
import type { Database, Sql } from '../database.js';
import { deleteInSteps } from '../rows.js';
import type { DataKeys } from './data-keys.js';
import { type HeldRow, type PostgresListRow, ROWS_PER_BATCH } from './rows.js';

/** Bytes of one part of a held version. */
const PART_BYTES = 1_048_576;

export async function versionsOf(sql: Sql, list: PostgresListRow): Promise<VersionInfo[]> {
  const rows = await sql<VersionRow>('SELECT * FROM list_version WHERE list_id = $1 ORDER BY version DESC', [list.id]);
  return rows.map((row) => toVersionInfo(list, row));
}

async function oldestKept(sql: Sql, listId: number, version: number): Promise<number> {
  const changes = await sql<VersionChange>(
    `SELECT version, facts FROM list_version WHERE list_id = $1 AND version <= $2 AND is_held = 0
     ORDER BY version DESC LIMIT $3`,
    [listId, version, VERSIONS_MAX],
  );
  return oldestOf(changes, version);
}

/** Before `version` is noted. */
export async function forgetOldVersions(sql: Sql, listId: number, version: number): Promise<void> {
  const oldest = await oldestKept(sql, listId, version - 1);
  await deleteInSteps(sql, 'past_entry', 'list_id = $1 AND until <= $2', [listId, oldest]);
  await sql('DELETE FROM list_version WHERE list_id = $1 AND version <= $2 AND is_held = 0', [
    listId,
    version - VERSIONS_MAX,
  ]);
}

/** Result: whether a version was held. */
export async function forgetHeld(sql: Sql, listId: number): Promise<boolean> {
  const held = await sql<{ import: string }>(
    'DELETE FROM list_version WHERE list_id = $1 AND is_held = 1 RETURNING import',
    [listId],
  );
  await sql('DELETE FROM held_part WHERE import = ANY ($1::text[])', [held.map((row) => row.import)]);
  return held.length > 0;
}

/** Write the sealed rows of a version that will be held. */
export async function putHeldParts(sql: Sql, id: string, sealed: AsyncIterable<Buffer>): Promise<void> {
  let part = 0;
  let waiting: Buffer[] = [];
  let bytes = 0;
  const put = async () => {
    await sql('INSERT INTO held_part (import, part, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      id,
      part++,
      Buffer.concat(waiting),
    ]);
    waiting = [];
    bytes = 0;
  };
  for await (const chunk of sealed) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes >= PART_BYTES) await put();
  }
  if (bytes > 0) await put();
}

/** Return the rows of a version: a held one's, or those that the list had. Errors NOT_FOUND: no longer kept. */
export async function rowsOf(
  database: Database,
  keys: DataKeys,
  list: PostgresListRow,
  version: number,
): Promise<AsyncIterable<ParsedRow>> {
  const sql: Sql = (text, values) => database.read(text, values);
  const [held] = await sql<{ import: string }>(
    'SELECT import FROM list_version WHERE list_id = $1 AND version = $2 AND is_held = 1',
    [list.id, version],
  );
  if (held !== undefined) {
    await keys.refresh();
    return openHeldRows(keys.vault, heldParts(sql, held.import));
  }
  const oldest = await oldestKept(sql, list.id, list.version);
  if (version < oldest || version > list.version)
    throw new AppError('NOT_FOUND', { list: list.name, version, oldestKept: oldest });
  return pastRows(sql, keys, list, version);
}

export async function* heldParts(sql: Sql, id: string): AsyncGenerator<Buffer> {
  for (let part = 0; ; part++) {
    const [row] = await sql<{ bytes: Buffer }>('SELECT bytes FROM held_part WHERE import = $1 AND part = $2', [
      id,
      part,
    ]);
    if (row === undefined) return;
    yield row.bytes;
  }
}

/** Entries are read before their earlier forms: one that changes meanwhile is in the second table. */
async function* pastRows(sql: Sql, keys: DataKeys, list: PostgresListRow, version: number): AsyncGenerator<ParsedRow> {
  let line = 0;
  const toRow = (row: HeldRow): ParsedRow => {
    const { list: _, ...entry } = toEntry(keys.vault, { ...row, name: list.name });
    return { ok: true, line: ++line, entry };
  };
  const seen = { id: 0, entry_id: '' };
  for (;;) {
    const rows = await sql<HeldRow>(
      `SELECT * FROM entry WHERE list_id = $1 AND (entry_id, id) > ($2, $3::int8) ORDER BY entry_id, id LIMIT $4`,
      [list.id, seen.entry_id, seen.id, ROWS_PER_BATCH],
    );
    if (rows.length === 0) break;
    Object.assign(seen, { id: rows.at(-1)!.id, entry_id: rows.at(-1)!.entry_id });
    await keys.learn(rows);
    for (const row of rows) if (row.since <= version) yield toRow(row);
  }
  for (let after = 0; ; ) {
    const rows = await sql<HeldRow & { readonly number: number }>(
      `SELECT * FROM past_entry WHERE list_id = $1 AND number > $2 AND since <= $3 AND until > $3
       ORDER BY number LIMIT $4`,
      [list.id, after, version, ROWS_PER_BATCH],
    );
    if (rows.length === 0) break;
    after = rows.at(-1)!.number;
    await keys.learn(rows);
    for (const row of rows) yield toRow(row);
  }
  // What was forgotten meanwhile was not read.
  const [now] = await sql<{ version: number }>('SELECT version FROM list WHERE id = $1', [list.id]);
  if (now === undefined || version < (await oldestKept(sql, list.id, now.version)))
    throw new AppError('NOT_FOUND', { list: list.name, version, why: 'no longer kept' });
}
