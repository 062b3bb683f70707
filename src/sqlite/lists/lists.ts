/**
 * Lists and their entries in SQLite. An import is one transaction on its own connection: readers see the old list until
 * the commit, and a killed import has no effect.
 */

import { AppError } from '../../core/errors.js';
import { NAME_CHARACTERS_MAX } from '../../core/limits.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS, type Algorithm, type ListInfo } from '../../core/vocabulary.js';
import type {
  Changes,
  EntryChange,
  EntryFilter,
  FeedPosition,
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
import type { Vault } from '../../vault/vault.js';
import { beginPatiently, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { checksumOf } from './checksum.js';
import { openListsDatabase, storeIdOf } from './database.js';
import { hasEntrySince } from './fresh-entries.js';
import { type EntryRow, type ListRow, raiseGeneration, rowOf, toEntry, toInfo, toTerms } from './list-rows.js';
import { forgetHeld, heldRows, noteVersion, pastRows, versionsOf, writeHeld } from './versions.js';
import { changeEntries, MARKS, writeRows } from './write-entries.js';

/** Rows per read batch: some 15 milliseconds, mostly for unsealing the values. */
const ROWS_PER_BATCH = 5_000;
/** Page cache of an import: values arrive in random order, so writes touch the whole index (70 MB for a million). */
const IMPORT_CACHE_KIB = 262_144;
const LIST_NAME = new RegExp(`^[a-z0-9][a-z0-9._-]{0,${NAME_CHARACTERS_MAX - 1}}$`);

export class SqliteLists implements ListStore {
  readonly #db: Sqlite;
  readonly #vault: Vault;
  readonly #dataDir: string;
  readonly #onDamaged: (entryKey: number) => void;
  readonly #entryByKey: Statement<[number], EntryRow & { readonly quarantined: number }>;
  readonly #pastByKey: Statement<[number], EntryRow & { readonly quarantined: number }>;

  /** `onDamaged`: called for each entry whose value cannot be unsealed; it is left out of the snapshot. */
  constructor(db: Sqlite, vault: Vault, dataDir: string, onDamaged: (entryKey: number) => void) {
    this.#db = db;
    this.#vault = vault;
    this.#onDamaged = onDamaged;
    this.#entryByKey = db.prepare(
      'SELECT entry.*, list.name FROM entry JOIN list ON list.id = entry.list_id WHERE entry.id = ?',
    );
    this.#pastByKey = db.prepare(
      `SELECT past_entry.*, list.name, 0 AS quarantined FROM past_entry JOIN list ON list.id = past_entry.list_id
       WHERE entry_key = ? ORDER BY until DESC LIMIT 1`,
    );
    this.#dataDir = dataDir;
  }

  async lists(): Promise<ListInfo[]> {
    return guarded(() => this.#db.prepare<[], ListRow>('SELECT * FROM list ORDER BY name').all().map(toInfo));
  }

  async list(name: string): Promise<ListInfo | null> {
    return (await this.lists()).find((list) => list.list === name) ?? null;
  }

  async createList({ list, kind, ...settings }: NewList): Promise<ListInfo> {
    if (!LIST_NAME.test(list)) throw new AppError('REQUEST_INVALID', { field: 'list', expected: String(LIST_NAME) });
    return this.#change(() => {
      const { changes } = this.#db
        .prepare(
          `INSERT OR IGNORE INTO list
             (name, kind, enabled, radius_bits, match_low_quality, version, rejected, duplicates, checksum, counts)
           VALUES (?, ?, 1, ?, ?, 0, 0, 0, '', '{}')`,
        )
        .run(list, kind, settings.radiusBits, settings.matchLowQuality ? 1 : 0);
      if (changes === 0) throw new AppError('REQUEST_INVALID', { field: 'list', why: 'the list exists already' });
      return this.#update(list, settings);
    });
  }

  async updateList(name: string, change: ListChange): Promise<ListInfo> {
    return this.#change(() => this.#update(name, change));
  }

  #update(name: string, change: ListChange): ListInfo {
    const now = { ...toInfo(rowOf(this.#db, name)), ...change };
    this.#db
      .prepare('UPDATE list SET enabled = ?, radius_bits = ?, match_low_quality = ?, terms = ? WHERE name = ?')
      .run(now.enabled ? 1 : 0, now.radiusBits, now.matchLowQuality ? 1 : 0, toTerms(now), name);
    return toInfo(rowOf(this.#db, name));
  }

  /** Entries need no removals: readers drop those of a missing list. */
  removeList(name: string, { onlyUnused = false } = {}): Promise<void> {
    return this.#change(() => {
      const row = rowOf(this.#db, name);
      const { id } = row;
      if (onlyUnused && versionsOf(this.#db, row).length > 0) return;
      this.#db.prepare('DELETE FROM entry WHERE list_id = ?').run(id);
      forgetHeld(this.#db, this.#dataDir, id);
      for (const table of ['also_listed', 'past_entry', 'list_version', 'list_source', 'disabled_value']) {
        this.#db.prepare(`DELETE FROM ${table} WHERE list_id = ?`).run(id);
      }
      this.#db.prepare('DELETE FROM list WHERE id = ?').run(id);
    });
  }

  replaceEntries(name: string, rows: AsyncIterable<ParsedRow>, options: WriteOptions = {}): Promise<ImportReport> {
    return this.#write(name, rows, 'replace', options);
  }

  addEntries(name: string, rows: AsyncIterable<ParsedRow>, options: WriteOptions = {}): Promise<ImportReport> {
    return this.#write(name, rows, 'add', options);
  }

  async versions(name: string): Promise<readonly VersionInfo[]> {
    return guarded(() => versionsOf(this.#db, rowOf(this.#db, name)));
  }

  async versionRows(name: string, version: number): Promise<AsyncIterable<ParsedRow>> {
    return guarded(() => {
      const list = rowOf(this.#db, name);
      const isHeld = versionsOf(this.#db, list).some((one) => one.state === 'held' && one.version === version);
      return isHeld ? heldRows(this.#vault, this.#dataDir, list.id) : pastRows(this.#db, this.#vault, list, version);
    });
  }

  async source(name: string): Promise<SourceInfo | null> {
    return guarded(() => {
      const { id } = rowOf(this.#db, name);
      const read = this.#db.prepare<[number], { source: string }>('SELECT source FROM list_source WHERE list_id = ?');
      const row = read.get(id);
      return row ? (JSON.parse(row.source) as SourceInfo) : null;
    });
  }

  setSource(name: string, source: SourceInfo | null): Promise<void> {
    return writeWithRetry(this.#db, () => {
      const { id } = rowOf(this.#db, name);
      if (source === null) this.#db.prepare('DELETE FROM list_source WHERE list_id = ?').run(id);
      else this.#db.prepare('INSERT OR REPLACE INTO list_source VALUES (?, ?)').run(id, JSON.stringify(source));
    });
  }

  dropHeld(name: string): Promise<void> {
    return writeWithRetry(this.#db, () => {
      const { id } = rowOf(this.#db, name);
      if (!forgetHeld(this.#db, this.#dataDir, id)) throw new AppError('NOT_FOUND', { list: name, state: 'held' });
    });
  }

  async quarantined(): Promise<readonly QuarantinedEntry[]> {
    return guarded(() =>
      this.#db
        .prepare<[number], { list: string; entryId: string; decided: number }>(
          `SELECT list.name AS list, entry.entry_id AS entryId, max(entry.quarantined = ?) AS decided
           FROM entry JOIN list ON list.id = entry.list_id
           WHERE entry.quarantined > 0 GROUP BY list.name, entry.entry_id ORDER BY list, entryId`,
        )
        .all(MARKS.quarantine)
        .map(({ list, entryId, decided }) => ({ list, entryId, flooded: decided === 0 })),
    );
  }

  changeEntries(name: string, which: EntryFilter, change: EntryChange): Promise<number> {
    return writeWithRetry(this.#db, () => changeEntries(this.#db, name, which, change));
  }

  async changes(since: FeedPosition | null): Promise<Changes | null> {
    return guarded(() => {
      // One read transaction, for consistent lists, keys and removals.
      const at = this.#db.transaction(() => {
        const one = (sql: string) => this.#db.prepare<[], { value: number | null }>(sql).get()?.value ?? 0;
        const position: FeedPosition = {
          storeId: storeIdOf(this.#db),
          generation: one(`SELECT value FROM meta WHERE name = 'generation'`),
          entryKey: one('SELECT max(id) AS value FROM entry'),
          removal: one(`SELECT seq AS value FROM sqlite_sequence WHERE name = 'removal'`),
        };
        const forgotten = one('SELECT min(seq) AS value FROM removal');
        const removed = since
          ? this.#db
              .prepare<[number], { entry_key: number; algorithm: number }>(
                'SELECT entry_key, algorithm FROM removal WHERE seq > ?',
              )
              .all(since.removal)
          : [];
        const lists = this.#db.prepare<[], ListRow>('SELECT * FROM list ORDER BY name').all();
        return { position, removed, lists, forgotten };
      })();
      if (since && since.storeId !== at.position.storeId) return null;
      if (since && at.position.removal > since.removal && at.forgotten > since.removal + 1) return null;
      return {
        position: { ...at.position, entryKey: Math.max(at.position.entryKey, since?.entryKey ?? 0) },
        lists: at.lists.map((row) => ({ listKey: row.id, info: toInfo(row) })),
        removed: at.removed.map(({ entry_key, algorithm }) => ({
          entryKey: entry_key,
          algorithm: ALGORITHMS[algorithm]!,
        })),
        added: () => this.#entries(since?.entryKey ?? 0, at.position.entryKey),
      };
    });
  }

  async *#entries(after: number, last: number): AsyncGenerator<readonly StoredValue[]> {
    const read = this.#db.prepare<
      [number, number, number],
      Pick<EntryRow, 'id' | 'algorithm' | 'value'> & { list_id: number }
    >(
      `SELECT id, list_id, algorithm, value FROM entry
       WHERE id > ? AND id <= ? AND disabled = 0 ORDER BY id LIMIT ?`,
    );
    for (;;) {
      const rows = guarded(() => read.all(after, last, ROWS_PER_BATCH));
      if (rows.length === 0) return;
      after = rows.at(-1)!.id;
      yield rows.flatMap(({ id, list_id, algorithm, value }) => {
        const opened = this.#opened(id, algorithm, value);
        return opened ? [{ entryKey: id, listKey: list_id, algorithm: ALGORITHMS[algorithm]!, value: opened }] : [];
      });
      // A large list takes seconds to read; yield to requests in between.
      await new Promise(setImmediate);
    }
  }

  /** One flipped bit on the disk must not stop a service: the rest of the list still matches. */
  #opened(entryKey: number, algorithm: number, sealed: Buffer): Buffer | null {
    try {
      return this.#vault.open(algorithm, sealed);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'SEALED_DAMAGED')) throw error;
      this.#onDamaged(entryKey);
      return null;
    }
  }

  async entriesByKeys(entryKeys: readonly number[]): Promise<ReadonlyMap<number, StoredEntry>> {
    const entries = new Map<number, StoredEntry>();
    for (const entryKey of entryKeys) {
      // A query that began before an import removed the entry still needs it.
      const row = guarded(() => this.#entryByKey.get(entryKey) ?? this.#pastByKey.get(entryKey));
      if (row === undefined) continue;
      const { quarantined: mark } = row;
      const marks = { quarantined: mark === MARKS.quarantine, flooded: mark === MARKS.flood };
      entries.set(entryKey, { ...toEntry(this.#vault, row), ...marks });
    }
    return entries;
  }

  hasEntrySince(listKey: number, algorithm: Algorithm, sinceMs: number): Promise<boolean> {
    return hasEntrySince(this.#db, listKey, ALGORITHMS.indexOf(algorithm), sinceMs);
  }

  async generation(): Promise<number> {
    return guarded(
      () => this.#db.prepare<[], { value: number }>(`SELECT value FROM meta WHERE name = 'generation'`).get()!.value,
    );
  }

  async verify(name: string): Promise<{ ok: boolean; entryCount: number; checksum: string }> {
    return guarded(() => {
      const row = rowOf(this.#db, name);
      const checksum = checksumOf(this.#db, row.id);
      return { ok: row.version === 0 || checksum === row.checksum, entryCount: toInfo(row).entryCount, checksum };
    });
  }

  async #write(
    name: string,
    rows: AsyncIterable<ParsedRow>,
    mode: 'replace' | 'add',
    { origin = null, review = () => [], once = false, confirm = async () => {} }: WriteOptions,
  ): Promise<ImportReport> {
    const db = openListsDatabase(this.#dataDir);
    try {
      guarded(() => db.pragma(`cache_size = -${IMPORT_CACHE_KIB}`));
      await beginPatiently(db);
      // Another process may have rotated the key; until the commit none can.
      this.#vault.refresh();
      const made = once ? versionsOf(db, rowOf(db, name)).find((version) => version.origin === origin) : undefined;
      if (made) {
        db.exec('ROLLBACK');
        return { ...made, deleted: 0, firstRejected: [] };
      }
      const { report: written, draft, listId, checksum } = await writeRows(db, this.#vault, name, rows, mode);
      const held = review(draft);
      await confirm();
      const report = { ...written, held };
      if (held.length === 0) {
        guarded(() => {
          forgetHeld(db, this.#dataDir, listId);
          noteVersion(db, listId, report, { origin, checksum, isHeld: false });
          db.exec('COMMIT');
        });
        return report;
      }
      await writeHeld(db, this.#vault, this.#dataDir, listId);
      guarded(() => db.exec('ROLLBACK'));
      await writeWithRetry(db, () => noteVersion(db, listId, report, { origin, checksum, isHeld: true }));
      return report;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      // Errors of the rows (unreadable file, bad header) pass; SQLite's become STORE_FAILED.
      return guarded(() => {
        throw error;
      });
    } finally {
      db.close();
    }
  }

  #change<T>(write: () => T): Promise<T> {
    return writeWithRetry(this.#db, () => {
      const result = write();
      raiseGeneration(this.#db);
      return result;
    });
  }
}
