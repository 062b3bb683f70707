/** The migration that gives lists a detail. Released: never edited. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { addSum, requireTotals, type Summed, sound } from '../sums.js';

const OLD_LIST = {
  name: 'list',
  label: 'name',
  columns:
    'id name kind enabled radius_bits match_low_quality version imported_at rejected duplicates checksum counts terms'.split(
      ' ',
    ),
};

/** Errors STORE_DAMAGED: new sums would hide it. */
export function addListDetail(db: Sqlite): void {
  for (const row of db.prepare<[], Summed<object>>('SELECT * FROM list').all()) sound(OLD_LIST, row);
  requireTotals(db, OLD_LIST);
  db.exec(
    `CREATE TABLE new_list (
       id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, enabled INTEGER NOT NULL,
       radius_bits INTEGER NOT NULL, match_low_quality INTEGER NOT NULL, version INTEGER NOT NULL,
       imported_at TEXT, rejected INTEGER NOT NULL, duplicates INTEGER NOT NULL, checksum TEXT NOT NULL,
       counts TEXT NOT NULL, terms TEXT NOT NULL DEFAULT '{}', detail TEXT NOT NULL DEFAULT 'plain'
     ) STRICT;
     INSERT INTO new_list SELECT ${OLD_LIST.columns.join(', ')}, 'plain' FROM list ORDER BY id;
     DELETE FROM sqlite_sequence WHERE name = 'new_list';
     INSERT INTO sqlite_sequence (name, seq) SELECT 'new_list', seq FROM sqlite_sequence WHERE name = 'list';
     DROP TABLE list;
     DELETE FROM total WHERE name = 'list';
     ALTER TABLE new_list RENAME TO list;`,
  );
  addSum(db, 'list');
}
