/** Sent feedback in PostgreSQL: it ends with its list. */
import { ALGORITHMS } from '../../core/vocabulary.js';
import type { FeedbackStore, SentFeedback } from '../../store/feedback-contract.js';
import type { Database } from '../database.js';
import { listOf } from './rows.js';

interface FeedbackRow extends Omit<SentFeedback, 'algorithm'> {
  readonly algorithm: number;
}

export class PostgresFeedback implements FeedbackStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  sent(list: string, service: string): Promise<readonly SentFeedback[]> {
    return this.#database.snapshot(async (sql) => {
      const { id } = await listOf(sql, list);
      const rows = await sql<FeedbackRow>(
        `SELECT entry_id AS "entryId", algorithm, verdict, sent, at, state, status FROM feedback
         WHERE list_id = $1 AND service = $2 ORDER BY entry_id, algorithm`,
        [id, service],
      );
      return rows.map((row) => ({ ...row, algorithm: ALGORITHMS[row.algorithm]! }));
    });
  }

  note(list: string, service: string, { entryId, algorithm, ...feedback }: SentFeedback): Promise<void> {
    const { verdict, sent, at, state, status } = feedback;
    return this.#database.write(async (sql) => {
      const { id } = await listOf(sql, list);
      await sql(
        `INSERT INTO feedback (list_id, service, entry_id, algorithm, verdict, sent, at, state, status)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (list_id, service, entry_id, algorithm) DO UPDATE SET (verdict, sent, at, state, status) =
           (excluded.verdict, excluded.sent, excluded.at, excluded.state, excluded.status)`,
        [id, service, entryId, ALGORITHMS.indexOf(algorithm), verdict, sent, at, state, status],
      );
    });
  }
}
