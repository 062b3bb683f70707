/** Lists and their entries in PostgreSQL. */
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { ALGORITHMS, type Algorithm, type ListInfo } from '../../core/vocabulary.js';
import { nameTaken } from '../../store/list-name.js';
import { type EntryRow, MARKS, toEntry, updatedAtOf } from '../../store/lists/entry-row.js';
import { heldOf } from '../../store/lists/kept-versions.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import { toInfo } from '../../store/lists/list-row.js';
import type {
  Changes,
  EntryChange,
  EntryFilter,
  EntryLine,
  EntryPage,
  FeedPosition,
  HeldEntry,
  ImportReport,
  ListChange,
  ListStore,
  NewList,
  QuarantinedEntry,
  SourceInfo,
  StoredEntry,
  StoredValue,
  VersionInfo,
  WriteOptions,
} from '../../store/lists-contract.js';
import { sourceOf } from '../../store/source-row.js';
import type { Database, Sql } from '../database.js';
import { deleteInSteps } from '../rows.js';
import { changeEntries, entriesOf } from './change-entries.js';
import type { DataKeys } from './data-keys.js';
import { entryPage } from './entry-page.js';
import { keyAt, lockStore, presentEnd, raiseGeneration } from './generations.js';
import { Imports } from './import.js';
import { removalsSince } from './removals.js';
import { damaged, type HeldRow, listOf, type PostgresListRow, ROWS_PER_BATCH } from './rows.js';
import { addList, setList, setName } from './settings.js';
import { forgetHeld, rowsOf, versionsOf } from './versions.js';

/** Called with each damaged row that is left out: its table, and what names it there. */
export type OnDamaged = (damage: { readonly table: string; readonly row: string | number }) => void;

export class PostgresLists implements ListStore {
  readonly #database: Database;
  readonly #keys: DataKeys;
  readonly #imports: Imports;
  readonly #onDamaged: OnDamaged;
  readonly #read: Sql;

  constructor(database: Database, keys: DataKeys, onDamaged: OnDamaged) {
    this.#database = database;
    this.#keys = keys;
    this.#imports = new Imports(database, keys);
    this.#onDamaged = onDamaged;
    this.#read = (text, values) => database.read(text, values);
  }

