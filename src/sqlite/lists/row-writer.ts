/**
 * Rows of one import, written to a list's entries inside the caller's transaction.
 *
 * An entry is what a source says under one id: some values. Of one import's rows those with the latest time of the source form
 * it. In a list that is added to, an entry that comes again replaces what it held, unless the list has a newer statement. A row
 * that the list had before keeps its key, so that a daily import changes as little as the list did.
 */
import type { EntryStamp, ParsedRow, Tombstone } from '../../core/parsed-row.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS, DIGEST_ALGORITHMS } from '../../core/vocabulary.js';
import { ImportCounts } from '../../store/import-rules.js';
import type { ImportMode } from '../../store/lists-contract.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { damaged, isSound, wholeTable } from '../sums.js';
import { type Checked, type HeldRow, sumOfEntry } from './checksum.js';
import { DISABLED_ENTRY, ENTRY, LIST } from './database.js';
import type { EntryTable, NewRow } from './entry-table.js';
import { KeySet } from './key-set.js';
import { type ListRow, sealNotes, toAttributes, toInfo, updatedAtOf } from './list-rows.js';
import type { SealedRow, SealedValue } from './seal-rows.js';
import { BY_VALUE } from './seal-values.js';
import { msOf, Withdrawals } from './withdrawals.js';

type AcceptedRow = Extract<ParsedRow, { ok: true }>;
type RefusedRow = Extract<ParsedRow, { ok: false }>;

interface ImportTarget {
  readonly listId: number;
  /** The version that the import makes. */
  readonly version: number;
  readonly mode: ImportMode;
}

export class RowWriter {
  readonly counts = new ImportCounts();
  readonly #table: EntryTable;
  readonly #vault: Vault;
  readonly #target: ImportTarget;
  readonly #withdrawals: Withdrawals;
  readonly #disabled: DisabledEntries;
  readonly #knownGood: KnownGood;
  readonly #ofId: Statement<[number, string], HeldRow>;
  readonly #ofValue: Statement<[number, number, Buffer], HeldRow>;
  readonly #ofIdentity: Statement<[number, number, Buffer, string], HeldRow>;
  readonly #keys: Statement<[number], number>;
  readonly #byKey: Statement<[number], HeldRow>;
  /** Entries that this import has named. */
  readonly #seen = new KeySet();
  /** Keys of values that their entries lose, unless a later row of the import names them again. */
  readonly #doubted = new Set<number>();
  /** No entry of the list has an id that a source gave. */
  #hasMadeUpAlone: boolean;
  readonly #disabledGone: HeldRow[] = [];
  readonly #firstNewKey: number;
  readonly #hadEntries: boolean;

