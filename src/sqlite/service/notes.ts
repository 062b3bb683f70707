/** Notes between processes in SQLite. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { Note, NoteStore } from '../../store/notes-contract.js';
import { tryWrite, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { prepared } from '../statements.js';
import { IS_TO_COME, storeMs } from './store-clock.js';

export class SqliteNotes implements NoteStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  send({ writer, number, body }: Note, keptMs: number): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#forget();
      prepared(
        this.#db,
        `INSERT OR IGNORE INTO note (writer, number, body, until_ms, length_ms)
         VALUES (@writer, @number, @body, @untilMs, @keptMs)`,
      ).run({ writer, number, body, untilMs: storeMs() + keptMs, keptMs });
    });
  }

  async receive(reader: string, seen: ReadonlyMap<string, number>, max: number): Promise<Note[]> {
    return guarded(() => {
      const over = prepared(this.#db, `SELECT 1 FROM note WHERE NOT ${IS_TO_COME} LIMIT 1`).get({ storeMs: storeMs() });
      // A store that is busy forgets them the next time.
      if (over) tryWrite(this.#db, () => this.#forget());
      const read = prepared(
        this.#db,
        `SELECT note.writer, note.number, body FROM note
           LEFT JOIN (SELECT key AS writer, value AS number FROM json_each(@seen)) AS seen ON seen.writer = note.writer
         WHERE note.writer <> @reader AND note.number > coalesce(seen.number, 0) AND ${IS_TO_COME}
         ORDER BY note.writer, note.number LIMIT @max`,
      );
      return read.all({ seen: JSON.stringify(Object.fromEntries(seen)), reader, storeMs: storeMs(), max }) as Note[];
    });
  }

  #forget(): void {
    prepared(this.#db, `DELETE FROM note WHERE NOT ${IS_TO_COME}`).run({ storeMs: storeMs() });
  }
}
