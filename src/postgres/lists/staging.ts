/**
 * Changes of a running import, in tables of their own until it is activated: so an import of any length holds no lock, no
 * transaction and little memory, and is found by its own later rows.
 */
import { AppError } from '../../core/errors.js';
import type { StoredRow, ValueName } from '../../store/lists/entry-row.js';
import { KeySet } from '../../store/lists/key-set.js';
import { VALUE_NAME_BYTES } from '../../vault/vault.js';
import type { Sql } from '../database.js';
import { deleteInSteps } from '../rows.js';
import { ENTRY_COLUMNS, type HeldRow } from './rows.js';
import { nameOf } from './schema.js';

/** Keys of entries that an import adds, until it is activated: above all others, and exact. */
export const FIRST_NEW_KEY = 2 ** 40;

/** Longest pause between two batches of an import that runs: its source may be slow. */
const RUN_MINUTES = 60;
/** Between two notes that an import runs. */
const NOTE_MS = 60_000;

/** Values of `staged_entry.state`. */
export const STATES = { added: 0, changed: 1, removed: 2 } as const;

/** Rows that are staged by one statement. */
const ROWS_PER_STATEMENT = 2_000;

/**
 * SQL of the rows of a table by ids, $2, and by values, $3 and $4; one may come twice. Each is searched on its own, by an index:
 * without statistics of a table that has just grown, a join reads all of it.
 */
const findIn = (table: string, where: string): string => {
  const matching = (condition: string) =>
    `CROSS JOIN LATERAL (SELECT ${ENTRY_COLUMNS} FROM ${table} WHERE ${where} AND ${condition} OFFSET 0) AS held`;
  return `SELECT held.* FROM unnest($2::text[]) AS named (id) ${matching('entry_id = named.id')}
    UNION ALL SELECT held.* FROM unnest($3::int4[], $4::bytea[]) AS named (algorithm, name)
    ${matching(`algorithm = named.algorithm AND ${nameOf('value')} = named.name`)}`;
};

export class Staging {
  /** Of this import. */
  readonly id: string;
  readonly #sql: Sql;
  readonly #listId: number | null;
  readonly #staged = new KeySet();
  readonly #removed = new KeySet();
  #hasStagedHeld = false;
  #notedMs = 0;
  /** Ids of entries whose withdrawals are staged. */
  readonly #withdrawals = new Set<string>();

  /** `listId`: null for a list that is not there yet. */
  constructor(sql: Sql, id: string, listId: number | null) {
    this.#sql = sql;
    this.id = id;
    this.#listId = listId;
  }

  get entries(): number {
    return this.#staged.size;
  }

  get withdrawals(): number {
    return this.#withdrawals.size;
  }

  /** Whether rows that the list had are changed or removed. */
  get hasStagedHeld(): boolean {
    return this.#hasStagedHeld;
  }

  isRemoved(key: number): boolean {
    return this.#removed.has(key);
  }

