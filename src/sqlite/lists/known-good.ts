/** Digests of an import that a suppression list of the store has: known-good images. */
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS, DIGEST_ALGORITHMS } from '../../core/vocabulary.js';
import type { ValueName } from '../../store/lists/entry-row.js';
import { type ListRow, suppressionsFor, toInfo } from '../../store/lists/list-row.js';
import { wholeTable } from '../sums.js';
import { LIST } from './database.js';
import { BY_VALUE } from './seal-values.js';

/** Counts digests that a suppression list has too: equal values have equal seals. */
export class KnownGood {
  count = 0;
  readonly #lists: readonly { readonly id: number; readonly algorithms: ReadonlySet<number> }[];
  readonly #find: Statement<[number, number, Buffer]>;

  constructor(db: Sqlite, listId: number) {
    const rows = wholeTable<ListRow>(db, LIST);
    this.#lists = suppressionsFor(rows, listId)
      .map((row) => {
        const counts = toInfo(row).entriesByAlgorithm;
        const digests = DIGEST_ALGORITHMS.filter((algorithm) => (counts[algorithm] ?? 0) > 0);
        return { id: row.id, algorithms: new Set(digests.map((algorithm) => ALGORITHMS.indexOf(algorithm))) };
      })
      .filter(({ algorithms }) => algorithms.size > 0);
    this.#find = db.prepare(`SELECT 1 FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE} LIMIT 1`);
  }

  /** Whether any list can have one. */
  get isUsed(): boolean {
    return this.#lists.length > 0;
  }

  look({ algorithm, value }: ValueName): void {
    for (const { id, algorithms } of this.#lists) {
      if (algorithms.has(algorithm) && this.#find.get(id, algorithm, value) !== undefined) this.count++;
    }
  }
}
