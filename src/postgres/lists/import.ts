/**
 * Imports in PostgreSQL. The changes of a long one are staged without a lock; then one transaction activates them, if the list is
 * still as it was read, and else all begins again. A short one does both under the lock of its list.
 */
import { randomUUID } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { sealHeldRows } from '../../store/lists/held-rows.js';
import { ImportWriter } from '../../store/lists/import-writer.js';
import { staysHeld, toVersionInfo, type VersionRow, versionFacts } from '../../store/lists/kept-versions.js';
import { toInfo } from '../../store/lists/list-row.js';
import { VALUES_PER_BATCH } from '../../store/lists/seal-pool.js';
import { sealRows } from '../../store/lists/seal-rows.js';
import type { Draft, HoldReason, ImportMode, ImportReport, Review, WriteOptions } from '../../store/lists-contract.js';
import type { Database, Sql } from '../database.js';
import { guarded } from '../guarded.js';
import { activateEntries } from './activate.js';
import type { DataKeys } from './data-keys.js';
import { factsOf, PostgresPlace } from './entry-place.js';
import { lockStore, raiseGeneration } from './generations.js';
import { findList, type PostgresListRow } from './rows.js';
import { addList, requireAsMade } from './settings.js';
import { forgetRun, holdRun, noteRun, Staging, sweepStaged } from './staging.js';
import { forgetHeld, forgetOldVersions, putHeldParts } from './versions.js';

/** An import that finds its list changed so often is not continued: others change it faster than it can be written. */
const TRIES_MAX = 5;

interface Job {
  readonly name: string;
  readonly mode: ImportMode;
  readonly options: WriteOptions;
}

/** What an import would make of the list, as it was read. */
interface Written {
  readonly id: string;
  readonly list: PostgresListRow | null;
  readonly keyId: number;
  readonly place: PostgresPlace;
  readonly staging: Staging;
  readonly report: ImportReport;
  readonly draft: Draft;
}

/** Roll the transaction back, and throw an error that is not the database's. */
type Leave = (error: unknown) => never;

/** The list is not as it was read. */
class Moved extends Error {}

/** Leaves a transaction in which a short import was written, and is held. */
class Held extends Error {
  readonly written: Written;
  readonly reasons: readonly HoldReason[];
  constructor(written: Written, reasons: readonly HoldReason[]) {
    super('held');
    this.written = written;
    this.reasons = reasons;
  }
}

export class Imports {
  readonly #database: Database;
  readonly #keys: DataKeys;

  constructor(database: Database, keys: DataKeys) {
    this.#database = database;
    this.#keys = keys;
  }

  /** Errors LIST_NOT_FOUND, STORE_FAILED; those of the rows, the review and `confirm`. */
  run(name: string, rows: AsyncIterable<ParsedRow>, mode: ImportMode, options: WriteOptions): Promise<ImportReport> {
    return guarded(() => this.#run({ name, mode, options }, rows));
  }

  async #run(job: Job, rows: AsyncIterable<ParsedRow>): Promise<ImportReport> {
    // Before the rows are read: a list that is missing, and an import that was made, need none of them.
    const made = await this.#made(job);
    if (made !== null) return made;
    await this.#keys.refresh();
    const { first, all } = await peek(rows);
    try {
      return await (first === null ? this.#long(job, all, rows) : this.#short(job, first));
    } catch (error) {
      if (!(error instanceof Held)) throw error;
      return this.#hold(job, error, rows);
    }
  }

  async #made({ name, options: { once = false, origin = null, create } }: Job): Promise<ImportReport | null> {
    const sql: Sql = (text, values) => this.#database.read(text, values);
    const list = await findList(sql, name);
    if (list === null && create === undefined) throw new AppError('LIST_NOT_FOUND', { list: name });
    return list !== null && once ? madeBefore(sql, list, origin) : null;
  }

