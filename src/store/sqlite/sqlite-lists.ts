/**
 * Lists and their entries in SQLite. An import is one transaction on a connection of its own: readers see the list as
 * it was until the commit, and an import that is killed has never been.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import type { ParsedRow, RejectReason } from '../../core/parsed-row.js';
import { ALGORITHMS, type Algorithm, type Entry, type ListInfo } from '../../core/vocabulary.js';
import type { ImportReport, ListChange, ListStore, NewList, StoredValue } from '../contract.js';
import { guarded, openDatabase, type Sqlite } from './database.js';

/** Rejected rows that are kept with their line; a person looks at a few, and all are counted. */
const REJECTED_KEPT_MAX = 100;
/** Rows of one batch while reading: a few milliseconds. */
const ROWS_PER_BATCH = 20_000;
/** Page cache of an import: values arrive in no order, so the index of a million (70 MB) is written all over at once. */
const IMPORT_CACHE_KIB = 262_144;
const LIST_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

interface ListRow {
  readonly id: number;
  readonly name: string;
  readonly kind: ListInfo['kind'];
  readonly enabled: number;
  readonly radius_bits: number;
  readonly match_low_quality: number;
  readonly version: number;
  readonly imported_at: string | null;
  readonly rejected: number;
  readonly duplicates: number;
  readonly checksum: string;
  readonly counts: string;
}

interface EntryRow {
  readonly id: number;
  readonly name: string;
  readonly algorithm: number;
  readonly value: Buffer;
  readonly entry_id: string;
  readonly attributes: string | null;
}

type Attributes = Partial<Omit<Entry, 'list' | 'entryId' | 'algorithm' | 'value'>>;

function toInfo(row: ListRow): ListInfo {
  const entriesByAlgorithm = JSON.parse(row.counts) as Partial<Record<Algorithm, number>>;
  return {
    list: row.name,
    kind: row.kind,
    enabled: row.enabled === 1,
    radiusBits: row.radius_bits,
    matchLowQuality: row.match_low_quality === 1,
    version: row.version,
    importedAt: row.imported_at,
    entryCount: Object.values(entriesByAlgorithm).reduce((sum, count) => sum + count, 0),
    rejectedCount: row.rejected,
    duplicateCount: row.duplicates,
    entriesByAlgorithm,
  };
}

/** Only what the list says is kept: most entries of most lists say nothing but their value. */
function toAttributes(entry: Omit<Entry, 'list'>): string | null {
  const { category, severity, source, mediaType, updatedAt, tags } = entry;
  const said = Object.entries({ category, severity, source, mediaType, updatedAt }).filter(
    ([, value]) => value !== null,
  );
  const attributes = { ...Object.fromEntries(said), ...(tags.length > 0 ? { tags } : {}) };
  return Object.keys(attributes).length > 0 ? JSON.stringify(attributes) : null;
}

function toEntry(row: EntryRow): Entry {
  const said = (row.attributes === null ? {} : JSON.parse(row.attributes)) as Attributes;
  return {
    list: row.name,
    entryId: row.entry_id,
    algorithm: ALGORITHMS[row.algorithm]!,
    value: row.value.toString('hex'),
    category: null,
    severity: null,
    source: null,
    mediaType: null,
    status: 'active',
    updatedAt: null,
    tags: [],
    ...said,
  };
}

function rowOf(db: Sqlite, name: string): ListRow {
  const row = db.prepare<[string], ListRow>('SELECT * FROM list WHERE name = ?').get(name);
  if (!row) throw new AppError('LIST_NOT_FOUND', { list: name });
  return row;
}

