/**
 * The rules by which rows of one import change a list's entries, the same for every store.
 *
 * An entry is what a source says under one id: some values. Of one import's rows those with the latest time of the source form
 * it. In a list that is added to, an entry that comes again replaces what it held, unless the list has a newer statement. A row
 * that the list had before keeps its key, so that a daily import changes as little as the list did.
 */
import type { EntryStamp, ParsedRow, Tombstone } from '../../core/parsed-row.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import { isMadeUpId, type Vault } from '../../vault/vault.js';
import { ImportCounts } from '../import-rules.js';
import type { ImportMode } from '../lists-contract.js';
import { DisabledEntries } from './disabled-entries.js';
import { idOf, namesOfId, withdrawnId } from './entry-names.js';
import type { EntryPlace } from './entry-place.js';
import {
  type Checked,
  isSameValue,
  msOf,
  type NewRow,
  nameOf,
  type StoredRow,
  sealNotes,
  updatedAtOf,
  withHeldTime,
} from './entry-row.js';
import { KeySet } from './key-set.js';
import type { SealedRow, SealedValue } from './seal-rows.js';

type AcceptedRow = Extract<ParsedRow, { ok: true }>;
/** What is said of an entry, and when by the source's clock. */
type EntryStatement = Pick<EntryStamp, 'entryId'> & { readonly at?: string | null };
/** The rows of an entry; `many` are not read. */
type EntryRows<Row> = readonly Row[] | 'many';
type RefusedRow = Extract<ParsedRow, { ok: false }>;

/** Rows from which on those of an entry, or of a value, are read once and not again for each of them. */
const MANY_ROWS = 64;

/** What an import has said so far of an entry with many rows. */
interface LargeEntry {
  latestMs: number | null;
  /** Keys of the rows that form it. */
  named: number[];
}

/** The checked part of a row, with its digest where a thread has computed it. */
interface DigestedRow extends Checked {
  readonly digest: Buffer | null;
}

interface ImportTarget {
  /** The version that the import makes. */
  readonly version: number;
  readonly mode: ImportMode;
}

export class ImportWriter<Row extends StoredRow> {
  readonly counts = new ImportCounts();
  readonly #place: EntryPlace<Row>;
  readonly #vault: Vault;
  readonly #target: ImportTarget;
  readonly #disabled: DisabledEntries;
  /** Entries that this import has named. */
  readonly #seen = new KeySet();
  /** Keys of values that their entries lose, unless a later row of the import names them again. */
  readonly #doubted = new Set<number>();
  /** No entry of the list has an id that a source gave. */
  #hasMadeUpAlone: boolean;
  readonly #large = new Map<string, LargeEntry>();
  /** By value: many rows of which none is named yet, the first one last. */
  readonly #free = new Map<string, Row[]>();
  /** By value: a row of it that was disabled and is gone. */
  readonly #disabledGone = new Map<string, Row>();
  readonly #firstNewKey: number;
  /** Positions in the import of the rows that added an entry. */
  readonly #added = new KeySet();
  #position = 0;

  constructor(place: EntryPlace<Row>, vault: Vault, target: ImportTarget) {
    this.#place = place;
    this.#vault = vault;
    this.#target = target;
    this.#firstNewKey = place.nextKey;
    this.#hasMadeUpAlone = place.hasMadeUpAlone;
    this.#disabled = new DisabledEntries(place);
  }

  /** Return whether the row at this position of the import, from 0 on, added an entry. */
  isNew(position: number): boolean {
    return this.#added.has(position);
  }

  async write(rows: readonly SealedRow[]): Promise<void> {
    await this.#place.lookAhead(rows);
    for (const { row, seal } of rows) {
      const { added } = this.counts;
      if (row.ok) this.#accept(row, seal!);
      else this.#refuse(row);
      if (this.counts.added > added) this.#added.add(this.#position);
      this.#position++;
    }
    await this.#place.flush();
  }

