/** Blobs in the database itself: many machines need no other shared place. */
import { createHash, randomUUID } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import { partsOf } from '../../core/parts.js';
import {
  BLOB_BYTES_MAX,
  type BlobInfo,
  type BlobStore,
  type BlobWritten,
  requireBlobFolder,
  requireBlobName,
} from '../../store/blob-contract.js';
import type { Database, Sql } from '../database.js';
import { deleteInSteps } from '../rows.js';

/** One round trip, and a hundredth of a second of a fast network; a part is in memory as a whole. */
const PART_BYTES = 1_048_576;
/** Rows of a list that are read at once. */
const ROWS_PER_BATCH = 1_000;
/** Parts that one statement deletes. */
const PARTS_PER_STEP = 100;
/** A body that no blob names is one that is being written, or that a killed process left. */
const WRITTEN_HOURS_MAX = 24;

interface BlobRow {
  readonly body: string;
  readonly parts: number;
  readonly bytes: number;
  readonly sha256: string;
}

export class PostgresBlobs implements BlobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(name: string, bytes: AsyncIterable<Uint8Array>): Promise<BlobWritten> {
    requireBlobName(name);
    await this.#sweep();
    const body = randomUUID();
    try {
      const row = { body, ...(await this.#writeParts(body, bytes)) };
      const before = await this.#name(name, row);
      if (before !== null) await this.#deleteParts(before);
      return { bytes: row.bytes, sha256: row.sha256 };
    } catch (error) {
      // A lost answer to the last step leaves it unknown whether the blob is named: only its own parts are deleted, if not.
      await this.#deleteUnnamed(body).catch(() => {});
      throw error;
    }
  }

  async get(name: string): Promise<AsyncIterable<Buffer>> {
    requireBlobName(name);
    const [row] = await this.#database.read<BlobRow>('SELECT body, parts, bytes, sha256 FROM blob WHERE name = $1', [
      name,
    ]);
    if (!row) throw new AppError('NOT_FOUND', { blob: name });
    return this.#read(name, row);
  }

  async remove(name: string): Promise<void> {
    requireBlobName(name);
    const [row] = await this.#database.statement<{ body: string }>('DELETE FROM blob WHERE name = $1 RETURNING body', [
      name,
    ]);
    if (row) await this.#deleteParts(row.body);
  }

  async *list(folder: string): AsyncGenerator<BlobInfo> {
    requireBlobFolder(folder);
    for (let after = ''; ; ) {
      const rows: readonly BlobInfo[] = await this.#database.read<BlobInfo>(
        `SELECT name, bytes, floor(extract(epoch FROM modified_at) * 1000)::int8 AS "modifiedMs" FROM blob
         WHERE starts_with(name, $1) AND name > $2 ORDER BY name LIMIT ${ROWS_PER_BATCH}`,
        [folder, after],
      );
      if (rows.length === 0) return;
      yield* rows;
      after = rows.at(-1)!.name;
    }
  }

  async #writeParts(body: string, bytes: AsyncIterable<Uint8Array>): Promise<Omit<BlobRow, 'body'>> {
    const hash = createHash('sha256');
    let [parts, written] = [0, 0];
    for await (const part of partsOf(bytes, PART_BYTES)) {
      written += part.length;
      if (written > BLOB_BYTES_MAX) throw new AppError('BODY_TOO_LARGE', { bytesMax: BLOB_BYTES_MAX });
      hash.update(part);
      await this.#database.statement(
        'INSERT INTO blob_part (body, part, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [body, parts++, part],
      );
    }
    return { parts, bytes: written, sha256: hash.digest('hex') };
  }

  /** Make the name that of this body. Result: the body that had it before, or null. */
  #name(name: string, { body, parts, bytes, sha256 }: BlobRow): Promise<string | null> {
    let before: string | null = null;
    return this.#database.writeOnce(async (sql) => {
      const [now] = await sql<{ body: string }>('SELECT body FROM blob WHERE name = $1 FOR UPDATE', [name]);
      // An earlier try was committed, and its answer lost.
      if (now?.body === body) return before;
      const [held] = await sql<{ parts: number }>('SELECT count(*) AS parts FROM blob_part WHERE body = $1', [body]);
      if (held!.parts !== parts) throw new AppError('STORE_FAILED', { blob: name, why: 'it took longer than a day' });
      before = now?.body ?? null;
      await sql(
        `INSERT INTO blob (name, body, parts, bytes, sha256, modified_at) VALUES ($1, $2, $3, $4, $5, clock_timestamp())
         ON CONFLICT (name) DO UPDATE SET (body, parts, bytes, sha256, modified_at) =
           (excluded.body, excluded.parts, excluded.bytes, excluded.sha256, excluded.modified_at)`,
        [name, body, parts, bytes, sha256],
      );
      return before;
    });
  }

  async *#read(name: string, { body, parts, bytes, sha256 }: BlobRow): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    let read = 0;
    for (let part = 0; part < parts; part++) {
      const [row] = await this.#database.read<{ bytes: Buffer }>(
        'SELECT bytes FROM blob_part WHERE body = $1 AND part = $2',
        [body, part],
      );
      if (!row) throw new AppError('STORE_FAILED', { blob: name, why: 'it was replaced or removed meanwhile' });
      hash.update(row.bytes);
      read += row.bytes.length;
      yield row.bytes;
    }
    if (read !== bytes || hash.digest('hex') !== sha256)
      throw new AppError('STORE_FAILED', { blob: name, why: 'it is damaged' });
  }

  /** The first part last: a sweep finds what is left by it. */
  async #deleteParts(body: string): Promise<void> {
    const sql: Sql = (text, values = []) => this.#database.statement(text, values);
    for (const which of ['part > 0', 'part = 0'])
      await deleteInSteps(sql, 'blob_part', `body = $1 AND ${which}`, [body], PARTS_PER_STEP);
  }

  async #deleteUnnamed(body: string): Promise<void> {
    const [named] = await this.#database.read('SELECT 1 FROM blob WHERE body = $1', [body]);
    if (!named) await this.#deleteParts(body);
  }

  /** Delete what killed processes left. */
  async #sweep(): Promise<void> {
    const left = await this.#database.read<{ body: string }>(
      `SELECT body FROM blob_part WHERE part = 0 AND at < clock_timestamp() - interval '${WRITTEN_HOURS_MAX} hours'
         AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.body = blob_part.body)`,
    );
    for (const { body } of left) await this.#deleteParts(body);
  }
}
