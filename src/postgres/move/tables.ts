/** Statements that read and write the rows of a move, and those that read them again to compare. */
import { COMPARED, type ComparedTable, MOVED, type MovedTable } from '../../store/move-contract.js';
import { MIGRATIONS } from '../schema.js';

/** All tables of Zeef: another program may have tables beside them. */
export const TABLES: readonly string[] = [
  'migration',
  ...[...MIGRATIONS.join('\n').matchAll(/CREATE (?:UNLOGGED )?TABLE (\w+)/g)].map(([, name]) => name!),
];

/** Types of columns; all others are texts. */
const TYPES: Readonly<Record<string, string>> = {
  ...of('bytea', 'wrapped value notes sha256 bytes hashes key body_hash md5_mark sha1_mark sha256_mark'),
  ...of(
    'int4',
    'list_id algorithm disabled quarantined since until version is_held enabled radius_bits match_low_quality',
  ),
  ...of('int4', 'level attempts part status marked disputed'),
  ...of(
    'int8',
    'number token entry_key generation first_key last_key at_ms rejected duplicates checks claims done_ms fence',
  ),
  ...of(
    'int8',
    'lease_ms ended_ms seq ends start checked exact near suppressed not_checked first_seen last_seen times_seen',
  ),
  ...of('int8', 'after_removal started stopped evidence_seq after id at'),
};

/** Columns whose type is another one in some tables. */
const OTHERS: Partial<Record<ComparedTable, Readonly<Record<string, string>>>> = {
  feedback: of('text', 'at'),
  audit: of('text', 'at'),
  hit: of('text', 'id status'),
  answered: of('text', 'key'),
  tenant_usage: of('int8', 'bytes'),
  api_key: of('text', 'id'),
  webhook: of('text', 'id'),
  webhook_event: of('text', 'id'),
  import_job: of('text', 'id'),
};

function of(type: string, names: string): Record<string, string> {
  return Object.fromEntries(names.split(' ').map((name) => [name, type]));
}

/** Return the columns of a table with their types. */
export const columnsOf = (table: MovedTable): Record<string, string> =>
  Object.fromEntries(MOVED[table].split(' ').map((name) => [name, OTHERS[table]?.[name] ?? TYPES[name] ?? 'text']));

/** Columns of the target in place of those with their names, by expressions over the row. */
const WRITTEN: Partial<Record<MovedTable, Readonly<Record<string, string>>>> = {
  held: { import: heldName('list_id'), list_id: '' },
  list_version: {
    import: `CASE is_held WHEN 1 THEN ${heldName('list_id')} ELSE ${heldName('list_id')} || '-' || version END`,
  },
  tenant: { disabled: 'disabled = 1' },
  // The processes that held them have ended.
  duty: { until: `'-infinity'` },
};

const NAMES: Partial<Record<ComparedTable, string>> = { held: 'held_part', event: 'hit_event', news: 'hit_news' };
const nameOf = (table: ComparedTable) => NAMES[table] ?? table;

/** Name of what a held version came by, which joins it with its parts. */
function heldName(listId: string): string {
  return `'moved-' || ${listId}`;
}

/** Return the statement that adds rows of a table, given as `source`. */
export function insertSql(table: MovedTable, source: string): string {
  const written: Readonly<Record<string, string>> = {
    ...Object.fromEntries(MOVED[table].split(' ').map((name) => [name, name])),
    ...WRITTEN[table],
  };
  const names = Object.keys(written).filter((name) => written[name] !== '');
  return `INSERT INTO ${nameOf(table)} (${names}) SELECT ${names.map((name) => written[name])} FROM ${source}`;
}

/** Columns of a comparison that have another form here. */
const READ: Partial<Record<ComparedTable, Readonly<Record<string, string>>>> = {
  tenant: { disabled: 'disabled::int4' },
  event: { seq: 'number' },
  news: { seq: 'number' },
  hit: {
    evidence_seq: `(SELECT number FROM hit_event WHERE hit_event.hit = hit.id AND hit_event.version = hit.evidence_seq)`,
  },
};

/** Columns of a row to be moved that have another form here, beside those. */
const FOUND: Partial<Record<MovedTable, Readonly<Record<string, string>>>> = {
  // A mark whose event is not there, or is another one, is before all that are left.
  webhook: {
    after: `coalesce((SELECT number FROM hit_event
      WHERE number = split_part(mark, ' ', 1)::int8 AND encode(hash, 'hex') = split_part(mark, ' ', 2)), 0)`,
  },
};

/** The order of a table's rows, which stays the same; of most, their key. */
const ORDERS: Readonly<Record<Exclude<MovedTable, 'held'>, string>> = {
  data_key: 'id',
  list: 'id',
  entry: 'id',
  past_entry: 'number',
  generation: 'number',
  removal: 'generation, entry_key',
  removed_list: 'list_id',
  disabled_entry: 'list_id, algorithm, value, entry_id',
  withdrawal: 'list_id, entry_id',
  list_version: 'list_id, version',
  feedback: 'list_id, service, entry_id, algorithm',
  event: 'hit_event.number',
  hit: 'id',
  news: 'hit_news.number',
  tally: 'tenant, level, start',
  answered: 'tenant, key',
  tenant: 'name',
  tenant_usage: 'tenant, day',
  api_key: 'number',
  webhook: 'number',
  webhook_event: 'number',
  duty: 'name',
  import_job: 'id',
  audit: 'seq',
};

/** Return the statement of a table's rows from one on; its parameter is the number of that row. */
export function rowsSql(table: MovedTable): string {
  if (table === 'held') return `${HELD_PARTS} OFFSET $1`;
  const found: Readonly<Record<string, string>> = { ...READ[table], ...FOUND[table] };
  const columns = MOVED[table].split(' ').map((name) => `${found[name] ?? name} AS ${name}`);
  return `SELECT ${columns.join(', ')} FROM ${nameOf(table)} ORDER BY ${ORDERS[table]} OFFSET $1`;
}

export const countSql = (table: MovedTable) =>
  `SELECT count(*) AS rows FROM ${table === 'held' ? `(${HELD_PARTS}) AS held` : nameOf(table)}`;

const FROM: Partial<Record<ComparedTable, string>> = {
  list_source: '(SELECT id AS list_id, source FROM list WHERE source IS NOT NULL) AS list_source',
};

export function sumSql(table: ComparedTable): string {
  const read = READ[table] ?? {};
  const columns = COMPARED[table].split(' ').map((name) => `${read[name] ?? name} AS ${name}`);
  return `SELECT ${columns.join(', ')} FROM ${FROM[table] ?? nameOf(table)}`;
}

/** Parts of all held versions, in order; the name is that of `heldName`. */
export const HELD_PARTS = `SELECT list_id, part, bytes FROM held_part
  JOIN (SELECT DISTINCT list_id, import FROM list_version WHERE is_held = 1) AS version USING (import) ORDER BY list_id, part`;