  /** Remove what the import has left out. */
  async finish(): Promise<void> {
    const place = this.#place;
    for await (const rows of place.byKeys(this.#doubted)) await this.#drop(rows, true);
    if (this.#target.mode === 'replace')
      for await (const rows of place.allBut(this.#seen)) await this.#drop(rows, false);
    const gone = [...this.#disabledGone.values()];
    await place.lookAheadOfValues(gone);
    for (const row of gone) this.#disableHeirs(row);
    await place.flush();
  }

  async #drop(rows: readonly Row[], wasCounted: boolean): Promise<void> {
    for (const row of rows) {
      this.#place.remove(row, this.#target.version, wasCounted);
      this.counts.removed++;
      if (row.disabled === 1) this.#disabledGone.set(nameOf(row), row);
    }
    await this.#place.flush();
  }

  /** Disable the entries that came by this import in the place of a disabled one. */
  #disableHeirs(gone: Row): void {
    const rows = this.#place.ofValue(gone);
    if (rows.some(({ disabled }) => disabled === 1)) return;
    for (const row of rows.filter(({ id }) => id >= this.#firstNewKey)) {
      this.#place.rewrite(row, { disabled: 1 }, null);
      this.#place.disable(row);
    }
  }

  #refuse(row: RefusedRow): void {
    if (row.gone) this.counts.deleted += this.#withdraw(row.gone);
    else if (row.of && this.#openEntry(row.of, () => this.#ofId(row.of!.entryId)) === null) {
      this.counts.reject({ line: row.line, reason: 'outdated' });
      return;
    }
    this.counts.reject(row);
  }

  #accept(row: AcceptedRow, seal: SealedValue): void {
    const { entry } = row;
    const sealed = this.#entryOf(row, seal);
    const atMs = msOf(entry.updatedAt);
    const isGone = this.#isWithdrawn(withdrawnId(this.#vault, entry.entryId), atMs);
    if (isGone || this.#isWithdrawn(seal.madeId, atMs)) {
      this.counts.reject({ line: row.line, reason: 'not_active' });
      return;
    }
    const isNameless = entry.entryId === '';
    if (isNameless && this.#restate(sealed)) return;
    const held = this.#openEntry(
      { entryId: sealed.entry_id, at: entry.updatedAt },
      // The entry of a row without an id is the value: it has one row at most.
      () => (isNameless ? this.#held(sealed) : this.#ofId(entry.entryId)),
    );
    if (held === null) {
      this.counts.reject({ line: row.line, reason: 'outdated' });
      return;
    }
    this.#settle(sealed, held);
  }

  /**
   * Return whether a statement of `atMs` was withdrawn. One without a time is withdrawn by this import alone: across imports the
   * later arrival is the newer one.
   */
  #isWithdrawn(entryId: string, atMs: number | null): boolean {
    const withdrawal = this.#place.withdrawal(entryId);
    if (withdrawal === undefined) return false;
    return atMs === null ? withdrawal.version === this.#target.version : atMs <= withdrawal.atMs;
  }

  /** The rows of what a source says under an id. */
  #ofId(entryId: string): readonly Row[] {
    const [own, ...others] = namesOfId(this.#vault, entryId);
    const rows = this.#place.ofId(own!);
    return others.length === 0 ? rows : [...rows, ...others.flatMap((name) => this.#place.ofId(name))];
  }

  #look(entry: Checked): void {
    this.counts.value(entry);
    this.#place.look(entry);
  }

  /** A value whose list gives it no id any more keeps the entry that it has. Return false where it has none. */
  #restate(entry: DigestedRow): boolean {
    if (this.#hasMadeUpAlone) return false;
    const { mode } = this.#target;
    const rows = this.#place.ofValue(entry);
    const [first] = rows;
    if (first === undefined || rows.some(({ entry_id }) => entry_id === entry.entry_id)) return false;
    this.#look(entry);
    if (mode === 'add' || this.#seen.has(first.id)) {
      if (this.#doubted.delete(first.id)) this.#large.delete(first.entry_id);
      this.counts.duplicates++;
    } else this.#bring(first, this.#rowOf({ ...entry, entry_id: first.entry_id, digest: null }, first.disabled === 1));
    return true;
  }

  #entryOf({ entry }: AcceptedRow, { value, madeId, attributes, digest }: SealedValue): DigestedRow {
    const { algorithm } = entry;
    const ownId = idOf(this.#vault, entry);
    if (ownId !== '' && !isMadeUpId(ownId)) this.#hasMadeUpAlone = false;
    return {
      algorithm: ALGORITHMS.indexOf(algorithm),
      value,
      entry_id: ownId || madeId,
      attributes,
      notes: sealNotes(this.#vault, entry),
      digest,
    };
  }

  /**
   * Take note that the import speaks of an entry: values that it held by an older statement are doubted. `rowsOf`: reads its rows.
   * Result: them; null where the list has a newer statement.
   */
  #openEntry({ entryId, at }: EntryStatement, rowsOf: () => readonly Row[]): EntryRows<Row> | null {
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

  #openLarge(entry: LargeEntry, atMs: number | null): EntryRows<Row> | null {
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

  #rowOf(entry: DigestedRow, isDisabled: boolean): NewRow {
    // Named one by one: copies by spread take a tenth of an import.
    const { algorithm, value, entry_id, attributes, notes, digest } = entry;
    const disabled = isDisabled ? 1 : 0;
    const since = this.#target.version;
    return { algorithm, value, entry_id, attributes, notes, since, disabled, digest: digest ?? undefined };
  }

  /**
   * A list that is replaced may give its values other ids, such as numbers of rows: then they keep their keys, and change their
   * ids. Return false where no value waits for an id. A disabled one is left to `#disableHeirs`.
   */
  #takeOver(entry: DigestedRow): boolean {
    if (this.#target.mode === 'add' || !this.#place.hadEntries || this.#disabled.has(entry)) return false;
    const free = this.#freeRow(entry);
    if (free === undefined) return false;
    this.#look(entry);
    this.#bring(free, this.#rowOf(entry, false));
    return true;
  }

  /** The first enabled row of a value that the import has not named. */
  #freeRow(entry: Checked): Row | undefined {
    const name = nameOf(entry);
    const known = this.#free.get(name);
    if (known === undefined) {
      const rows = this.#place.ofValue(entry);
      const free = rows.filter((row) => row.disabled === 0 && !this.#seen.has(row.id));
      if (rows.length >= MANY_ROWS) this.#free.set(name, free.toReversed());
      return free[0];
    }
    for (let row = known.at(-1); row !== undefined; row = known.at(-1)) {
      // It may have gone since it was read.
      if (!this.#seen.has(row.id) && this.#place.has(row.id)) return row;
      known.pop();
    }
    return undefined;
  }

  #held(entry: Checked): readonly Row[] {
    const row = this.#place.ofIdentity(entry);
    return row === undefined ? [] : [row];
  }

  /** `held`: the rows of the entry. */
  #settle(entry: DigestedRow, held: EntryRows<Row>): void {
    const before = held === 'many' ? this.#place.ofIdentity(entry) : held.find((one) => isSameValue(one, entry));
    if (before !== undefined) {
      this.#look(entry);
      this.#bring(before, this.#rowOf(entry, before.disabled === 1));
    } else if (!this.#takeOver(entry)) this.#addNew(entry);
  }

  #addNew(entry: DigestedRow): void {
    const key = this.#place.add(this.#rowOf(entry, this.#disabled.has(entry)));
    this.#look(entry);
    this.#name(key, entry.entry_id);
    this.counts.added++;
    this.counts.accepted++;
  }

  /** Carry a value that the list has into this version. */
  #bring(held: Row, said: NewRow): void {
    const { version, mode } = this.#target;
    const attributes = withHeldTime(held.attributes, said.attributes);
    // The digest is of the row as it was said.
    const row = attributes === said.attributes ? said : { ...said, attributes, digest: undefined };
    const isNamedAgain = this.#seen.has(held.id);
    const wasDoubted = this.#doubted.delete(held.id);
    if (!isNamedAgain || wasDoubted) this.#name(held.id, row.entry_id);
    if (!this.#place.isSound(held)) {
      // Its own marks are not to be trusted.
      this.#place.repair(held, { ...row, disabled: this.#disabled.has(row) ? 1 : 0 });
      this.counts.accepted++;
      return;
    }
    const isSame =
      held.entry_id === row.entry_id && held.attributes === row.attributes && isSameNotes(held.notes, row.notes);
    // The same value may be sealed by another data key.
    if (!isNamedAgain) this.#place.keep(held, isSame && held.value.equals(row.value) ? row.digest : undefined);
    if ((isNamedAgain && !wasDoubted) || (isSame && mode === 'add')) {
      this.counts.duplicates++;
      return;
    }
    this.counts.accepted++;
    if (isSame) return;
    const { entry_id, notes } = row;
    // A disabled entry is not kept as past, so it stays in every version that had it, and stays disabled there.
    const since = held.disabled === 1 ? held.since : version;
    this.#place.rewrite(held, { entry_id, attributes, notes, since }, version);
    this.counts.updated++;
  }

  /** Result: the number of entries that went. */
  #withdraw(gone: Tombstone): number {
    const { version } = this.#target;
    const atMs = msOf(gone.at);
    const rows = 'entryId' in gone ? this.#ofId(gone.entryId) : this.#rowsOfValue(gone);
    if (atMs !== null)
      this.#place.withdraw('entryId' in gone ? withdrawnId(this.#vault, gone.entryId) : this.#idOfValue(gone), atMs);
    const going = rows.filter((row) => {
      this.#place.requireSound(row);
      const updatedMs = msOf(updatedAtOf(row));
      return atMs === null || updatedMs === null || updatedMs <= atMs;
    });
    for (const row of going) {
      this.#place.remove(row, version, this.#target.mode === 'add' || this.#seen.has(row.id));
      this.#doubted.delete(row.id);
      this.#large.delete(row.entry_id);
      this.#disabled.forget(row);
    }
    return going.length;
  }

  #rowsOfValue({ algorithm, value }: Extract<Tombstone, { value: string }>): readonly Row[] {
    const label = ALGORITHMS.indexOf(algorithm);
    return this.#place.ofValue({ algorithm: label, value: this.#vault.seal(label, Buffer.from(value, 'hex')) });
  }

  #idOfValue({ algorithm, value }: Extract<Tombstone, { value: string }>): string {
    return this.#vault.madeUpId(ALGORITHMS.indexOf(algorithm), Buffer.from(value, 'hex'));
  }
}

const isSameNotes = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b));

/** Whether one time is before another: what has no time is neither older nor newer. */
const isOlder = (ms: number | null, thanMs: number | null) => ms !== null && thanMs !== null && ms < thanMs;

function latestOf(rows: readonly StoredRow[]): number | null {
  let latest: number | null = null;
  for (const row of rows) {
    const ms = msOf(updatedAtOf(row));
    if (ms !== null && (latest === null || ms > latest)) latest = ms;
  }
  return latest;
}
