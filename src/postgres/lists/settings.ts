/** Lists are made, and their settings changed, inside the caller's transaction. */
import { AppError } from '../../core/errors.js';
import { LIST_KEY_MAX } from '../../core/limits.js';
import { nameTaken, requireListName } from '../../store/list-name.js';
import { renamedTerms, requireBankFree, toInfo, toTerms } from '../../store/lists/list-row.js';
import type { ListChange, NewList, SourceInfo } from '../../store/lists-contract.js';
import { sourceOf } from '../../store/source-row.js';
import type { Sql } from '../database.js';
import { lockStore, raiseGeneration } from './generations.js';
import { findList, listOf, type PostgresListRow } from './rows.js';

/** Result: the list; null: one of this name exists, and stays as it is. Errors REQUEST_INVALID: its name; INDEX_FULL. */
export async function addList(sql: Sql, { list, kind, ...settings }: NewList): Promise<PostgresListRow | null> {
  requireListName(list);
  const { last_list_key } = await lockStore(sql);
  if ((await findList(sql, list)) !== null) return null;
  const listKey = last_list_key + 1;
  if (listKey > LIST_KEY_MAX) throw new AppError('INDEX_FULL', { listKey, listKeyMax: LIST_KEY_MAX });
  await sql('UPDATE store SET last_list_key = $1', [listKey]);
  await sql(
    `INSERT INTO list (id, name, kind, enabled, radius_bits, match_low_quality, detail) VALUES ($1, $2, $3, 1, $4, $5, $6)`,
    [listKey, list, kind, settings.radiusBits, settings.matchLowQuality ? 1 : 0, settings.detail ?? 'plain'],
  );
  return setList(sql, list, settings);
}

/** Errors LIST_NOT_FOUND. */
export async function setList(sql: Sql, name: string, change: ListChange): Promise<PostgresListRow> {
  const now = { ...toInfo(await listOf(sql, name, 'FOR UPDATE')), ...change };
  await lockStore(sql);
  if (now.bank !== null) requireBankFree(now, (await sql<PostgresListRow>('SELECT * FROM list')).map(toInfo));
  await sql(
    'UPDATE list SET enabled = $2, radius_bits = $3, match_low_quality = $4, detail = $5, terms = $6 WHERE name = $1',
    [name, now.enabled ? 1 : 0, now.radiusBits, now.matchLowQuality ? 1 : 0, now.detail, toTerms(now)],
  );
  await raiseGeneration(sql);
  return listOf(sql, name);
}

/** Errors LIST_NOT_FOUND; REQUEST_INVALID: the name is taken or invalid. */
export async function setName(
  sql: Sql,
  { id }: Pick<PostgresListRow, 'id'>,
  to: string,
  sourceAs: (source: SourceInfo) => SourceInfo,
): Promise<PostgresListRow> {
  requireListName(to);
  const [row] = await sql<PostgresListRow>('SELECT * FROM list WHERE id = $1 FOR UPDATE', [id]);
  if (row === undefined) throw new AppError('LIST_NOT_FOUND', { list: to });
  // A commit whose answer was lost is tried again.
  if (row.name === to) return row;
  const { generation } = await lockStore(sql);
  if ((await findList(sql, to)) !== null) throw nameTaken();
  const source = row.source === null ? null : JSON.stringify(sourceAs(sourceOf(row.source)));
  await sql('UPDATE list SET name = $2, terms = $3, source = $4 WHERE id = $1', [
    id,
    to,
    renamedTerms(row, generation + 1),
    source,
  ]);
  await raiseGeneration(sql);
  return listOf(sql, to);
}

/** Errors REQUEST_INVALID: the list was made meanwhile with other settings than those for which the rows were read and reviewed. */
export function requireAsMade(row: PostgresListRow, { kind, radiusBits }: Omit<NewList, 'list'>): void {
  if (row.kind === kind && row.radius_bits === radiusBits) return;
  throw new AppError('REQUEST_INVALID', {
    field: 'list',
    why: 'another process has made this list',
    kind: row.kind,
    radiusBits: row.radius_bits,
  });
}