  /** Run a transaction, repeated where it is unknown whether it was committed, which `leave` rolls back and leaves with an error. */
  async #transaction<T>(act: (sql: Sql, leave: Leave) => Promise<T>): Promise<T> {
    let left: { readonly error: unknown } | null = null;
    const leave: Leave = (error) => {
      left = { error };
      throw new AppError('STORE_FAILED', { why: 'rolled back' });
    };
    try {
      return await this.#database.writeOnce((sql) => {
        left = null;
        return act(sql, leave);
      });
    } catch (error) {
      throw left === null ? error : (left as { readonly error: unknown }).error;
    }
  }

  /** All under the lock of the list. */
  async #short(job: Job, rows: readonly ParsedRow[]): Promise<ImportReport> {
    const id = randomUUID();
    let report: ImportReport | null = null;
    for (let tried = 1; ; tried++) {
      try {
        return await this.#transaction(async (sql, leave) => {
          const list = await findList(sql, job.name, 'FOR UPDATE');
          if (report !== null && (await isMade(sql, id))) return report;
          const written = await this.#write(sql, id, job, list, iterable(rows));
          const reasons = reviewed(job, written, leave);
          if (reasons.length > 0) leave(new Held(written, reasons));
          report = await this.#activate(sql, job, written, leave);
          await forgetRun(sql, id);
          return report;
        });
      } catch (error) {
        if (!(error instanceof Moved)) throw error;
        if (tried === TRIES_MAX) throw busy(job.name);
        await this.#keys.refresh();
      }
    }
  }

  async #long(job: Job, all: AsyncIterable<ParsedRow>, again: AsyncIterable<ParsedRow>): Promise<ImportReport> {
    const sql: Sql = (text, values) => this.#database.statement(text, values ?? []);
    let count: number | null = null;
    for (let tried = 1; ; tried++) {
      const id = randomUUID();
      try {
        await sweepStaged(sql);
        const list = await findList(sql, job.name);
        const written = await this.#write(sql, id, job, list, count === null ? all : again);
        count ??= written.draft.rows;
        if (written.draft.rows !== count)
          throw new AppError('STORE_FAILED', { why: 'the rows cannot be read again', rows: written.draft.rows, count });
        const reasons = job.options.review?.(written.draft) ?? [];
        if (reasons.length > 0) throw new Held(written, reasons);
        const report = await this.#transaction((held, leave) => this.#activate(held, job, written, leave));
        // Else the server learns it a minute later, and reads the whole table for each batch of the next import until then.
        if (written.staging.entries > 0) await sql('ANALYZE entry').catch(() => {});
        return report;
      } catch (error) {
        if (!(error instanceof Moved)) throw error;
        if (tried === TRIES_MAX) throw busy(job.name);
        await this.#keys.refresh();
      } finally {
        await this.#forget(sql, id);
      }
    }
  }

  /** The import has ended: what is left now goes with the next one. */
  async #forget(sql: Sql, id: string): Promise<void> {
    await forgetRun(sql, id).catch(() => {});
  }

  async #write(
    sql: Sql,
    id: string,
    { name, mode, options }: Job,
    list: PostgresListRow | null,
    rows: AsyncIterable<ParsedRow>,
  ): Promise<Written> {
    if (list === null && options.create === undefined) throw new AppError('LIST_NOT_FOUND', { list: name });
    const { vault, current: keyId } = this.#keys;
    const version = (list?.version ?? 0) + 1;
    const staging = new Staging(sql, id, list?.id ?? null);
    await staging.begin();
    const target = { list, version, mode };
    const place = new PostgresPlace(sql, vault, staging, { target, facts: await factsOf(sql, list, mode) });
    const writer = new ImportWriter(place, vault, { version, mode });
    for await (const batch of sealRows(vault, rows)) await writer.write(batch);
    await writer.finish();
    const after = Object.values(place.counts).reduce((sum, count) => sum + count, 0);
    const draft = writer.counts.draft(mode, {
      entriesBefore: list === null ? 0 : toInfo(list).entryCount,
      entriesAfter: after,
      knownGood: place.knownGood,
      isNew: (position) => writer.isNew(position),
    });
    return { id, list, keyId, place, staging, report: writer.counts.report(name, version), draft };
  }

  /** Apply what was written, inside the caller's transaction. Errors Moved; those of `confirm`. */
  async #activate(sql: Sql, job: Job, written: Written, leave: Leave): Promise<ImportReport> {
    const { origin = null, confirm = async () => {} } = job.options;
    const list = await this.#locked(sql, job, written, leave);
    if (!('id' in list)) return list.report;
    await holdRun(sql, written.id);
    await written.staging.requireWhole(sql);
    const { place, report } = written;
    const lastKey = await activateEntries(sql, list, { mode: job.mode, restores: job.options.restores ?? 0 }, written);
    await sql(
      `UPDATE list SET version = $2, imported_at = $3, rejected = $4, duplicates = $5, counts = $6, checksum = $7,
         revision = revision + 1 WHERE id = $1`,
      [
        list.id,
        report.version,
        new Date().toISOString(),
        report.rejected,
        report.duplicates,
        JSON.stringify(place.counts),
        place.checksum,
      ],
    );
    await forgetOldVersions(sql, list.id, report.version);
    await settleHeld(sql, list.id, report.version, job);
    await noteVersion(sql, list.id, written, { origin, isHeld: false, mode: job.mode });
    await raiseGeneration(sql, lastKey);
    await confirm().catch(leave);
    return report;
  }

  /**
   * Lock the list, as it was read, and the store. Result: it, which is made if it is missing; a report where
   * an earlier try was committed, or another process has made the version. Errors Moved, LIST_NOT_FOUND, REQUEST_INVALID.
   */
  async #locked(
    sql: Sql,
    { name, options }: Job,
    { id, list, keyId, report }: Written,
    leave: Leave,
  ): Promise<PostgresListRow | { readonly report: ImportReport }> {
    const present = await findList(sql, name, 'FOR UPDATE');
    if (present !== null) {
      if (await isMade(sql, id)) return { report };
      const made = options.once ? await madeBefore(sql, present, options.origin ?? null) : null;
      if (made !== null) return { report: made };
      if (options.create) requireAsMade(present, options.create);
    }
    if (present?.id !== list?.id || present?.revision !== list?.revision) return leave(new Moved());
    await lockStore(sql);
    const [key] = await sql<{ id: number }>('SELECT max(id) AS id FROM data_key');
    if (key!.id !== keyId) return leave(new Moved());
    if (present !== null) return present;
    const made = await addList(sql, { ...options.create!, list: name });
    if (made === null) return leave(new Moved());
    return made;
  }

  /** Keep the rows for approval; the list stays as it is. */
  async #hold(job: Job, { written, reasons }: Held, rows: AsyncIterable<ParsedRow>): Promise<ImportReport> {
    const { origin = null, confirm = async () => {} } = job.options;
    const { id, draft } = written;
    const report = { ...written.report, held: reasons };
    const asHeld = { ...written, report };
    const sql: Sql = (text, values) => this.#database.statement(text, values ?? []);
    try {
      await noteRun(sql, id);
      await putHeldParts(sql, id, sealHeldRows(this.#keys.vault, { rows, count: draft.rows }));
      return await this.#transaction(async (held, leave) => {
        const list = await this.#locked(held, job, asHeld, leave);
        if (!('id' in list)) return list.report;
        await holdRun(held, id);
        await forgetHeld(held, list.id);
        await noteVersion(held, list.id, asHeld, { origin, isHeld: true, mode: job.mode });
        await confirm().catch(leave);
        return report;
      });
    } catch (error) {
      throw error instanceof Moved ? busy(job.name) : error;
    } finally {
      await this.#forget(sql, id);
    }
  }
}

