/** Notes between processes in PostgreSQL. Only rows whose time is over are deleted, and none of them is waited for. */
import type { Note, NoteStore } from '../../store/notes-contract.js';
import type { Database } from '../database.js';

/** One that ends later than it can is from before the clock was set back. */
const IS_KEPT = `(until > clock_timestamp() AND until <= clock_timestamp() + kept_ms * interval '1 millisecond')`;

export class PostgresNotes implements NoteStore {
  readonly #database: Database;

  constructor(database: Database) {
    // A process has those of all tenants.
    this.#database = database.forAll();
  }

  async send({ writer, number, body }: Note, keptMs: number): Promise<void> {
    await this.#database.statement(
      `INSERT INTO note (writer, number, body, until, kept_ms)
         VALUES ($1, $2, $3, clock_timestamp() + $4::int8 * interval '1 millisecond', $4)
       ON CONFLICT (writer, number) DO NOTHING`,
      [writer, number, body, keptMs],
    );
  }

  async receive(reader: string, seen: ReadonlyMap<string, number>, max: number): Promise<Note[]> {
    const [over] = await this.#database.read(`SELECT 1 FROM note WHERE NOT ${IS_KEPT} LIMIT 1`);
    if (over) await this.#forget();
    return this.#database.read<Note>(
      `SELECT note.writer, note.number, body FROM note
         LEFT JOIN unnest($2::text[], $3::int8[]) AS seen (writer, number) ON seen.writer = note.writer
       WHERE note.writer <> $1 AND note.number > coalesce(seen.number, 0) AND ${IS_KEPT}
       ORDER BY note.writer, note.number LIMIT $4`,
      [reader, [...seen.keys()], [...seen.values()], max],
    );
  }

  async #forget(): Promise<void> {
    await this.#database.write((sql) =>
      sql(
        `DELETE FROM note WHERE (writer, number) IN (
           SELECT writer, number FROM note WHERE NOT ${IS_KEPT} FOR UPDATE SKIP LOCKED)`,
      ),
    );
  }
}
