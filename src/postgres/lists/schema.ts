/** Tables of the lists. Numbers 0 and 1 stand for no and yes where the rows are those of every store (`store/lists/`). */
import { VALUE_NAME_BYTES } from '../../vault/vault.js';

const ENTRY = `list_id int4 NOT NULL, algorithm int4 NOT NULL, value bytea NOT NULL, entry_id text COLLATE "C" NOT NULL,
     attributes text, notes bytea`;

/** SQL of the bytes that distinguish a sealed value. */
export const nameOf = (value: string): string => `substring(${value} FROM 1 FOR ${VALUE_NAME_BYTES})`;

/** How far queries look for copies of a list's entries. */
export const LIST_DETAIL = `-- additive
   ALTER TABLE list ADD COLUMN detail text NOT NULL DEFAULT 'plain';`;

export const LIST_TABLES = `
   ALTER TABLE store ADD COLUMN store_id int8 NOT NULL DEFAULT 0, ADD COLUMN generation int8 NOT NULL DEFAULT 1,
     ADD COLUMN last_entry_key int8 NOT NULL DEFAULT 0, ADD COLUMN last_list_key int4 NOT NULL DEFAULT 0;
   -- The first digits of a version 4 UUID are random, and strong.
   UPDATE store SET store_id = ('x' || left(replace(gen_random_uuid()::text, '-', ''), 11))::bit(44)::int8;
   CREATE TABLE data_key (id int4 PRIMARY KEY, wrapped bytea NOT NULL, created_at text NOT NULL);

   CREATE TABLE generation (
     number int8 PRIMARY KEY, token int8 NOT NULL, entry_key int8 NOT NULL, at timestamptz NOT NULL DEFAULT now()
   );
   INSERT INTO generation (number, token, entry_key)
     VALUES (1, ('x' || left(replace(gen_random_uuid()::text, '-', ''), 11))::bit(44)::int8, 0);
   CREATE INDEX generation_at ON generation (at);

   -- Its revision rises with every change of its entries.
   CREATE TABLE list (
     id int4 PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE, kind text NOT NULL, enabled int4 NOT NULL,
     radius_bits int4 NOT NULL, match_low_quality int4 NOT NULL, version int4 NOT NULL DEFAULT 0, imported_at text,
     rejected int8 NOT NULL DEFAULT 0, duplicates int8 NOT NULL DEFAULT 0, checksum text NOT NULL DEFAULT '',
     counts text NOT NULL DEFAULT '{}', terms text NOT NULL DEFAULT '{}', source text,
     revision int8 NOT NULL DEFAULT 0, first_key int8 NOT NULL DEFAULT 0, last_key int8 NOT NULL DEFAULT 0
   );
   CREATE TABLE entry (
     id int8 PRIMARY KEY, ${ENTRY}, disabled int4 NOT NULL, quarantined int4 NOT NULL, since int4 NOT NULL
   );
   CREATE UNIQUE INDEX entry_identity ON entry (list_id, algorithm, (${nameOf('value')}), entry_id);
   CREATE INDEX entry_of_list ON entry (list_id, entry_id, id);
   CREATE INDEX marked_entry ON entry (list_id) WHERE quarantined <> 0;
   CREATE TABLE past_entry (
     number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry_key int8 NOT NULL, ${ENTRY}, since int4 NOT NULL,
     until int4 NOT NULL
   );
   CREATE INDEX past_entry_key ON past_entry (entry_key);
   CREATE INDEX past_entry_of_list ON past_entry (list_id, until);
   CREATE TABLE removal (entry_key int8 PRIMARY KEY, generation int8 NOT NULL, algorithm int4 NOT NULL);
   CREATE INDEX removal_generation ON removal (generation);
   CREATE TABLE removed_list (list_id int4 PRIMARY KEY, first_key int8 NOT NULL, last_key int8 NOT NULL);
   CREATE TABLE disabled_entry (
     list_id int4 NOT NULL, algorithm int4 NOT NULL, value bytea NOT NULL, entry_id text COLLATE "C" NOT NULL,
     PRIMARY KEY (list_id, algorithm, value, entry_id)
   );
   CREATE TABLE withdrawal (
     list_id int4 NOT NULL, entry_id text COLLATE "C" NOT NULL, at_ms int8 NOT NULL, version int4 NOT NULL,
     PRIMARY KEY (list_id, entry_id)
   );
   CREATE TABLE list_version (
     list_id int4 NOT NULL, version int4 NOT NULL, is_held int4 NOT NULL, imported_at text NOT NULL, origin text,
     facts text NOT NULL, checksum text NOT NULL, import text NOT NULL, PRIMARY KEY (list_id, version)
   );
   -- Rows of held versions, sealed, in the order of their parts.
   CREATE TABLE held_part (import text NOT NULL, part int4 NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (import, part));

   -- Imports that run, until they are extended; their changes, which a crash of the server empties.
   CREATE TABLE import_run (import text PRIMARY KEY, until timestamptz NOT NULL);
   CREATE UNLOGGED TABLE staged_entry (
     import text NOT NULL, id int8 NOT NULL, state int4 NOT NULL, ${ENTRY}, disabled int4 NOT NULL,
     quarantined int4 NOT NULL, since int4 NOT NULL, PRIMARY KEY (import, id)
   );
   CREATE INDEX staged_value ON staged_entry (import, algorithm, (${nameOf('value')}));
   CREATE INDEX staged_id ON staged_entry (import, entry_id);
   CREATE UNLOGGED TABLE staged_withdrawal (
     import text NOT NULL, entry_id text COLLATE "C" NOT NULL, at_ms int8 NOT NULL, PRIMARY KEY (import, entry_id)
   );

   CREATE TABLE feedback (
     list_id int4 NOT NULL, service text COLLATE "C" NOT NULL, entry_id text COLLATE "C" NOT NULL, algorithm int4 NOT NULL,
     verdict text NOT NULL, sent text NOT NULL, at text NOT NULL, state text NOT NULL, status int4,
     PRIMARY KEY (list_id, service, entry_id, algorithm)
   );`;
