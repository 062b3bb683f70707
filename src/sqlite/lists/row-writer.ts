/**
 * Rows of one import, written to a list's entries inside the caller's transaction.
 *
 * An entry is what a source says under one id: some values. Of one import's rows those with the latest time of the source form
 * it. In a list that is added to, an entry that comes again replaces what it held, unless the list has a newer statement. A row
 * that the list had before keeps its key, so that a daily import changes as little as the list did.
 */
import type { EntryStamp, ParsedRow, Tombstone } from '../../core/parsed-row.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import { ImportCounts } from '../../store/import-rules.js';
import type { ImportMode } from '../../store/lists-contract.js';
import type { Vault } from '../../vault/vault.js';
import { damaged, isSound } from '../sums.js';
import { type Checked, type HeldRow, sumOfEntry } from './checksum.js';
import { ENTRY } from './database.js';
import { DisabledEntries, nameOf } from './disabled-entries.js';
import { type EntryLookup, isSameValue } from './entry-lookup.js';
import type { EntryTable, NewRow } from './entry-table.js';
import { KeySet } from './key-set.js';
import type { KnownGood } from './known-good.js';
import { sealNotes, toAttributes, updatedAtOf } from './list-rows.js';
import type { SealedRow, SealedValue } from './seal-rows.js';
import { msOf, Withdrawals } from './withdrawals.js';

type AcceptedRow = Extract<ParsedRow, { ok: true }>;
/** What is said of an entry, and when by the source's clock. */
type EntryStatement = Pick<EntryStamp, 'entryId'> & { readonly at?: string | null };
/** The rows of an entry; `many` are not read. */
type EntryRows = readonly HeldRow[] | 'many';
type RefusedRow = Extract<ParsedRow, { ok: false }>;

/** The table, and how its rows are found. */
interface EntryAccess {
  readonly table: EntryTable;
  readonly lookup: EntryLookup;
  /** The list had entries before the import. */
  readonly hadEntries: boolean;
  readonly knownGood: KnownGood;
}

/** Rows from which on those of an entry, or of a value, are read once and not again for each of them. */
const MANY_ROWS = 64;

