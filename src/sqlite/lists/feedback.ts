/** Sent feedback in SQLite, in the lists' file: it ends with its list. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import type { FeedbackStore, SentFeedback } from '../../store/feedback-contract.js';
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { wholeTable } from '../sums.js';
import { FEEDBACK } from './database.js';
import { rowOf } from './list-rows.js';

interface FeedbackRow {
  readonly list_id: number;
  readonly service: string;
  readonly entry_id: string;
  readonly algorithm: number;
  readonly verdict: SentFeedback['verdict'];
  readonly sent: string;
  readonly at: string;
  readonly state: SentFeedback['state'];
  readonly status: number | null;
}

export class SqliteFeedback implements FeedbackStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  async sent(list: string, service: string): Promise<readonly SentFeedback[]> {
    return guarded(() => {
      const { id } = rowOf(this.#db, list);
      // A lost row would be sent again.
      return wholeTable<FeedbackRow>(this.#db, FEEDBACK)
        .filter((row) => row.list_id === id && row.service === service)
        .map(({ entry_id: entryId, algorithm, verdict, sent, at, state, status }) => {
          return { entryId, algorithm: ALGORITHMS[algorithm]!, verdict, sent, at, state, status };
        });
    });
  }

  note(list: string, service: string, { entryId, algorithm, ...sent }: SentFeedback): Promise<void> {
    return writeWithRetry(this.#db, () => {
      const { id } = rowOf(this.#db, list);
      this.#db
        .prepare(
          `INSERT OR REPLACE INTO feedback (list_id, service, entry_id, algorithm, verdict, sent, at, state, status)
           VALUES (@id, @service, @entryId, @algorithm, @verdict, @sent, @at, @state, @status)`,
        )
        .run({ id, service, entryId, ...sent, algorithm: ALGORITHMS.indexOf(algorithm) });
    });
  }
}