function raiseGeneration(db: Sqlite): void {
  db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'generation'`).run();
}

type Checked = Omit<EntryRow, 'id' | 'name'>;

/** SHA-256 over every entry in the order of its key: damage on the disk does not pass for a list. */
function startChecksum() {
  const hash = createHash('sha256');
  return {
    add: (row: Checked) => {
      hash.update(JSON.stringify([row.algorithm, row.entry_id, row.attributes])).update(row.value);
    },
    digest: () => hash.digest('hex'),
  };
}

function checksumOf(db: Sqlite, listId: number): string {
  const checksum = startChecksum();
  const rows = db.prepare<[number], Checked>(
    'SELECT algorithm, value, entry_id, attributes FROM entry WHERE list_id = ? ORDER BY id',
  );
  for (const row of rows.iterate(listId)) checksum.add(row);
  return checksum.digest();
}

/** Writes the rows inside the caller's transaction, and counts what became of them. */
async function writeRows(db: Sqlite, name: string, rows: AsyncIterable<ParsedRow>): Promise<ImportReport> {
  const { id, version } = rowOf(db, name);
  db.prepare('DELETE FROM entry WHERE list_id = ?').run(id);
  const insert = db.prepare(
    'INSERT OR IGNORE INTO entry (list_id, algorithm, value, entry_id, attributes) VALUES (?, ?, ?, ?, ?)',
  );
  const counts: Partial<Record<Algorithm, number>> = {};
  const rejectedByReason: Partial<Record<RejectReason, number>> = {};
  const firstRejected: { line: number; reason: RejectReason }[] = [];
  // Taken from the rows themselves and not read back: what the disk made of them is for `verify` to say.
  const checksum = startChecksum();
  let accepted = 0;
  let duplicates = 0;
  let rejected = 0;
  for await (const row of rows) {
    if (row.ok) {
      const { algorithm, value, entryId } = row.entry;
      const stored: Checked = {
        algorithm: ALGORITHMS.indexOf(algorithm),
        value: Buffer.from(value, 'hex'),
        // Half a surrogate pair becomes U+FFFD on its way to the disk; make it so before it is counted in.
        entry_id: Buffer.from(entryId).toString(),
        attributes: toAttributes(row.entry),
      };
      const { changes } = insert.run(id, stored.algorithm, stored.value, stored.entry_id, stored.attributes);
      if (changes === 0) {
        duplicates++;
        continue;
      }
      accepted++;
      checksum.add(stored);
      counts[algorithm] = (counts[algorithm] ?? 0) + 1;
      continue;
    }
    rejected++;
    rejectedByReason[row.reason] = (rejectedByReason[row.reason] ?? 0) + 1;
    if (firstRejected.length < REJECTED_KEPT_MAX) firstRejected.push({ line: row.line, reason: row.reason });
  }
  db.prepare(
    'UPDATE list SET version = ?, imported_at = ?, rejected = ?, duplicates = ?, checksum = ?, counts = ? WHERE id = ?',
  ).run(version + 1, new Date().toISOString(), rejected, duplicates, checksum.digest(), JSON.stringify(counts), id);
  raiseGeneration(db);
  return { list: name, version: version + 1, accepted, duplicates, rejected, rejectedByReason, firstRejected };
}

export class SqliteLists implements ListStore {
  readonly #db: Sqlite;
  readonly #dataDir: string;

  constructor(db: Sqlite, dataDir: string) {
    this.#db = db;
    this.#dataDir = dataDir;
  }

  async lists(): Promise<ListInfo[]> {
    return guarded(() => this.#db.prepare<[], ListRow>('SELECT * FROM list ORDER BY name').all().map(toInfo));
  }

  async list(name: string): Promise<ListInfo | null> {
    return (await this.lists()).find((list) => list.list === name) ?? null;
  }

  async createList({ list, kind, radiusBits, matchLowQuality = false }: NewList): Promise<ListInfo> {
    if (!LIST_NAME.test(list)) throw new AppError('REQUEST_INVALID', { field: 'list', expected: String(LIST_NAME) });
    return guarded(() => {
      const { changes } = this.#db
        .prepare(
          `INSERT OR IGNORE INTO list
             (name, kind, enabled, radius_bits, match_low_quality, version, rejected, duplicates, checksum, counts)
           VALUES (?, ?, 1, ?, ?, 0, 0, 0, '', '{}')`,
        )
        .run(list, kind, radiusBits, matchLowQuality ? 1 : 0);
      if (changes === 0) throw new AppError('REQUEST_INVALID', { field: 'list', why: 'there is a list of that name' });
      raiseGeneration(this.#db);
      return toInfo(rowOf(this.#db, list));
    });
  }

  async updateList(name: string, change: ListChange): Promise<ListInfo> {
    return this.#change(() => {
      const now = { ...toInfo(rowOf(this.#db, name)), ...change };
      this.#db
        .prepare('UPDATE list SET enabled = ?, radius_bits = ?, match_low_quality = ? WHERE name = ?')
        .run(now.enabled ? 1 : 0, now.radiusBits, now.matchLowQuality ? 1 : 0, name);
      return toInfo(rowOf(this.#db, name));
    });
  }

  async removeList(name: string): Promise<void> {
    this.#change(() => {
      const { id } = rowOf(this.#db, name);
      this.#db.prepare('DELETE FROM entry WHERE list_id = ?').run(id);
      this.#db.prepare('DELETE FROM list WHERE id = ?').run(id);
    });
  }

  async replaceEntries(name: string, rows: AsyncIterable<ParsedRow>): Promise<ImportReport> {
    const db = openDatabase(this.#dataDir);
    try {
      guarded(() => db.pragma(`cache_size = -${IMPORT_CACHE_KIB}`));
      guarded(() => db.exec('BEGIN IMMEDIATE'));
      const report = await writeRows(db, name, rows);
      guarded(() => db.exec('COMMIT'));
      return report;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      // The rows' own errors (a file that cannot be read, a bad header) pass; SQLite's become STORE_FAILED.
      return guarded(() => {
        throw error;
      });
    } finally {
      db.close();
    }
  }

  async *entries(): AsyncGenerator<readonly StoredValue[]> {
    const read = this.#db.prepare<[number, number], Pick<EntryRow, 'id' | 'name' | 'algorithm' | 'value'>>(
      `SELECT entry.id, list.name, entry.algorithm, entry.value FROM entry JOIN list ON list.id = entry.list_id
       WHERE list.enabled = 1 AND entry.id > ? ORDER BY entry.id LIMIT ?`,
    );
    let after = 0;
    for (;;) {
      const rows = guarded(() => read.all(after, ROWS_PER_BATCH));
      if (rows.length === 0) return;
      after = rows.at(-1)!.id;
      yield rows.map(({ id, name, algorithm, value }) => ({
        entryKey: id,
        list: name,
        algorithm: ALGORITHMS[algorithm]!,
        value,
      }));
      // A large list takes seconds to read; requests have their turn in between.
      await new Promise(setImmediate);
    }
  }

  async entryByKey(entryKey: number): Promise<Entry | null> {
    const row = guarded(() =>
      this.#db
        .prepare<[number], EntryRow>(
          'SELECT entry.*, list.name FROM entry JOIN list ON list.id = entry.list_id WHERE entry.id = ?',
        )
        .get(entryKey),
    );
    return row ? toEntry(row) : null;
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

  #change<T>(write: () => T): T {
    return guarded(() =>
      this.#db
        .transaction(() => {
          const result = write();
          raiseGeneration(this.#db);
          return result;
        })
        .immediate(),
    );
  }
}