function reviewed({ options }: Job, { draft }: Written, leave: Leave): ReturnType<Review> {
  try {
    return options.review?.(draft) ?? [];
  } catch (error) {
    return leave(error);
  }
}

/** Forget the version that is held, or give it the number after the list's own. `version`: that which becomes active. */
async function settleHeld(sql: Sql, listId: number, version: number, { mode, options }: Job): Promise<void> {
  const [before] = await sql<{ origin: string | null }>(
    'SELECT origin FROM list_version WHERE list_id = $1 AND is_held = 1',
    [listId],
  );
  if (before === undefined || !staysHeld(before, mode, options)) await forgetHeld(sql, listId);
  else await sql('UPDATE list_version SET version = $2 WHERE list_id = $1 AND is_held = 1', [listId, version + 1]);
}

/** Whether an earlier try of an import was committed. */
const isMade = async (sql: Sql, id: string) =>
  (await sql('SELECT 1 FROM list_version WHERE import = $1', [id])).length > 0;

async function noteVersion(
  sql: Sql,
  listId: number,
  { id, report, place }: Pick<Written, 'id' | 'report' | 'place'>,
  { origin, isHeld, mode }: { readonly origin: string | null; readonly isHeld: boolean; readonly mode: ImportMode },
): Promise<void> {
  await sql(
    `INSERT INTO list_version (list_id, version, is_held, imported_at, origin, facts, checksum, import)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (list_id, version) DO UPDATE SET (is_held, imported_at, origin, facts, checksum, import) =
       (excluded.is_held, excluded.imported_at, excluded.origin, excluded.facts, excluded.checksum, excluded.import)`,
    [
      listId,
      report.version,
      isHeld ? 1 : 0,
      new Date().toISOString(),
      origin,
      versionFacts(report, mode),
      place.checksum,
      id,
    ],
  );
}

/** The report of the version of an origin; null where there is none. */
async function madeBefore(sql: Sql, list: PostgresListRow, origin: string | null): Promise<ImportReport | null> {
  const [row] = await sql<VersionRow>(
    `SELECT * FROM list_version WHERE list_id = $1 AND origin IS NOT DISTINCT FROM $2 ORDER BY version DESC LIMIT 1`,
    [list.id, origin],
  );
  return row === undefined ? null : { ...toVersionInfo(list, row), deleted: 0, firstRejected: [] };
}

const busy = (list: string) =>
  new AppError('STORE_FAILED', { why: 'other processes change the list at the same time', list });

async function* iterable(rows: readonly ParsedRow[]): AsyncGenerator<ParsedRow> {
  yield* rows;
}

/** Read as many rows as a short import has. `first`: all rows; null: there are more, and `all` reads them from the beginning. */
async function peek(
  rows: AsyncIterable<ParsedRow>,
): Promise<{ readonly first: readonly ParsedRow[] | null; readonly all: AsyncIterable<ParsedRow> }> {
  const reader = rows[Symbol.asyncIterator]();
  const first: ParsedRow[] = [];
  while (first.length < VALUES_PER_BATCH) {
    const { done, value } = await reader.next();
    if (done) return { first, all: rows };
    first.push(value);
  }
  async function* all(): AsyncGenerator<ParsedRow> {
    yield* first;
    yield* { [Symbol.asyncIterator]: () => reader };
  }
  return { first: null, all: all() };
}
