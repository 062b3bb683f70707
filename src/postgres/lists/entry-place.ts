/** The entries of one list in PostgreSQL, while an import changes them: what a batch names is read before it, and staged after it. */

import { ALGORITHMS, type Algorithm, DIGEST_ALGORITHMS } from '../../core/vocabulary.js';
import { namesOfId } from '../../store/lists/entry-names.js';
import type { EntryPlace, Withdrawal } from '../../store/lists/entry-place.js';
import { type Identity, type NewRow, nameOf, type StoredRow, type ValueName } from '../../store/lists/entry-row.js';
import type { KeySet } from '../../store/lists/key-set.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import { suppressionsFor, toInfo } from '../../store/lists/list-row.js';
import type { SealedRow } from '../../store/lists/seal-rows.js';
import type { ImportMode } from '../../store/lists-contract.js';
import { MADE_ID, VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import type { Sql } from '../database.js';
import { damaged, type PostgresListRow } from './rows.js';
import { nameOf as nameInSql } from './schema.js';
import { FIRST_NEW_KEY, STATES, type Staging } from './staging.js';

/** Rows of one entry, or of one value, that are read once for the whole import, and not again with each batch. */
const MANY_ROWS = 64;
/** Rows of one batch that are read by their keys. */
const KEYS_PER_BATCH = 2_000;

/** What does not change while an import runs, or else the import begins again. */
interface Facts {
  readonly hasMadeUpAlone: boolean;
  readonly disabled: readonly Identity[];
  readonly hasWithdrawals: boolean;
  /** Suppression lists with digests, but the list itself. */
  readonly knownGood: readonly number[];
}

/** `list`: null where the import makes it. */
export async function factsOf(sql: Sql, list: PostgresListRow | null, mode: ImportMode): Promise<Facts> {
  const id = list?.id ?? 0;
  const [row] = await sql<{ other: boolean; withdrawn: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM entry WHERE list_id = $1 AND entry_id < $2)
         OR EXISTS (SELECT 1 FROM entry WHERE list_id = $1 AND entry_id >= $3) AS other,
       EXISTS (SELECT 1 FROM withdrawal WHERE list_id = $1) AS withdrawn`,
    [id, MADE_ID, AFTER_MADE_UP],
  );
  const disabled = await sql<Identity>('SELECT algorithm, value, entry_id FROM disabled_entry WHERE list_id = $1', [
    id,
  ]);
  const suppressions = suppressionsFor(await sql<PostgresListRow>('SELECT * FROM list'), id);
  const hasDigests = (one: PostgresListRow) =>
    DIGEST_ALGORITHMS.some((algorithm) => (toInfo(one).entriesByAlgorithm[algorithm] ?? 0) > 0);
  return {
    hasMadeUpAlone: !row!.other,
    disabled,
    hasWithdrawals: row!.withdrawn && mode === 'add',
    knownGood: suppressions.filter(hasDigests).map((one) => one.id),
  };
}

/** After all ids that the vault makes. */
const AFTER_MADE_UP = 'made.';

const DIGESTS: ReadonlySet<number> = new Set(DIGEST_ALGORITHMS.map((algorithm) => ALGORITHMS.indexOf(algorithm)));

interface Target {
  readonly list: PostgresListRow | null;
  readonly version: number;
  readonly mode: ImportMode;
}

export class PostgresPlace implements EntryPlace<StoredRow> {
  readonly hadEntries: boolean;
  readonly hasMadeUpAlone: boolean;
  readonly disabled: readonly Identity[];
  /** Rows of the import with a digest that a suppression list has, once for each such list. */
  knownGood = 0;
  /** Entries that became disabled by this import. */
  readonly newlyDisabled: StoredRow[] = [];
  readonly #sql: Sql;
  readonly #vault: Vault;
  readonly #staging: Staging;
  readonly #target: Target;
  readonly #facts: Facts;
  readonly #checksum: ListChecksum;
  readonly #counts: Map<Algorithm, number>;
  #nextKey = FIRST_NEW_KEY;
  /** What was read ahead, and what changed since; null: removed. */
  #rows = new Map<number, StoredRow | null>();
  #byId = new Map<string, Set<number>>();
  #byValue = new Map<string, Set<number>>();
  /** Ids and values with many rows: all of them are among the rows. */
  readonly #manyOfId = new Set<string>();
  readonly #manyOfValue = new Set<string>();
  #withdrawn = new Map<string, Withdrawal>();
  #knownGoodOf = new Map<string, number>();
  #changed = new Map<number, { readonly row: StoredRow; readonly state: number }>();
  #toWithdraw = new Map<string, number>();

  constructor(sql: Sql, vault: Vault, staging: Staging, { target, facts }: { target: Target; facts: Facts }) {
    this.#sql = sql;
    this.#vault = vault;
    this.#staging = staging;
    this.#target = target;
    this.#facts = facts;
    const { list, mode } = target;
    const counts = list === null ? {} : toInfo(list).entriesByAlgorithm;
    this.hadEntries = list !== null && list.last_key > 0;
    this.hasMadeUpAlone = facts.hasMadeUpAlone;
    this.disabled = facts.disabled;
    // An import that names all rows makes them from its rows.
    this.#checksum = new ListChecksum(mode === 'replace' || list === null ? '' : list.checksum);
    this.#counts = new Map(mode === 'replace' ? [] : (Object.entries(counts) as [Algorithm, number][]));
  }

  get nextKey(): number {
    return this.#nextKey;
  }

  /** Of the list after the import. */
  get checksum(): string {
    return this.#checksum.toHex();
  }

  /** Active entries of the list after the import. */
  get counts(): Readonly<Partial<Record<Algorithm, number>>> {
    return Object.fromEntries([...this.#counts].filter(([, count]) => count > 0));
  }

  async lookAhead(rows: readonly SealedRow[]): Promise<void> {
    const { ids, values } = this.#namesIn(rows);
    await this.#read([...ids], [...values.values()]);
    await this.#readWithdrawals([...ids]);
    await this.#readKnownGood([...values.values()]);
  }

  lookAheadOfValues(values: readonly ValueName[]): Promise<void> {
    return this.#read([], values);
  }

  #namesIn(rows: readonly SealedRow[]): { ids: Set<string>; values: Map<string, ValueName> } {
    const ids = new Set<string>();
    const values = new Map<string, ValueName>();
    const addValue = (value: ValueName) => values.set(nameOf(value), value);
    const addId = (entryId: string) => {
      for (const name of namesOfId(this.#vault, entryId)) ids.add(name);
    };
    for (const { row, seal } of rows) {
      if (row.ok) {
        const { algorithm, entryId } = row.entry;
        if (entryId !== '') addId(entryId);
        ids.add(seal!.madeId);
        addValue({ algorithm: ALGORITHMS.indexOf(algorithm), value: seal!.value });
      } else if (row.gone && 'value' in row.gone) {
        const label = ALGORITHMS.indexOf(row.gone.algorithm);
        const bytes = Buffer.from(row.gone.value, 'hex');
        ids.add(this.#vault.madeUpId(label, bytes));
        addValue({ algorithm: label, value: this.#vault.seal(label, bytes) });
      } else if (row.gone) addId(row.gone.entryId);
      else if (row.of) addId(row.of.entryId);
    }
    return { ids, values };
  }

  async #read(ids: readonly string[], values: readonly ValueName[]): Promise<void> {
    this.#forget();
    const rows = await this.#staging.find(
      ids.filter((id) => !this.#manyOfId.has(id)),
      values.filter((value) => !this.#manyOfValue.has(nameOf(value))),
    );
    for (const row of rows) if (!this.#rows.has(row.id)) this.#take(row);
    for (const id of ids) if ((this.#byId.get(id)?.size ?? 0) >= MANY_ROWS) this.#manyOfId.add(id);
    for (const value of values) {
      const name = nameOf(value);
      if ((this.#byValue.get(name)?.size ?? 0) >= MANY_ROWS) this.#manyOfValue.add(name);
    }
  }

  /** Forget what was read for the batch before. */
  #forget(): void {
    const kept = [...this.#rows.values()].filter(
      (row) => row !== null && (this.#manyOfId.has(row.entry_id) || this.#manyOfValue.has(nameOf(row))),
    );
    this.#rows = new Map();
    this.#byId = new Map();
    this.#byValue = new Map();
    for (const row of kept) this.#take(row!);
  }

  #take(row: StoredRow): void {
    this.#rows.set(row.id, row);
    const add = (index: Map<string, Set<number>>, name: string) => {
      const keys = index.get(name);
      if (keys === undefined) index.set(name, new Set([row.id]));
      else keys.add(row.id);
    };
    add(this.#byId, row.entry_id);
    add(this.#byValue, nameOf(row));
  }

  async #readWithdrawals(ids: readonly string[]): Promise<void> {
    this.#withdrawn = new Map();
    const { list, version } = this.#target;
    if (this.#facts.hasWithdrawals) {
      const rows = await this.#sql<{ entry_id: string; at_ms: number; version: number }>(
        'SELECT entry_id, at_ms, version FROM withdrawal WHERE list_id = $1 AND entry_id = ANY ($2::text[])',
        [list!.id, ids],
      );
      for (const row of rows) this.#withdrawn.set(row.entry_id, { atMs: row.at_ms, version: row.version });
    }
    for (const { entry_id, at_ms } of await this.#staging.withdrawalsOf(ids))
      this.#withdrawn.set(entry_id, { atMs: Math.max(at_ms, this.#withdrawn.get(entry_id)?.atMs ?? at_ms), version });
  }

  async #readKnownGood(values: readonly ValueName[]): Promise<void> {
    this.#knownGoodOf = new Map();
    const digests = values.filter(({ algorithm }) => DIGESTS.has(algorithm));
    if (this.#facts.knownGood.length === 0 || digests.length === 0) return;
    const rows = await this.#sql<{ at: number; lists: number }>(
      `SELECT named.at, count(DISTINCT held.list_id) AS lists
       FROM unnest($1::int4[], $2::bytea[]) WITH ORDINALITY AS named (algorithm, name, at)
       JOIN entry AS held ON held.list_id = ANY ($3::int4[]) AND held.algorithm = named.algorithm
         AND ${nameInSql('held.value')} = named.name
       GROUP BY named.at`,
      [
        digests.map(({ algorithm }) => algorithm),
        digests.map(({ value }) => value.subarray(0, VALUE_NAME_BYTES)),
        this.#facts.knownGood,
      ],
    );
    for (const { at, lists } of rows) this.#knownGoodOf.set(nameOf(digests[at - 1]!), lists);
  }

  async flush(): Promise<void> {
    await this.#staging.put([...this.#changed.values()]);
    await this.#staging.withdraw(this.#toWithdraw);
    this.#changed = new Map();
    this.#toWithdraw = new Map();
  }

  #present(keys: ReadonlySet<number> | undefined): StoredRow[] {
    if (keys === undefined) return [];
    return [...keys]
      .sort((a, b) => a - b)
      .map((key) => this.#rows.get(key))
      .filter((row): row is StoredRow => row !== null && row !== undefined);
  }

  ofId(entryId: string): readonly StoredRow[] {
    return this.#present(this.#byId.get(entryId)).filter((row) => row.entry_id === entryId);
  }

  ofValue(value: ValueName): readonly StoredRow[] {
    return this.#present(this.#byValue.get(nameOf(value)));
  }

  ofIdentity(identity: Identity): StoredRow | undefined {
    return this.ofValue(identity).find(({ entry_id }) => entry_id === identity.entry_id);
  }

  has(key: number): boolean {
    return this.#rows.get(key) !== null && !this.#staging.isRemoved(key);
  }

  /** The pages of PostgreSQL have sums of their own. */
  isSound(): boolean {
    return true;
  }

  requireSound(): void {}

  async *byKeys(keys: Iterable<number>): AsyncGenerator<readonly StoredRow[]> {
    const all = [...keys];
    for (let from = 0; from < all.length; from += KEYS_PER_BATCH) {
      const some = all.slice(from, from + KEYS_PER_BATCH);
      const rows = await this.#staging.byKeys(some);
      if (rows.length !== some.length) throw damaged('entry', some.find((key) => !rows.some(({ id }) => id === key))!);
      yield rows;
    }
  }

  async *allBut(keys: KeySet): AsyncGenerator<readonly StoredRow[]> {
    for await (const some of this.#staging.keysOf((key) => !keys.has(key))) yield* this.byKeys(some);
  }

  add({ algorithm, value, entry_id, attributes, notes, since, disabled }: NewRow): number {
    const id = this.#nextKey++;
    const row = { id, algorithm, value, entry_id, attributes, notes, disabled, quarantined: 0, since };
    this.#put(row, STATES.added);
    this.#count(row, 1);
    return id;
  }

  keep(row: StoredRow): void {
    if (this.#target.mode === 'replace') this.#count(row, 1);
  }

  rewrite(before: StoredRow, change: Partial<Omit<NewRow, 'algorithm' | 'value'>>): void {
    const after = { ...before, ...change };
    this.#put(after, before.id < FIRST_NEW_KEY ? STATES.changed : STATES.added);
    this.#count(before, -1);
    this.#count(after, 1);
  }

  repair(before: StoredRow, row: NewRow): void {
    this.rewrite(before, row);
  }

  remove(row: StoredRow, _until: number, wasCounted: boolean): void {
    this.#rows.set(row.id, null);
    this.#changed.set(row.id, { row, state: STATES.removed });
    if (wasCounted) this.#count(row, -1);
  }

  withdrawal(entryId: string): Withdrawal | undefined {
    return this.#withdrawn.get(entryId);
  }

  withdraw(entryId: string, atMs: number): void {
    const later = Math.max(atMs, this.#withdrawn.get(entryId)?.atMs ?? atMs);
    this.#withdrawn.set(entryId, { atMs: later, version: this.#target.version });
    this.#toWithdraw.set(entryId, later);
  }

  disable(row: StoredRow): void {
    this.newlyDisabled.push(row);
  }

  look(value: ValueName): void {
    this.knownGood += this.#knownGoodOf.get(nameOf(value)) ?? 0;
  }

  #put(row: StoredRow, state: number): void {
    this.#take(row);
    this.#changed.set(row.id, { row, state });
  }

  #count(row: StoredRow, sign: 1 | -1): void {
    if (row.disabled === 0) {
      const algorithm = ALGORITHMS[row.algorithm]!;
      this.#counts.set(algorithm, (this.#counts.get(algorithm) ?? 0) + sign);
    }
    if (sign === 1) this.#checksum.add(row);
    else this.#checksum.remove(row);
  }
}