  async lists(): Promise<ListInfo[]> {
    return (await this.#read<PostgresListRow>('SELECT * FROM list ORDER BY name')).map(toInfo);
  }

  async list(name: string): Promise<ListInfo | null> {
    return (await this.lists()).find((list) => list.list === name) ?? null;
  }

  createList(list: NewList): Promise<ListInfo> {
    return this.#database.write(async (sql) => {
      const row = await addList(sql, list);
      if (row === null) throw nameTaken();
      return toInfo(row);
    });
  }

  updateList(name: string, change: ListChange): Promise<ListInfo> {
    return this.#database.write(async (sql) => toInfo(await setList(sql, name, change)));
  }

  async renameList(
    name: string,
    to: string,
    sourceAs: (source: SourceInfo) => SourceInfo = (source) => source,
  ): Promise<ListInfo> {
    const list = await listOf(this.#read, name);
    return this.#database.writeOnce(async (sql) => toInfo(await setName(sql, list, to, sourceAs)));
  }

  /** Entries need no removals: readers drop those of a missing list. They are deleted after it, in steps. */
  async removeList(name: string): Promise<void> {
    await this.#database.write(async (sql) => {
      const { id, first_key, last_key } = await listOf(sql, name, 'FOR UPDATE');
      await lockStore(sql);
      await forgetHeld(sql, id);
      for (const table of ['list_version', 'disabled_entry', 'feedback'])
        await sql(`DELETE FROM ${table} WHERE list_id = $1`, [id]);
      await sql('INSERT INTO removed_list (list_id, first_key, last_key) VALUES ($1, $2, $3)', [
        id,
        first_key,
        last_key,
      ]);
      await sql('DELETE FROM list WHERE id = $1', [id]);
      await raiseGeneration(sql);
    });
    await sweepRemoved(this.#database);
  }

  replaceEntries(name: string, rows: AsyncIterable<ParsedRow>, options: WriteOptions = {}): Promise<ImportReport> {
    return this.#imports.run(name, rows, 'replace', options);
  }

  addEntries(name: string, rows: AsyncIterable<ParsedRow>, options: WriteOptions = {}): Promise<ImportReport> {
    return this.#imports.run(name, rows, 'add', options);
  }

  versions(name: string): Promise<readonly VersionInfo[]> {
    return this.#database.snapshot(async (sql) => versionsOf(sql, await listOf(sql, name)));
  }

  async versionRows(name: string, version: number): Promise<AsyncIterable<ParsedRow>> {
    return rowsOf(this.#database, this.#keys, await listOf(this.#read, name), version);
  }

  async source(name: string): Promise<SourceInfo | null> {
    const { source } = await listOf(this.#read, name);
    return source === null ? null : sourceOf(source);
  }

  setSource(name: string, source: SourceInfo | null, { ifIs }: { readonly ifIs?: SourceInfo } = {}): Promise<boolean> {
    return this.#database.write(async (sql) => {
      const row = await listOf(sql, name, 'FOR UPDATE');
      const now = row.source === null ? null : sourceOf(row.source);
      if (ifIs !== undefined && JSON.stringify(now) !== JSON.stringify(ifIs)) return false;
      await sql('UPDATE list SET source = $2 WHERE id = $1', [row.id, source === null ? null : JSON.stringify(source)]);
      return true;
    });
  }

  async entry(name: string, entryId: string): Promise<readonly HeldEntry[]> {
    const rows = await this.#database.snapshot(async (sql) => {
      const { id } = await listOf(sql, name);
      return entriesOf(sql, id, { entryId });
    });
    await this.#keys.learn(rows);
    return rows.map((row) => ({ ...this.#toStored({ ...row, name }), disabled: row.disabled === 1 }));
  }

  async entryKeys(name: string, entryIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.snapshot(async (sql) => {
      const { id } = await listOf(sql, name);
      return sql<{ entry_id: string; key: number }>(
        `SELECT entry_id, min(id) AS key FROM entry WHERE list_id = $1 AND entry_id = ANY($2::text[]) GROUP BY entry_id`,
        [id, entryIds],
      );
    });
    return new Map(rows.map(({ entry_id, key }) => [entry_id, key]));
  }

  entryPage(name: string, page: EntryPage): Promise<readonly EntryLine[]> {
    return this.#database.snapshot(async (sql) => entryPage(sql, (await listOf(sql, name)).id, page));
  }

  dropHeld(name: string, importedAt?: string): Promise<void> {
    return this.#database.write(async (sql) => {
      const list = await listOf(sql, name, 'FOR UPDATE');
      heldOf(await versionsOf(sql, list), name, importedAt);
      await forgetHeld(sql, list.id);
    });
  }

  async quarantined(): Promise<readonly QuarantinedEntry[]> {
    // One value that a person quarantined is a decision on the entry.
    return this.#read<QuarantinedEntry>(
      `SELECT list.name AS list, entry_id AS "entryId", bool_and(quarantined = ${MARKS.flood}) AS flooded
       FROM entry JOIN list ON list.id = list_id WHERE quarantined <> 0 GROUP BY list.name, entry_id
       ORDER BY list.name, entry_id`,
    );
  }

  changeEntries(name: string, which: EntryFilter, change: EntryChange): Promise<number> {
    return this.#database.write((sql) => changeEntries(sql, name, which, change));
  }

  async generation(): Promise<number> {
    const [row] = await this.#read<{ generation: number }>('SELECT generation FROM store');
    return row!.generation;
  }

  async changes(since: FeedPosition | null): Promise<Changes | null> {
    const found = await this.#database.snapshot(async (sql) => {
      const { position, entryKey: last } = await presentEnd(sql);
      const first = since === null ? 0 : await keyAt(sql, since);
      if (first === null) return null;
      const lists = await sql<PostgresListRow>('SELECT * FROM list ORDER BY name');
      const removed = since === null ? [] : await removalsSince(sql, since.generation);
      return removed === null ? null : { position, first, last, lists, removed };
    });
    if (found === null) return null;
    const { position, first, last, lists, removed } = found;
    return {
      position,
      lists: lists.map((row) => ({ listKey: row.id, info: toInfo(row) })),
      removed,
      added: () => this.#added(first, last),
    };
  }

  async *#added(since: number, last: number): AsyncGenerator<readonly StoredValue[]> {
    for (let after = since; after < last; ) {
      const rows = await this.#read<HeldRow>(
        'SELECT id, list_id, algorithm, value, disabled FROM entry WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3',
        [after, last, ROWS_PER_BATCH],
      );
      if (rows.length === 0) return;
      after = rows.at(-1)!.id;
      await this.#keys.learn(rows);
      const values: StoredValue[] = [];
      for (const row of rows) {
        const value = row.disabled === 1 ? null : this.#opened(row);
        if (value !== null)
          values.push({ entryKey: row.id, listKey: row.list_id, algorithm: ALGORITHMS[row.algorithm]!, value });
      }
      yield values;
    }
  }

  /** One damaged value must not stop a service: the rest of the list still matches. */
  #opened({ id, algorithm, value }: HeldRow): Buffer | null {
    try {
      return this.#keys.vault.open(algorithm, value);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'SEALED_DAMAGED')) throw error;
      this.#onDamaged({ table: 'entry', row: id });
      return null;
    }
  }

  async entriesByKeys(entryKeys: readonly number[]): Promise<ReadonlyMap<number, StoredEntry>> {
    type Row = EntryRow & { readonly id: number; readonly quarantined: number };
    const { held, past } = await this.#database.snapshot(async (sql) => {
      const held = await sql<Row>(
        'SELECT entry.*, list.name FROM entry JOIN list ON list.id = list_id WHERE entry.id = ANY ($1::int8[])',
        [entryKeys],
      );
      const missing = entryKeys.filter((key) => !held.some(({ id }) => id === key));
      // A query that began before an import removed the entry still needs it.
      const past =
        missing.length === 0
          ? []
          : await sql<Row>(
              `SELECT DISTINCT ON (entry_key) past_entry.*, entry_key AS id, ${MARKS.release} AS quarantined, list.name
               FROM past_entry JOIN list ON list.id = list_id WHERE entry_key = ANY ($1::int8[])
               ORDER BY entry_key, until DESC`,
              [missing],
            );
      await requireRemoved(
        sql,
        missing.filter((key) => !past.some(({ id }) => id === key)),
      );
      return { held, past };
    });
    const rows = [...held, ...past];
    await this.#keys.learn(rows);
    const byKey = new Map(rows.map((row) => [row.id, row]));
    return new Map(
      entryKeys.flatMap((key) => {
        const row = byKey.get(key);
        return row === undefined ? [] : [[key, this.#toStored(row)] as const];
      }),
    );
  }

  #toStored(row: EntryRow & { readonly quarantined: number }): StoredEntry {
    const marks = { quarantined: row.quarantined === MARKS.quarantine, flooded: row.quarantined === MARKS.flood };
    return { ...toEntry(this.#keys.vault, row), ...marks };
  }

  async hasEntrySince(listKey: number, algorithm: Algorithm, sinceMs: number): Promise<boolean> {
    const place = ALGORITHMS.indexOf(algorithm);
    for (let after = { entry_id: '', id: 0 }; ; ) {
      const rows = await this.#read<HeldRow>(
        `SELECT id, entry_id, algorithm, attributes, disabled FROM entry
         WHERE list_id = $1 AND (entry_id, id) > ($2, $3::int8) ORDER BY entry_id, id LIMIT $4`,
        [listKey, after.entry_id, after.id, ROWS_PER_BATCH],
      );
      if (rows.length === 0) return false;
      after = rows.at(-1)!;
      const counts = (row: HeldRow) => {
        const updatedAt = updatedAtOf(row);
        return updatedAt === null || Date.parse(updatedAt) >= sinceMs;
      };
      if (rows.some((row) => row.algorithm === place && row.disabled === 0 && counts(row))) return true;
    }
  }

  verify(name: string): Promise<{ ok: boolean; entryCount: number; checksum: string }> {
    return this.#database.readLong(async (sql) => {
      const list = await listOf(sql, name);
      const checksum = new ListChecksum();
      let active = 0;
      for (let after = { entry_id: '', id: 0 }; ; ) {
        const rows = await sql<HeldRow>(
          'SELECT * FROM entry WHERE list_id = $1 AND (entry_id, id) > ($2, $3::int8) ORDER BY entry_id, id LIMIT $4',
          [list.id, after.entry_id, after.id, ROWS_PER_BATCH],
        );
        if (rows.length === 0) break;
        after = rows.at(-1)!;
        for (const row of rows) {
          checksum.add(row);
          active += 1 - row.disabled;
        }
      }
      const { entryCount } = toInfo(list);
      const isCurrent = list.version === 0 || checksum.toHex() === list.checksum;
      return { ok: isCurrent && active === entryCount, entryCount, checksum: checksum.toHex() };
    });
  }
}

/** Errors STORE_DAMAGED: an entry is not in its table, and its removal is not on record. */
async function requireRemoved(sql: Sql, keys: readonly number[]): Promise<void> {
  if (keys.length === 0) return;
  const [lost] = await sql<{ key: number }>(
    `SELECT key FROM unnest($1::int8[]) AS missing (key) CROSS JOIN store
     WHERE key <= last_entry_key AND NOT EXISTS (SELECT 1 FROM removal WHERE entry_key = key)
       AND NOT EXISTS (SELECT 1 FROM removed_list WHERE key BETWEEN first_key AND last_key)
     LIMIT 1`,
    [keys],
  );
  if (lost !== undefined) throw damaged('entry', lost.key);
}

/** Delete the rows of removed lists, in steps. What an interrupted removal left goes with the next one. */
async function sweepRemoved(database: Database): Promise<void> {
  const lists = await database.read<{ list_id: number }>('SELECT list_id FROM removed_list');
  const ids = lists.map(({ list_id }) => list_id);
  const sql: Sql = (text, values) => database.statement(text, values ?? []);
  for (const table of ['entry', 'past_entry', 'withdrawal'])
    await deleteInSteps(sql, table, 'list_id = ANY ($1::int4[])', [ids]);
}