  constructor(db: Sqlite, vault: Vault, target: ImportTarget, table: EntryTable) {
    const { listId, mode } = target;
    this.#vault = vault;
    this.#target = target;
    this.#table = table;
    this.#firstNewKey = table.nextKey;
    this.#hasMadeUpAlone = isMadeUpAlone(db, listId);
    this.#hadEntries = db.prepare('SELECT 1 FROM entry WHERE list_id = ? LIMIT 1').get(listId) !== undefined;
    if (mode === 'replace') db.prepare('DELETE FROM withdrawal WHERE list_id = ?').run(listId);
    this.#withdrawals = new Withdrawals(db, target);
    this.#disabled = new DisabledEntries(db, listId, ({ algorithm, value }) =>
      this.#ofValue.all(listId, algorithm, value).some((row) => row.disabled === 1),
    );
    this.#knownGood = new KnownGood(db, listId);
    this.#ofId = db.prepare('SELECT * FROM entry WHERE list_id = ? AND entry_id = ?');
    this.#ofValue = db.prepare(`SELECT * FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE}`);
    this.#ofIdentity = db.prepare(
      `SELECT * FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE} AND entry_id = ?`,
    );
    this.#keys = db.prepare<[number], number>('SELECT id FROM entry WHERE list_id = ?').pluck();
    this.#byKey = db.prepare('SELECT * FROM entry WHERE id = ?');
  }

  write({ row, seal }: SealedRow): void {
    if (row.ok) this.#accept(row, seal!);
    else this.#refuse(row);
  }

  /** Remove what the import has left out. */
  finish(): void {
    const { listId, mode } = this.#target;
    for (const key of this.#doubted) this.#drop(key, true);
    if (mode === 'replace') {
      for (const key of this.#keys.all(listId)) if (!this.#seen.has(key)) this.#drop(key, false);
    }
    for (const row of this.#disabledGone) this.#disableHeirs(row);
  }

  #drop(key: number, wasCounted: boolean): void {
    const row = this.#byKey.get(key);
    if (!row) throw damaged(ENTRY, key);
    this.#table.remove(row, this.#target.version, wasCounted);
    this.counts.removed++;
    if (row.disabled === 1) this.#disabledGone.push(row);
  }

  /** Disable the entries that came by this import in the place of a disabled one. */
  #disableHeirs({ algorithm, value }: HeldRow): void {
    const rows = this.#ofValue.all(this.#target.listId, algorithm, value);
    if (rows.some(({ disabled }) => disabled === 1)) return;
    for (const row of rows.filter(({ id }) => id >= this.#firstNewKey)) {
      this.#table.rewrite(row, { disabled: 1 }, null);
      this.#disabled.note(row);
    }
  }

  get knownGood(): number {
    return this.#knownGood.count;
  }

  #refuse(row: RefusedRow): void {
    if (row.gone) this.counts.deleted += this.#withdraw(row.gone);
    else if (row.of && this.#openEntry(row.of) === null) {
      this.counts.reject({ line: row.line, reason: 'outdated' });
      return;
    }
    this.counts.reject(row);
  }

  #accept(row: AcceptedRow, seal: SealedValue): void {
    const { entry } = row;
    const sealed = this.#entryOf(row, seal);
    const atMs = msOf(entry.updatedAt);
    if (this.#withdrawals.cover(sealed.entry_id, atMs) || this.#withdrawals.cover(seal.madeId, atMs)) {
      this.counts.reject({ line: row.line, reason: 'not_active' });
      return;
    }
    const isMadeUp = entry.entryId === '';
    if (isMadeUp && this.#restate(sealed)) return;
    // The entry of such a row is the value: it has one row at most.
    const known = isMadeUp && this.#hadEntries ? this.#held(sealed) : undefined;
    if (isMadeUp && known === undefined && this.#addNew(sealed)) return;
    const stamp = { entryId: sealed.entry_id, ...(entry.updatedAt === null ? {} : { at: entry.updatedAt }) };
    const held = this.#openEntry(stamp, known && [known]);
    if (held === null) {
      this.counts.reject({ line: row.line, reason: 'outdated' });
      return;
    }
    this.#place(sealed, held);
  }

  #look(entry: Checked): void {
    this.counts.value(entry);
    this.#knownGood.look(entry);
  }

  /** A value whose list gives it no id any more keeps the entry that it has. Return false where it has none. */
  #restate(entry: Checked): boolean {
    if (this.#hasMadeUpAlone) return false;
    const { listId, mode } = this.#target;
    const rows = this.#ofValue.all(listId, entry.algorithm, entry.value);
    const [first] = rows;
    if (first === undefined || rows.some(({ entry_id }) => entry_id === entry.entry_id)) return false;
    this.#look(entry);
    if (mode === 'add' || this.#seen.has(first.id)) {
      this.#doubted.delete(first.id);
      this.counts.duplicates++;
    } else
      this.#bring(first, { ...entry, entry_id: first.entry_id, since: this.#target.version, disabled: first.disabled });
    return true;
  }

  #entryOf({ entry }: AcceptedRow, { value, madeId }: SealedValue): Checked {
    const { algorithm, entryId } = entry;
    if (entryId !== '' && !entryId.startsWith(MADE_UP)) this.#hasMadeUpAlone = false;
    return {
      algorithm: ALGORITHMS.indexOf(algorithm),
      value,
      // The disk stores half a surrogate pair as U+FFFD; convert it before the checksum.
      entry_id: entryId === '' ? madeId : Buffer.from(entryId).toString(),
      attributes: toAttributes(entry),
      notes: sealNotes(this.#vault, entry),
    };
  }

  /**
   * Take note that the import speaks of an entry: values that it held by an older statement are doubted. `rows`: those that it has.
   * Result: them; null where the list has a newer statement.
   */
  #openEntry(
    { entryId, at }: EntryStamp,
    rows: readonly HeldRow[] = this.#ofId.all(this.#target.listId, entryId),
  ): readonly HeldRow[] | null {
    const { mode } = this.#target;
    if (rows.length === 0) return rows;
    const atMs = msOf(at);
    const named = rows.filter(({ id }) => this.#seen.has(id) && !this.#doubted.has(id));
    // A list that is replaced holds what the file says, whatever it held.
    const current = named.length > 0 || mode === 'replace' ? named : rows;
    const latestMs = latestOf(current);
    if (atMs !== null && latestMs !== null && atMs < latestMs) return null;
    const isNewer = named.length > 0 && atMs !== null && latestMs !== null && atMs > latestMs;
    if (isNewer) for (const { id } of named) this.#doubted.add(id);
    if (mode === 'add') for (const { id } of rows) if (!this.#seen.has(id)) this.#doubted.add(id);
    return rows;
  }

  #rowOf(entry: Checked): NewRow {
    return { ...entry, since: this.#target.version, disabled: this.#disabled.has(entry) ? 1 : 0 };
  }

  /**
   * A list that is replaced may give its values other ids, such as numbers of rows: then they keep their keys, and change their
   * ids. Return false where no value waits for an id. A disabled one is left to `#disableHeirs`.
   */
  #takeOver(entry: Checked): boolean {
    const { listId, mode } = this.#target;
    if (mode === 'add' || !this.#hadEntries) return false;
    const rows = this.#ofValue.all(listId, entry.algorithm, entry.value);
    const isNamed = rows.some(({ entry_id }) => entry_id === entry.entry_id);
    const free = rows.find((row) => row.disabled === 0 && !this.#seen.has(row.id));
    if (isNamed || free === undefined || this.#disabled.has(entry)) return false;
    this.#look(entry);
    this.#bring(free, this.#rowOf(entry));
    return true;
  }

  #held({ algorithm, value, entry_id }: Checked): HeldRow | undefined {
    return this.#ofIdentity.get(this.#target.listId, algorithm, value, entry_id);
  }

  /** Return false if the list has the entry. */
  #addNew(entry: Checked): boolean {
    if (this.#takeOver(entry)) return true;
    const key = this.#table.add(this.#rowOf(entry));
    if (key === null) return false;
    this.#look(entry);
    this.#seen.add(key);
    this.counts.added++;
    this.counts.accepted++;
    return true;
  }

  /** `held`: the rows of the entry. */
  #place(entry: Checked, held: readonly HeldRow[]): void {
    const before = held.find((one) => isSameValue(one, entry)) ?? null;
    if (before === null && this.#addNew(entry)) return;
    // An index that finds a row by another value, or id, than it has: it is damaged.
    const found = before ?? this.#held(entry);
    if (!found) throw damaged(ENTRY, 'index');
    this.#look(entry);
    this.#bring(found, this.#rowOf(entry));
  }

  /** Carry a value that the list has into this version. */
  #bring(held: HeldRow, row: NewRow): void {
    const { version, mode } = this.#target;
    const isNamedAgain = this.#seen.has(held.id);
    const wasDoubted = this.#doubted.delete(held.id);
    this.#seen.add(held.id);
    if (sumOfEntry(held) !== held.sum) {
      this.#table.repair(held, row);
      this.counts.accepted++;
      return;
    }
    if (!isNamedAgain) this.#table.keep(held);
    const isSame =
      held.entry_id === row.entry_id && held.attributes === row.attributes && isSameNotes(held.notes, row.notes);
    if ((isNamedAgain && !wasDoubted) || (isSame && mode === 'add')) {
      this.counts.duplicates++;
      return;
    }
    this.counts.accepted++;
    if (isSame) return;
    const { entry_id, attributes, notes } = row;
    // A disabled entry is not kept as past, so it stays in every version that had it, and stays disabled there.
    const since = held.disabled === 1 ? held.since : version;
    this.#table.rewrite(held, { entry_id, attributes, notes, since }, version);
    this.counts.updated++;
  }

  /** Result: the number of entries that went. */
  #withdraw(gone: Tombstone): number {
    const { listId, version } = this.#target;
    const atMs = msOf(gone.at);
    const rows = 'entryId' in gone ? this.#ofId.all(listId, gone.entryId) : this.#rowsOfValue(gone);
    if (atMs !== null) this.#withdrawals.note('entryId' in gone ? gone.entryId : this.#idOfValue(gone), atMs);
    const going = rows.filter((row) => {
      if (!isSound(ENTRY, row)) throw damaged(ENTRY, row.id);
      const updatedMs = msOf(updatedAtOf(row));
      return atMs === null || updatedMs === null || updatedMs <= atMs;
    });
    for (const row of going) {
      this.#table.remove(row, version, this.#target.mode === 'add' || this.#seen.has(row.id));
      this.#doubted.delete(row.id);
    }
    return going.length;
  }

  #rowsOfValue({ algorithm, value }: Extract<Tombstone, { value: string }>): HeldRow[] {
    const label = ALGORITHMS.indexOf(algorithm);
    return this.#ofValue.all(this.#target.listId, label, this.#vault.seal(label, Buffer.from(value, 'hex')));
  }

  #idOfValue({ algorithm, value }: Extract<Tombstone, { value: string }>): string {
    return this.#vault.madeUpId(ALGORITHMS.indexOf(algorithm), Buffer.from(value, 'hex'));
  }
}