  /** Note that the import runs. */
  begin(): Promise<void> {
    this.#notedMs = performance.now();
    return noteRun(this.#sql, this.id);
  }

  /** Rows of the list by ids and by values, as the import has left them. */
  async find(ids: readonly string[], values: readonly ValueName[]): Promise<readonly HeldRow[]> {
    const algorithms = values.map(({ algorithm }) => algorithm);
    const names = values.map(({ value }) => value.subarray(0, VALUE_NAME_BYTES));
    const found = new Map<number, HeldRow>();
    if (ids.length === 0 && values.length === 0) return [];
    if (this.#listId !== null) {
      const held = await this.#sql<HeldRow>(findIn('entry', 'list_id = $1'), [this.#listId, ids, algorithms, names]);
      const changed = await this.#changed(held.map(({ id }) => id));
      for (const row of held) if (!changed.has(row.id)) found.set(row.id, row);
    }
    if (this.#staged.size > 0) {
      const isPresent = `import = $1 AND state <> ${STATES.removed}`;
      const staged = await this.#sql<HeldRow>(findIn('staged_entry', isPresent), [this.id, ids, algorithms, names]);
      for (const row of staged) found.set(row.id, row);
    }
    return [...found.values()];
  }

  /** Those of the keys whose rows the import has changed or removed, or added. */
  async #changed(keys: readonly number[]): Promise<ReadonlyMap<number, HeldRow & { readonly state: number }>> {
    if (this.#staged.size === 0 || keys.length === 0) return new Map();
    const rows = await this.#sql<HeldRow & { readonly state: number }>(
      `SELECT held.* FROM unnest($2::int8[]) AS named (id) CROSS JOIN LATERAL (
         SELECT * FROM staged_entry WHERE import = $1 AND id = named.id OFFSET 0) AS held`,
      [this.id, keys],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Rows by keys, as the import has left them, without those that are not there. */
  async byKeys(keys: readonly number[]): Promise<readonly HeldRow[]> {
    const changed = await this.#changed(keys);
    const others = keys.filter((key) => key < FIRST_NEW_KEY && !changed.has(key));
    const held = await this.#sql<HeldRow>(`SELECT ${ENTRY_COLUMNS} FROM entry WHERE id = ANY ($1::int8[])`, [others]);
    return [...held, ...[...changed.values()].filter(({ state }) => state !== STATES.removed)];
  }

  /** Keys of the list's entries that a predicate takes, in batches, but those that the import has removed. */
  async *keysOf(takes: (key: number) => boolean): AsyncGenerator<readonly number[]> {
    if (this.#listId === null) return;
    let after = { entry_id: '', id: 0 };
    for (;;) {
      const rows = await this.#sql<typeof after>(
        `SELECT entry_id, id FROM entry WHERE list_id = $1 AND (entry_id, id) > ($2, $3::int8)
         ORDER BY entry_id, id LIMIT ${ROWS_PER_STATEMENT}`,
        [this.#listId, after.entry_id, after.id],
      );
      if (rows.length === 0) return;
      after = rows.at(-1)!;
      yield rows.map(({ id }) => id).filter((key) => takes(key) && !this.#removed.has(key));
    }
  }

  /** Stage rows: a key that was staged before has its newest row. */
  async put(rows: readonly { readonly row: StoredRow; readonly state: number }[]): Promise<void> {
    if (performance.now() - this.#notedMs > NOTE_MS) await this.begin();
    for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
      const some = rows.slice(from, from + ROWS_PER_STATEMENT);
      const column = <Name extends keyof StoredRow>(name: Name) => some.map(({ row }) => row[name]);
      await this.#sql(
        `INSERT INTO staged_entry
           (import, list_id, id, state, algorithm, value, entry_id, attributes, notes, disabled, quarantined, since)
         SELECT $1, $2::int4, * FROM unnest($3::int8[], $4::int4[], $5::int4[], $6::bytea[], $7::text[], $8::text[],
           $9::bytea[], $10::int4[], $11::int4[], $12::int4[])
         ON CONFLICT (import, id) DO UPDATE SET (state, entry_id, attributes, notes, disabled, quarantined, since) =
           (excluded.state, excluded.entry_id, excluded.attributes, excluded.notes, excluded.disabled,
            excluded.quarantined, excluded.since)`,
        [
          this.id,
          this.#listId ?? 0,
          column('id'),
          some.map(({ state }) => state),
          column('algorithm'),
          column('value'),
          column('entry_id'),
          column('attributes'),
          column('notes'),
          column('disabled'),
          column('quarantined'),
          column('since'),
        ],
      );
    }
    for (const { row, state } of rows) {
      this.#staged.add(row.id);
      if (row.id < FIRST_NEW_KEY) this.#hasStagedHeld = true;
      if (state === STATES.removed) this.#removed.add(row.id);
    }
  }

  async withdrawalsOf(
    ids: readonly string[],
  ): Promise<readonly { readonly entry_id: string; readonly at_ms: number }[]> {
    if (this.withdrawals === 0) return [];
    return this.#sql(
      'SELECT entry_id, at_ms FROM staged_withdrawal WHERE import = $1 AND entry_id = ANY ($2::text[])',
      [this.id, ids],
    );
  }

  async withdraw(withdrawals: ReadonlyMap<string, number>): Promise<void> {
    if (withdrawals.size === 0) return;
    await this.#sql(
      `INSERT INTO staged_withdrawal (import, entry_id, at_ms)
       SELECT $1, * FROM unnest($2::text[], $3::int8[])
       ON CONFLICT (import, entry_id) DO UPDATE SET at_ms = greatest(staged_withdrawal.at_ms, excluded.at_ms)`,
      [this.id, [...withdrawals.keys()], [...withdrawals.values()]],
    );
    for (const entryId of withdrawals.keys()) this.#withdrawals.add(entryId);
  }

  /** Errors STORE_FAILED: the server lost what was staged, as it does in a crash. The import begins again. */
  async requireWhole(sql: Sql): Promise<void> {
    const [row] = await sql<{ entries: number; withdrawals: number }>(
      `SELECT (SELECT count(*) FROM staged_entry WHERE import = $1) AS entries,
         (SELECT count(*) FROM staged_withdrawal WHERE import = $1) AS withdrawals`,
      [this.id],
    );
    const { entries, withdrawals } = row!;
    if (entries !== this.entries || withdrawals !== this.withdrawals)
      throw new AppError('STORE_FAILED', { why: 'the server lost the staged rows', entries, of: this.entries });
  }
}

/** Note that an import runs. */
export async function noteRun(sql: Sql, id: string): Promise<void> {
  await sql(
    `INSERT INTO import_run (import, until) VALUES ($1, now() + interval '${RUN_MINUTES} minutes')
     ON CONFLICT (import) DO UPDATE SET until = excluded.until`,
    [id],
  );
}

/** Keep what an import has staged from a sweep, to the end of the transaction. Errors STORE_FAILED: it has been swept. */
export async function holdRun(sql: Sql, id: string): Promise<void> {
  const held = await sql('UPDATE import_run SET until = until WHERE import = $1 AND until >= now() RETURNING 1', [id]);
  if (held.length === 0) throw new AppError('STORE_FAILED', { why: 'the import made no progress for an hour' });
}

const STAGED = ['staged_entry', 'staged_withdrawal'];
/** Of a part of a held version. */
const IS_USED = 'EXISTS (SELECT 1 FROM list_version WHERE list_version.import = held_part.import)';

/** Forget what an import left beside its version. */
export async function forgetRun(sql: Sql, id: string): Promise<void> {
  await sql('DELETE FROM import_run WHERE import = $1', [id]);
  for (const table of STAGED) await deleteInSteps(sql, table, 'import = $1', [id]);
  await deleteInSteps(sql, 'held_part', `import = $1 AND NOT ${IS_USED}`, [id]);
}

/** Forget what imports left that were killed. */
export async function sweepStaged(sql: Sql): Promise<void> {
  // Waits for one that is held, and finds it extended. Rows without a run are left also where this is interrupted.
  await sql('DELETE FROM import_run WHERE until < now()');
  const isLeft = (table: string) => `NOT EXISTS (SELECT 1 FROM import_run AS run WHERE run.import = ${table}.import)`;
  for (const table of STAGED) await deleteInSteps(sql, table, isLeft(table), []);
  await deleteInSteps(sql, 'held_part', `${isLeft('held_part')} AND NOT ${IS_USED}`, []);
}
