/** Tables of blobs. A body has parts that are written before the blob names it, and deleted after another is named. */
export const BLOB_TABLES = `
   CREATE TABLE blob (
     name text COLLATE "C" PRIMARY KEY, body text NOT NULL, parts int4 NOT NULL, bytes int8 NOT NULL, sha256 text NOT NULL,
     modified_at timestamptz NOT NULL
   );
   CREATE TABLE blob_part (
     body text NOT NULL, part int4 NOT NULL, bytes bytea NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (body, part)
   );
   -- Sealed bytes do not become shorter.
   ALTER TABLE blob_part ALTER COLUMN bytes SET STORAGE EXTERNAL;
   CREATE INDEX blob_part_first ON blob_part (at) WHERE part = 0;
   -- What the place outside this database holds, if there is one: a process that does not find it there sees another place.
   CREATE TABLE blob_place (id int4 PRIMARY KEY CHECK (id = 1), mark text NOT NULL);`;