/** What an import has said so far of an entry with many rows. */
interface LargeEntry {
  latestMs: number | null;
  /** Keys of the rows that form it. */
  named: number[];
}

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
  readonly #lookup: EntryLookup;
  readonly #keys: Statement<[number], number>;
  readonly #byKey: Statement<[number], HeldRow>;
  /** Entries that this import has named. */
  readonly #seen = new KeySet();
  /** Keys of values that their entries lose, unless a later row of the import names them again. */
  readonly #doubted = new Set<number>();
  /** No entry of the list has an id that a source gave. */
  #hasMadeUpAlone: boolean;
  readonly #large = new Map<string, LargeEntry>();
  /** By value: many rows of which none is named yet, the first one last. */
  readonly #free = new Map<string, HeldRow[]>();
  /** By value: a row of it that was disabled and is gone. */
  readonly #disabledGone = new Map<string, HeldRow>();
  readonly #firstNewKey: number;
  readonly #hadEntries: boolean;

  constructor(db: Sqlite, vault: Vault, target: ImportTarget, { table, lookup, hadEntries, knownGood }: EntryAccess) {
    const { listId, mode } = target;
    this.#vault = vault;
    this.#target = target;
    this.#table = table;
    this.#lookup = lookup;
    this.#firstNewKey = table.nextKey;
    this.#hasMadeUpAlone = isMadeUpAlone(db, listId);
    this.#hadEntries = hadEntries;
    if (mode === 'replace') db.prepare('DELETE FROM withdrawal WHERE list_id = ?').run(listId);
    this.#withdrawals = new Withdrawals(db, target);
    this.#disabled = new DisabledEntries(db, listId, lookup);
    this.#knownGood = knownGood;
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
      const left: number[] = [];
      // Nothing is written while they are read.
      for (const key of this.#keys.iterate(listId)) if (!this.#seen.has(key)) left.push(key);
      for (const key of left) this.#drop(key, false);
    }
    for (const row of this.#disabledGone.values()) this.#disableHeirs(row);
  }

  #drop(key: number, wasCounted: boolean): void {
    const row = this.#byKey.get(key);
    if (!row) throw damaged(ENTRY, key);
    this.#table.remove(row, this.#target.version, wasCounted);
    this.counts.removed++;
    if (row.disabled === 1) this.#disabledGone.set(nameOf(row), row);
  }

  /** Disable the entries that came by this import in the place of a disabled one. */
  #disableHeirs(gone: HeldRow): void {
    const rows = this.#lookup.ofValue(gone);
    if (rows.some(({ disabled }) => disabled === 1)) return;
    for (const row of rows.filter(({ id }) => id >= this.#firstNewKey)) {
      this.#table.rewrite(row, { disabled: 1 }, null);
      this.#disabled.note(row);
    }
  }

  #refuse(row: RefusedRow): void {
    if (row.gone) this.counts.deleted += this.#withdraw(row.gone);
    else if (row.of && this.#openEntry(row.of, () => this.#lookup.ofId(row.of!.entryId)) === null) {
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
    const held = this.#openEntry(
      { entryId: sealed.entry_id, at: entry.updatedAt },
      // The entry of such a row is the value: it has one row at most.
      () => (isMadeUp ? this.#held(sealed) : this.#lookup.ofId(sealed.entry_id)),
    );
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
    const { mode } = this.#target;
    const rows = this.#lookup.ofValue(entry);
    const [first] = rows;
    if (first === undefined || rows.some(({ entry_id }) => entry_id === entry.entry_id)) return false;
    this.#look(entry);
    if (mode === 'add' || this.#seen.has(first.id)) {
      if (this.#doubted.delete(first.id)) this.#large.delete(first.entry_id);
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
      entry_id: entryId === '' ? madeId : entryId.toWellFormed(),
      attributes: toAttributes(entry),
      notes: sealNotes(this.#vault, entry),
    };
  }

  /**
   * Take note that the import speaks of an entry: values that it held by an older statement are doubted. `rowsOf`: reads its rows.
   * Result: them; null where the list has a newer statement.
   */
  #openEntry({ entryId, at }: EntryStatement, rowsOf: () => readonly HeldRow[]): EntryRows | null {
    const { mode } = this.#target;
    const atMs = msOf(at);
    const large = this.#large.get(entryId);
    if (large !== undefined) return this.#openLarge(large, atMs);
    const rows = rowsOf();
    if (rows.length === 0) return rows;
    const named = rows.filter(({ id }) => this.#seen.has(id) && !this.#doubted.has(id));
    // A list that is replaced holds what the file says, whatever it held.
    const current = named.length > 0 || mode === 'replace' ? named : rows;
    const latestMs = latestOf(current);
    if (isOlder(atMs, latestMs)) return null;
    const isNewer = named.length > 0 && isOlder(latestMs, atMs);
    if (isNewer) for (const { id } of named) this.#doubted.add(id);
    if (mode === 'add') for (const { id } of rows) if (!this.#seen.has(id)) this.#doubted.add(id);
    if (rows.length >= MANY_ROWS)
      this.#large.set(entryId, { latestMs: atMs ?? latestMs, named: isNewer ? [] : named.map(({ id }) => id) });
    return rows;
  }

  #openLarge(entry: LargeEntry, atMs: number | null): EntryRows | null {
    if (isOlder(atMs, entry.latestMs)) return null;
    if (isOlder(entry.latestMs, atMs)) {
      for (const key of entry.named) this.#doubted.add(key);
      entry.named = [];
    }
    entry.latestMs = atMs ?? entry.latestMs;
    return 'many';
  }

  /** A row of an entry is part of this version. */
  #name(key: number, entryId: string): void {
    this.#seen.add(key);
    this.#large.get(entryId)?.named.push(key);
  }

  #rowOf(entry: Checked, isDisabled: boolean): NewRow {
    // Named one by one: copies by spread take a tenth of an import.
    const { algorithm, value, entry_id, attributes, notes } = entry;
    const disabled = isDisabled ? 1 : 0;
    return { algorithm, value, entry_id, attributes, notes, since: this.#target.version, disabled };
  }

  /**
   * A list that is replaced may give its values other ids, such as numbers of rows: then they keep their keys, and change their
   * ids. Return false where no value waits for an id. A disabled one is left to `#disableHeirs`.
   */
  #takeOver(entry: Checked): boolean {
    if (this.#target.mode === 'add' || !this.#hadEntries || this.#disabled.has(entry)) return false;
    const free = this.#freeRow(entry);
    if (free === undefined) return false;
    this.#look(entry);
    this.#bring(free, this.#rowOf(entry, false));
    return true;
  }

  /** The first enabled row of a value that the import has not named. */
  #freeRow(entry: Checked): HeldRow | undefined {
    const name = nameOf(entry);
    const known = this.#free.get(name);
    if (known === undefined) {
      const rows = this.#lookup.ofValue(entry);
      const free = rows.filter((row) => row.disabled === 0 && !this.#seen.has(row.id));
      if (rows.length >= MANY_ROWS) this.#free.set(name, free.toReversed());
      return free[0];
    }
    for (let row = known.at(-1); row !== undefined; row = known.at(-1)) {
      // It may have gone since it was read.
      if (!this.#seen.has(row.id) && this.#byKey.get(row.id) !== undefined) return row;
      known.pop();
    }
    return undefined;
  }

  #held(entry: Checked): readonly HeldRow[] {
    const row = this.#lookup.ofIdentity(entry);
    return row === undefined ? [] : [row];
  }

  /** `held`: the rows of the entry. */
  #place(entry: Checked, held: EntryRows): void {
    const before = held === 'many' ? this.#lookup.ofIdentity(entry) : held.find((one) => isSameValue(one, entry));
    if (before !== undefined) {
      this.#look(entry);
      this.#bring(before, this.#rowOf(entry, before.disabled === 1));
    } else if (!this.#takeOver(entry)) this.#addNew(entry);
  }

  #addNew(entry: Checked): void {
    const key = this.#table.add(this.#rowOf(entry, this.#disabled.has(entry)));
    // The table has it, and finds it neither by its id nor by its value.
    if (key === null) throw damaged(ENTRY, 'index');
    this.#lookup.note(key, entry);
    this.#look(entry);
    this.#name(key, entry.entry_id);
    this.counts.added++;
    this.counts.accepted++;
  }

  /** Carry a value that the list has into this version. */
  #bring(held: HeldRow, row: NewRow): void {
    const { version, mode } = this.#target;
    const isNamedAgain = this.#seen.has(held.id);
    const wasDoubted = this.#doubted.delete(held.id);
    if (!isNamedAgain || wasDoubted) this.#name(held.id, row.entry_id);
    if (sumOfEntry(held) !== held.sum) {
      // Its own marks are not to be trusted.
      this.#table.repair(held, this.#rowOf(row, this.#disabled.has(row)));
      this.#lookup.note(held.id, row);
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
    if (entry_id !== held.entry_id) this.#lookup.note(held.id, row);
    this.counts.updated++;
  }

  /** Result: the number of entries that went. */
  #withdraw(gone: Tombstone): number {
    const { version } = this.#target;
    const atMs = msOf(gone.at);
    const rows = 'entryId' in gone ? this.#lookup.ofId(gone.entryId) : this.#rowsOfValue(gone);
    if (atMs !== null) this.#withdrawals.note('entryId' in gone ? gone.entryId : this.#idOfValue(gone), atMs);
    const going = rows.filter((row) => {
      if (!isSound(ENTRY, row)) throw damaged(ENTRY, row.id);
      const updatedMs = msOf(updatedAtOf(row));
      return atMs === null || updatedMs === null || updatedMs <= atMs;
    });
    for (const row of going) {
      this.#table.remove(row, version, this.#target.mode === 'add' || this.#seen.has(row.id));
      this.#doubted.delete(row.id);
      this.#large.delete(row.entry_id);
      this.#disabled.forget(row);
    }
    return going.length;
  }

  #rowsOfValue({ algorithm, value }: Extract<Tombstone, { value: string }>): HeldRow[] {
    const label = ALGORITHMS.indexOf(algorithm);
    return this.#lookup.ofValue({ algorithm: label, value: this.#vault.seal(label, Buffer.from(value, 'hex')) });
  }

  #idOfValue({ algorithm, value }: Extract<Tombstone, { value: string }>): string {
    return this.#vault.madeUpId(ALGORITHMS.indexOf(algorithm), Buffer.from(value, 'hex'));
  }
}

const isSameNotes = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b));

/** Whether one time is before another: what has no time is neither older nor newer. */
const isOlder = (ms: number | null, thanMs: number | null) => ms !== null && thanMs !== null && ms < thanMs;

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
