/** Tables of a move into this database: while `moving` has its row, no process uses the store. */
export const MOVE_TABLES = `
   CREATE TABLE moving (
     id int4 PRIMARY KEY CHECK (id = 1), source int8 NOT NULL, fingerprint text NOT NULL,
     begun_at timestamptz NOT NULL DEFAULT now()
   );
   -- Rows that were moved of each table.
   CREATE TABLE moved_table (name text COLLATE "C" PRIMARY KEY, rows int8 NOT NULL);`;
