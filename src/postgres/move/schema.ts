/** Tables of a move into this database: while `moving` has its row, no process uses the store. */
export const MOVE_TABLES = `
   CREATE TABLE moving (
     id int4 PRIMARY KEY CHECK (id = 1), source int8 NOT NULL, fingerprint text NOT NULL,
     begun_at timestamptz NOT NULL DEFAULT now()
   );
   -- Rows that were moved of each table.
   CREATE TABLE moved_table (name text COLLATE "C" PRIMARY KEY, rows int8 NOT NULL);`;

/** The move that has ended: the same command, run once more, finds it here. `token` is also in the mark of the source. */
export const END_OF_MOVE = `
   ALTER TABLE moving ADD COLUMN token text NOT NULL DEFAULT gen_random_uuid()::text;
   CREATE TABLE moved (
     id int4 PRIMARY KEY CHECK (id = 1), source int8 NOT NULL, fingerprint text NOT NULL, token text NOT NULL,
     ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
   );`;

/** The mark of a store that was moved from this database into a data folder. `place` is JSON. */
export const MOVED_AWAY = `-- additive
   CREATE TABLE moved_away (
     id int4 PRIMARY KEY CHECK (id = 1), token text NOT NULL, place text NOT NULL, at text NOT NULL
   );`;