const isSameValue = (a: Checked, b: Checked) =>
  a.algorithm === b.algorithm && a.value.compare(b.value, 0, VALUE_NAME_BYTES, 0, VALUE_NAME_BYTES) === 0;

const isSameNotes = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b));

function latestOf(rows: readonly HeldRow[]): number | null {
  let latest: number | null = null;
  for (const row of rows) {
    const ms = msOf(updatedAtOf(row));
    if (ms !== null && (latest === null || ms > latest)) latest = ms;
  }
  return latest;
}

/** The ids before and after all that the vault makes up. */
const MADE_UP = 'made-';
const AFTER_MADE_UP = 'made.';

function isMadeUpAlone(db: Sqlite, listId: number): boolean {
  const other = db.prepare(
    `SELECT 1 FROM entry WHERE list_id = @listId AND entry_id < '${MADE_UP}'
     UNION ALL SELECT 1 FROM entry WHERE list_id = @listId AND entry_id >= '${AFTER_MADE_UP}' LIMIT 1`,
  );
  return other.get({ listId }) === undefined;
}

/**
 * Disabled entries stay disabled, also when a list drops them and brings them again, by whatever id: a value whose disabled
 * entries are gone is disabled in the entries that come in their place. Beside a disabled entry another one is on its own.
 */
