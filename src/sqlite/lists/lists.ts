/**
 * Lists and their entries in SQLite. An import is one transaction on its own connection: readers see the old list until
 * the commit, and a killed import has no effect.
 */
import { systemClock } from '../../core/clock.js';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS, type Algorithm, type ListInfo } from '../../core/vocabulary.js';
import { nameTaken } from '../../store/list-name.js';
import { MARKS, toEntry } from '../../store/lists/entry-row.js';
import { heldOf, staysHeld } from '../../store/lists/kept-versions.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import { type ListRow, toInfo } from '../../store/lists/list-row.js';
import type {
  Changes,
  EntryChange,
  EntryFilter,
  EntryLine,
  EntryPage,
  FeedPosition,
  HeldEntry,
  ImportMode,
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
import type { Vault } from '../../vault/vault.js';
import { beginPatiently, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { prepared } from '../statements.js';
import { damaged, requireTotals, SUM_OF_SUMS, sound, wholeTable } from '../sums.js';
import { type HeldRow, isSoundEntry, type PastRow, type RawEntry } from './checksum.js';
import { ENTRY, ENTRY_PART_KEYS, LIST, LIST_SOURCE, metaOf, PAST_ENTRY, REMOVAL, REMOVED_LIST } from './database.js';
import { entryKeys, entryPage } from './entry-page.js';
import { partOf } from './entry-table.js';
import { addTo, areTotals, type EntryTotal } from './entry-totals.js';
import { hasEntrySince } from './fresh-entries.js';
import { endAt, type FeedEnd, presentPosition, raiseGeneration } from './generations.js';
import { rowOf } from './list-rows.js';
import { addList, makeMissing, setList, setName } from './list-settings.js';
import { onOwnConnection } from './own-connection.js';
import { removalsBetween } from './removals.js';
import { sweepRemoved, takeList } from './remove-list.js';
import { forgetHeld, heldRows, noteVersion, pastRows, renumberHeld, versionsOf, writeHeld } from './versions.js';
import { changeEntries, entriesOf, writeRows } from './write-entries.js';

/** Rows per read batch: some 15 milliseconds, mostly for unsealing the values. */
const ROWS_PER_BATCH = 5_000;
/** Called with each damaged row that is left out: its table, and what names it there. */
export type OnDamaged = (damage: { readonly table: string; readonly row: string | number }) => void;

/** A count reads ten million rows in a second. */
const COUNTED_EVERY_MS = 10_000;

export class SqliteLists implements ListStore {
  readonly #db: Sqlite;
  readonly #vault: Vault;
  readonly #dataDir: string;
  readonly #onDamaged: OnDamaged;
  readonly #entryByKey: Statement<[number], HeldRow>;
  readonly #pastByKey: Statement<[number], PastRow>;
  /** Time of the last count of all entries. */
  #countedMs = -COUNTED_EVERY_MS;

  /** `onDamaged`: called for each damaged entry, which is left out of the snapshot. */
  constructor(db: Sqlite, vault: Vault, dataDir: string, onDamaged: OnDamaged) {
    this.#db = db;
    this.#vault = vault;
    this.#onDamaged = onDamaged;
    this.#entryByKey = db.prepare('SELECT * FROM entry WHERE id = ?');
    this.#pastByKey = db.prepare('SELECT * FROM past_entry WHERE entry_key = ? ORDER BY until DESC LIMIT 1');
    this.#dataDir = dataDir;
  }

  async lists(): Promise<ListInfo[]> {
    return guarded(() => this.#lists().map(toInfo));
  }

  /** Read without an index, which could hide a row. Errors STORE_DAMAGED. */
  #lists(): ListRow[] {
    return wholeTable<ListRow>(this.#db, LIST).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async list(name: string): Promise<ListInfo | null> {
    return (await this.lists()).find((list) => list.list === name) ?? null;
  }

  async createList(list: NewList): Promise<ListInfo> {
    return this.#change(() => {
      if (!addList(this.#db, list)) throw nameTaken();
      return toInfo(rowOf(this.#db, list.list));
    });
  }

  async updateList(name: string, change: ListChange): Promise<ListInfo> {
    return this.#change(() => setList(this.#db, name, change));
  }

  async renameList(name: string, to: string, sourceAs?: (source: SourceInfo) => SourceInfo): Promise<ListInfo> {
    if (name === to) return guarded(() => toInfo(rowOf(this.#db, name)));
    return this.#change(() => {
      const info = setName(this.#db, name, to);
      const { id } = rowOf(this.#db, to);
      const source = sourceAs && this.#sourceOf(id);
      if (source) this.#putSource(id, sourceAs(source));
      return info;
    });
  }

  /** Entries need no removals: readers drop those of a missing list. */
  async removeList(name: string): Promise<void> {
    const rows = await this.#change(() => {
      const { id } = rowOf(this.#db, name);
      forgetHeld(this.#db, this.#dataDir, id);
      return takeList(this.#db, id);
    });
    await sweepRemoved(this.#db, this.#dataDir, rows);
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
    return guarded(() => this.#sourceOf(rowOf(this.#db, name).id));
  }

  async entry(name: string, entryId: string): Promise<readonly HeldEntry[]> {
    return guarded(() => {
      const { id } = rowOf(this.#db, name);
      const names = new Map([[id, name]]);
      return entriesOf(this.#db, id, { entryId }).map((row) => {
        return { ...this.#toStored(row, names), disabled: row.disabled === 1 };
      });
    });
  }

  async entryKeys(name: string, entryIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return guarded(() => entryKeys(this.#db, rowOf(this.#db, name).id, entryIds));
  }

  async entryPage(name: string, page: EntryPage): Promise<readonly EntryLine[]> {
    return guarded(() => entryPage(this.#db, rowOf(this.#db, name).id, page));
  }

  #sourceOf(id: number): SourceInfo | null {
    const read = this.#db.prepare<[number], { source: string }>('SELECT * FROM list_source WHERE list_id = ?');
    const row =
      read.get(id) ??
      wholeTable<{ list_id: number; source: string }>(this.#db, LIST_SOURCE).find((one) => one.list_id === id);
    return row ? sourceOf(sound(LIST_SOURCE, row).source) : null;
  }

  #putSource(id: number, source: SourceInfo): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO list_source (list_id, source) VALUES (?, ?)')
      .run(id, JSON.stringify(source));
  }

  setSource(name: string, source: SourceInfo | null, { ifIs }: { readonly ifIs?: SourceInfo } = {}): Promise<boolean> {
    return writeWithRetry(this.#db, () => {
      const { id } = rowOf(this.#db, name);
      if (ifIs !== undefined && JSON.stringify(this.#sourceOf(id)) !== JSON.stringify(ifIs)) return false;
      if (source === null) this.#db.prepare('DELETE FROM list_source WHERE list_id = ?').run(id);
      else this.#putSource(id, source);
      return true;
    });
  }

  dropHeld(name: string, importedAt?: string): Promise<void> {
    return writeWithRetry(this.#db, () => {
      const list = rowOf(this.#db, name);
      heldOf(versionsOf(this.#db, list), name, importedAt);
      forgetHeld(this.#db, this.#dataDir, list.id);
    });
  }

  async quarantined(): Promise<readonly QuarantinedEntry[]> {
    return guarded(() => {
      const names = new Map(this.#lists().map(({ id, name }) => [id, name]));
      const rows = this.#db.prepare<[], HeldRow>('SELECT * FROM entry WHERE quarantined <> 0').all();
      const entries = new Map<string, QuarantinedEntry>();
      for (const row of rows) {
        const { list_id, entry_id: entryId, quarantined } = sound(ENTRY, row);
        const list = names.get(list_id);
        if (list === undefined) throw damaged(LIST, list_id);
        const key = JSON.stringify([list, entryId]);
        // One value that a person quarantined is a decision on the entry.
        const flooded = quarantined === MARKS.flood && (entries.get(key)?.flooded ?? true);
        entries.set(key, { list, entryId, flooded });
      }
      return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
    });
  }

  changeEntries(name: string, which: EntryFilter, change: EntryChange): Promise<number> {
    return writeWithRetry(this.#db, () => changeEntries(this.#db, name, which, change));
  }

  async changes(since: FeedPosition | null): Promise<Changes | null> {
    // One read transaction, for consistent lists and numbers.
    const read = this.#db.transaction(() => {
      const begin: FeedEnd | null = since ? endAt(this.#db, since) : { entryKey: 0, removal: 0 };
      return { begin, ...presentPosition(this.#db), lists: this.#lists() };
    });
    const { begin, end, position, lists } = guarded(read);
    if (begin === null) return null;
    const removed = since ? await removalsBetween(this.#db, begin.removal, end.removal) : [];
    if (removed === null) return null;
    return {
      position,
      lists: lists.map((row) => ({ listKey: row.id, info: toInfo(row) })),
      removed,
      added: () => this.#entries(begin.entryKey, end.entryKey),
    };
  }

  async *#entries(since: number, last: number): AsyncGenerator<readonly StoredValue[]> {
    let after = since;
    const read = this.#db
      .prepare<[number, number, number], RawEntry>('SELECT * FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?')
      .raw();
    if (after >= last) return;
    const isWhole = since === 0;
    const generation = guarded(() => metaOf(this.#db, 'generation'));
    const found = new Map<number, EntryTotal>();
    for (;;) {
      const rows = guarded(() => read.all(after, last, ROWS_PER_BATCH));
      if (rows.length === 0) {
        const from = isWhole ? 0 : Math.floor((since + 1) / ENTRY_PART_KEYS);
        if (!isWhole) await this.#addParts(found, from, last);
        this.#requireTotals(found, from, generation);
        return;
      }
      after = rows.at(-1)![0];
      const values: StoredValue[] = [];
      for (const row of rows) {
        const [id, listId, algorithm, sealed, , , , disabled, , , sum] = row;
        if (isWhole) addTo(found, partOf({ list_id: listId, id }), { rows: 1, sum });
        const value = isSoundEntry(row) ? this.#opened(id, algorithm, sealed) : this.#damaged(id);
        if (value === null || disabled === 1) continue;
        values.push({ entryKey: id, listKey: listId, algorithm: ALGORITHMS[algorithm]!, value });
      }
      yield values;
      // A large list takes seconds to read; yield to requests in between.
      await new Promise(setImmediate);
    }
  }

  /** Add the stored sums of all entries in the parts with new ones, where a reader has read only these: one may be lost. */
  async #addParts(found: Map<number, EntryTotal>, from: number, last: number): Promise<void> {
    const read = this.#db.prepare<[number, number], { part: number } & EntryTotal>(
      `SELECT ${ENTRY.part!.replaceAll('row.', '')} AS part, count(*) AS rows, ${SUM_OF_SUMS} AS sum FROM entry
       WHERE id >= ? AND id < ? GROUP BY 1`,
    );
    for (let first = from * ENTRY_PART_KEYS; first <= last; first += ENTRY_PART_KEYS) {
      const parts = guarded(() => read.all(first, first + ENTRY_PART_KEYS));
      for (const { part, ...total } of parts) addTo(found, part, total);
      await new Promise(setImmediate);
    }
  }

  /** One flipped bit on the disk must not stop a service: the rest of the list still matches. */
  #opened(entryKey: number, algorithm: number, sealed: Buffer): Buffer | null {
    try {
      return this.#vault.open(algorithm, sealed);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'SEALED_DAMAGED')) throw error;
      return this.#damaged(entryKey);
    }
  }

  #damaged(entryKey: number): null {
    this.#onDamaged({ table: 'entry', row: entryKey });
    return null;
  }

  /**
   * Report lists that have lost or doubled entries, from a part on. After a change by another writer the totals are not those of
   * the read.
   */
  #requireTotals(read: ReadonlyMap<number, EntryTotal>, from: number, generation: number): void {
    guarded(() => {
      if (metaOf(this.#db, 'generation') !== generation) return;
      for (const { id, name } of this.#lists()) {
        if (!areTotals(this.#db, id, read, from)) this.#onDamaged({ table: 'list', row: name });
      }
    });
  }

  async entriesByKeys(entryKeys: readonly number[]): Promise<ReadonlyMap<number, StoredEntry>> {
    // One read transaction, so that an entry, its list and its removal are of one state.
    const read = this.#db.transaction(() => {
      const names = new Map<number, string>();
      const rows = entryKeys.map((key) => ({ key, row: this.#entryByKey.get(key) }));
      this.#requireRemoved(rows.flatMap(({ key, row }) => (row ? [] : [key])));
      return new Map(
        rows.flatMap(({ key, row }): [number, StoredEntry][] => {
          if (row) return [[key, this.#toStored(sound(ENTRY, row), names)]];
          // A query that began before an import removed the entry still needs it.
          const past = this.#pastByKey.get(key);
          if (!past) return [];
          if (sound(PAST_ENTRY, past).is_damaged === 1) throw damaged(ENTRY, key);
          return [[key, this.#toStored({ ...past, quarantined: MARKS.release }, names)]];
        }),
      );
    });
    return guarded(read);
  }

  /** `names`: of the lists that were read already. Errors STORE_DAMAGED. */
  #toStored(row: HeldRow, names: Map<number, string>): StoredEntry {
    const name = names.get(row.list_id) ?? this.#nameOf(row.list_id);
    names.set(row.list_id, name);
    const marks = { quarantined: row.quarantined === MARKS.quarantine, flooded: row.quarantined === MARKS.flood };
    return { ...toEntry(this.#vault, { ...row, name }), ...marks };
  }

  #nameOf(listId: number): string {
    const row = prepared<[number], ListRow>(this.#db, 'SELECT * FROM list WHERE id = ?').get(listId);
    // A list is removed together with its entries.
    if (!row) throw damaged(LIST, listId);
    return sound(LIST, row).name;
  }

  /** Errors STORE_DAMAGED: an entry is not in its table, and its removal is not on record. */
  #requireRemoved(entryKeys: readonly number[]): void {
    if (entryKeys.length === 0) return;
    // The newest first: those who ask for a removed entry began before its removal.
    const removals = prepared<[string, number], { entry_key: number }>(
      this.#db,
      'SELECT * FROM removal WHERE entry_key IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT ?',
    ).all(JSON.stringify(entryKeys), entryKeys.length);
    const removed = new Set(removals.map((row) => sound(REMOVAL, row).entry_key));
    const lists = wholeTable<{ first_key: number; last_key: number }>(this.#db, REMOVED_LIST);
    const last = metaOf(this.#db, 'last_entry_key');
    for (const key of entryKeys) {
      const isOfRemovedList = lists.some(({ first_key, last_key }) => first_key <= key && key <= last_key);
      if (removed.has(key) || key > last) continue;
      if (!isOfRemovedList) throw damaged(ENTRY, key);
      this.#requireNeighbours(key);
      this.#requireEntries();
    }
  }

  /** Read what is beside a missing row: where its key is damaged, the row is there. Errors STORE_DAMAGED. */
  #requireNeighbours(entryKey: number): void {
    for (const order of ['<= ? ORDER BY id DESC', '> ? ORDER BY id']) {
      const row = prepared<[number], HeldRow>(this.#db, `SELECT * FROM entry WHERE id ${order} LIMIT 1`).get(entryKey);
      if (row) sound(ENTRY, row);
    }
  }

  /**
   * Count the table: the keys of a removed list lie around some of other lists, of which damage may have hidden one. Not each time: for
   * seconds after its removal a large list is asked for by every query that began before.
   * Errors  STORE_DAMAGED.
   */
  #requireEntries(): void {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - this.#countedMs < COUNTED_EVERY_MS) return;
    requireTotals(this.#db, ENTRY);
    this.#countedMs = nowMs;
  }

  hasEntrySince(listKey: number, algorithm: Algorithm, sinceMs: number): Promise<boolean> {
    return hasEntrySince(this.#db, listKey, ALGORITHMS.indexOf(algorithm), sinceMs);
  }

  async generation(): Promise<number> {
    return guarded(() => metaOf(this.#db, 'generation'));
  }

  async verify(name: string): Promise<{ ok: boolean; entryCount: number; checksum: string }> {
    return guarded(() => {
      const list = rowOf(this.#db, name);
      const checksum = new ListChecksum();
      const found = new Map<number, EntryTotal>();
      const rows = this.#db.prepare<[number], RawEntry>('SELECT * FROM entry WHERE list_id = ?').raw();
      let areSound = true;
      for (const row of rows.iterate(list.id)) {
        const [id, listId, algorithm, value, entry_id, attributes, notes, , , , sum] = row;
        checksum.add({ algorithm, value, entry_id, attributes, notes });
        // The checksum of the import does not cover an entry's marks.
        areSound &&= isSoundEntry(row);
        addTo(found, partOf({ list_id: listId, id }), { rows: 1, sum });
      }
      const isCurrent = list.version === 0 || checksum.toHex() === list.checksum;
      const ok = isCurrent && areSound && areTotals(this.#db, list.id, found, 0);
      return { ok, entryCount: toInfo(list).entryCount, checksum: checksum.toHex() };
    });
  }

  #write(
    name: string,
    rows: AsyncIterable<ParsedRow>,
    mode: ImportMode,
    {
      origin = null,
      review = () => [],
      once = false,
      expectedRows = 0,
      confirm = async () => {},
      create,
      approves = false,
      restores = 0,
    }: WriteOptions,
  ): Promise<ImportReport> {
    return onOwnConnection(this.#dataDir, async (db) => {
      const begin = async () => {
        await beginPatiently(db);
        // Another process may have rotated the key; until the commit none can.
        this.#vault.refresh();
        if (create) makeMissing(db, { ...create, list: name });
      };
      await begin();
      const made = once ? versionsOf(db, rowOf(db, name)).find((version) => version.origin === origin) : undefined;
      if (made) {
        db.exec('ROLLBACK');
        return { ...made, deleted: 0, firstRejected: [] };
      }
      const {
        report: written,
        draft,
        listId,
        checksum,
      } = await writeRows(db, this.#vault, name, rows, {
        mode,
        expectedRows,
        restores,
      });
      const held = review(draft);
      await confirm();
      const report = { ...written, held };
      if (held.length === 0) {
        const before = versionsOf(db, rowOf(db, name)).find(({ state }) => state === 'held');
        if (before && staysHeld(before, mode, { origin, approves })) renumberHeld(db, listId, report.version + 1);
        else forgetHeld(db, this.#dataDir, listId);
        noteVersion(db, listId, report, { origin, checksum, isHeld: false, mode });
        db.exec('COMMIT');
        return report;
      }
      db.exec('ROLLBACK');
      await begin();
      const { id } = rowOf(db, name);
      await writeHeld(this.#vault, this.#dataDir, id, { rows, count: draft.rows });
      noteVersion(db, id, report, { origin, checksum, isHeld: true, mode });
      db.exec('COMMIT');
      return report;
    });
  }

  #change<T>(write: () => T): Promise<T> {
    return writeWithRetry(this.#db, () => {
      const result = write();
      raiseGeneration(this.#db);
      return result;
    });
  }
}
