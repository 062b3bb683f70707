/** Statements that read and write a whole store for a move, and those that read it again to compare. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { COMPARED, type ComparedTable, MOVED, type MovedTable, type TableSum } from '../../store/move-contract.js';
import { sumOfRows } from '../../store/move-sum.js';
import { guarded } from '../file.js';

/** Files of the store, by which a table is found. */
export type FileOf = 'lists' | 'service' | 'ledger';

const SERVICE = ['tenant', 'tenant_usage', 'api_key', 'webhook', 'webhook_event', 'duty', 'import_job', 'audit'];
const LEDGER = ['event', 'hit', 'news', 'tally', 'answered'];

export function fileOf(table: ComparedTable): FileOf {
  if (SERVICE.includes(table)) return 'service';
  return LEDGER.includes(table) ? 'ledger' : 'lists';
}

/** Tables under another name, or in another order than that of their key. */
const NAMES: Partial<Record<ComparedTable, string>> = { event: 'event_link', news: 'hit_news' };
const ORDERS: Readonly<Record<MovedTable, string>> = {
  data_key: 'id',
  list: 'id',
  entry: 'id',
  past_entry: 'id',
  generation: 'number',
  removal: 'seq',
  removed_list: 'list_id',
  disabled_entry: 'list_id, algorithm, value, entry_id',
  withdrawal: 'list_id, entry_id',
  list_version: 'list_id, version',
  held: '',
  feedback: 'list_id, service, entry_id, algorithm',
  tenant: 'name',
  tenant_usage: 'tenant, day',
  // Their listings are in the order in which they were added.
  api_key: 'rowid',
  webhook: 'rowid',
  webhook_event: 'rowid',
  duty: 'name',
  import_job: 'id',
  audit: 'seq',
  event: 'seq',
  hit: 'id',
  news: 'seq',
  tally: 'tenant, level, start',
  answered: 'tenant, key',
};

/** Columns that are found elsewhere. */
const FOUND: Partial<Record<MovedTable, Readonly<Record<string, string>>>> = {
  list: { source: '(SELECT source FROM list_source WHERE list_id = list.id)' },
  // Of removals from before there were generations: the first one that is known.
  removal: { generation: 'zeef_generation(seq)' },
  webhook: { after: 'zeef_after(mark)' },
};

const nameOf = (table: ComparedTable) => NAMES[table] ?? table;

/** Return the statement of a table's rows from one on; its parameter is the number of that row. */
export function rowsSql(table: MovedTable): string {
  const found = FOUND[table] ?? {};
  const columns = MOVED[table].split(' ').map((name) => (name in found ? `${found[name]} AS "${name}"` : `"${name}"`));
  return `SELECT ${columns.join(', ')} FROM ${nameOf(table)} ORDER BY ${ORDERS[table]} LIMIT -1 OFFSET ?`;
}

/** Columns that the rows of a move do not have. */
const WRITTEN: Partial<Record<MovedTable, Readonly<Record<string, string>>>> = {
  // The processes that held them have ended.
  duty: { until_ms: '0' },
  // Once the removals are there.
  generation: { removal: '0' },
  entry: { sum: '@sum' },
  webhook: { after: '', mark: '@mark' },
  list: { source: '' },
  removal: { generation: '' },
  event: { hash: '@hash' },
};

/** Return the statement that adds a row of a table, whose parameters are its cells by name. */
export function insertSql(table: MovedTable): string {
  const written: Readonly<Record<string, string>> = {
    ...Object.fromEntries(MOVED[table].split(' ').map((name) => [name, `@${name}`])),
    ...WRITTEN[table],
  };
  const names = Object.keys(written).filter((name) => written[name] !== '');
  const columns = names.map((name) => `"${name}"`).join(', ');
  return `INSERT INTO ${nameOf(table)} (${columns}) VALUES (${names.map((name) => written[name]).join(', ')})`;
}

export const countSql = (table: MovedTable) => `SELECT count(*) FROM ${nameOf(table)}`;

const sumSql = (table: ComparedTable) =>
  `SELECT ${COMPARED[table].replaceAll(' ', ', ')} FROM ${nameOf(table)} NOT INDEXED`;

export function sumOfTable(db: Sqlite, table: Exclude<ComparedTable, 'held'>): Promise<TableSum> {
  const rows = guarded(() => db.prepare<[], object>(sumSql(table)).iterate());
  return sumOfRows(COMPARED[table], rows);
}