class DisabledEntries {
  readonly #identities = new Set<string>();
  readonly #values = new Set<string>();
  readonly #isHeld: (entry: Checked) => boolean;
  readonly #note: Statement<[number, number, Buffer, string]>;

  /** `isHeld`: whether the list has a disabled entry of the same value. */
  constructor(db: Sqlite, listId: number, isHeld: (entry: Checked) => boolean) {
    this.#isHeld = isHeld;
    this.#note = db.prepare(
      'INSERT OR IGNORE INTO disabled_entry (list_id, algorithm, value, entry_id) VALUES (?, ?, ?, ?)',
    );
    const rows = wholeTable<Pick<Checked, 'algorithm' | 'value' | 'entry_id'> & { list_id: number }>(
      db,
      DISABLED_ENTRY,
    );
    for (const row of rows) {
      if (row.list_id !== listId) continue;
      this.#identities.add(`${nameOf(row)} ${row.entry_id}`);
      this.#values.add(nameOf(row));
    }
  }

  has(entry: Checked): boolean {
    if (this.#values.size === 0) return false;
    const name = nameOf(entry);
    return this.#identities.has(`${name} ${entry.entry_id}`) || (this.#values.has(name) && !this.#isHeld(entry));
  }

  note({ list_id, algorithm, value, entry_id }: HeldRow): void {
    this.#note.run(list_id, algorithm, value, entry_id);
  }
}

const nameOf = ({ algorithm, value }: Pick<Checked, 'algorithm' | 'value'>) =>
  `${algorithm} ${value.toString('latin1', 0, VALUE_NAME_BYTES)}`;

/** Counts digests that a suppression list has too: equal values have equal seals. */
class KnownGood {
  count = 0;
  readonly #lists: readonly { readonly id: number; readonly algorithms: ReadonlySet<number> }[];
  readonly #find: Statement<[number, number, Buffer]>;

  constructor(db: Sqlite, listId: number) {
    this.#lists = wholeTable<ListRow>(db, LIST)
      .filter(({ id, kind }) => kind === 'suppression' && id !== listId)
      .map((row) => {
        const counts = toInfo(row).entriesByAlgorithm;
        const digests = DIGEST_ALGORITHMS.filter((algorithm) => (counts[algorithm] ?? 0) > 0);
        return { id: row.id, algorithms: new Set(digests.map((algorithm) => ALGORITHMS.indexOf(algorithm))) };
      })
      .filter(({ algorithms }) => algorithms.size > 0);
    this.#find = db.prepare(`SELECT 1 FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE} LIMIT 1`);
  }

  look({ algorithm, value }: Checked): void {
    for (const { id, algorithms } of this.#lists) {
      if (algorithms.has(algorithm) && this.#find.get(id, algorithm, value) !== undefined) this.count++;
    }
  }
}
