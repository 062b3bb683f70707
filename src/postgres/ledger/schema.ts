/**
 * Tables of the ledger. Each process life that records answers is a `ledger_writer` with a chain of its own, so no row is
 * written by two processes for an answer without hits. What the rows of a chain bind is in `chain.ts`.
 */
import { LASTING_KEY } from '../../store/joined-scans-contract.js';

export const LEDGER_TABLES = `
   CREATE TABLE ledger_writer (
     id text COLLATE "C" PRIMARY KEY, seq int8 NOT NULL, hash bytea NOT NULL
   ) WITH (fillfactor = 50);
   CREATE TABLE ledger_link (
     writer text COLLATE "C" NOT NULL, seq int8 NOT NULL, at int8 NOT NULL, body text NOT NULL, hash bytea NOT NULL,
     PRIMARY KEY (writer, seq)
   ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

   CREATE TABLE ledger_checkpoint (
     no int8 PRIMARY KEY, at int8 NOT NULL, body text NOT NULL, hash bytea NOT NULL
   );
   -- The newest checkpoint. Its lock is that of a fold.
   CREATE TABLE ledger_head (
     id bool PRIMARY KEY DEFAULT true CHECK (id), no int8 NOT NULL, hash bytea NOT NULL
   );
   INSERT INTO ledger_head (no, hash) VALUES (0, sha256('zeef ledger'));
   CREATE TABLE tally (
     tenant text COLLATE "C" NOT NULL, level int4 NOT NULL, start int8 NOT NULL, checked int8 NOT NULL,
     exact int8 NOT NULL, near int8 NOT NULL, suppressed int8 NOT NULL, not_checked int8 NOT NULL, cells text NOT NULL,
     PRIMARY KEY (tenant, level, start)
   ) WITH (fillfactor = 70);
   CREATE INDEX tally_period ON tally (level, start);

   CREATE TABLE hit (
     id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, key bytea NOT NULL, version int4 NOT NULL,
     reference text COLLATE "C", kind text NOT NULL, first_seen int8 NOT NULL, last_seen int8 NOT NULL,
     times_seen int8 NOT NULL, after_removal int8 NOT NULL, status text NOT NULL, quarantined int4 NOT NULL,
     list text NOT NULL, category text, started int8 NOT NULL, stopped int8, evidence_seq int4 NOT NULL,
     UNIQUE (tenant, key)
   ) WITH (fillfactor = 80);
   CREATE INDEX hit_newest ON hit (tenant, id);
   CREATE INDEX hit_cases ON hit (tenant, first_seen);
   CREATE INDEX hit_reference ON hit (tenant, reference) WHERE reference IS NOT NULL;
   CREATE INDEX hit_running ON hit (tenant, started) WHERE stopped IS NULL;
   CREATE INDEX hit_stopped ON hit (stopped) WHERE stopped IS NOT NULL;
   -- The number and the hash come with the fold: the place in the chain of events.
   CREATE TABLE hit_event (
     hit text COLLATE "C" NOT NULL, version int4 NOT NULL, writer text COLLATE "C" NOT NULL, seq int8 NOT NULL,
     place int4 NOT NULL, at int8 NOT NULL, kind text NOT NULL, tenant text COLLATE "C" NOT NULL, body text,
     body_hash bytea NOT NULL, digest bytea NOT NULL, number int8, hash bytea,
     PRIMARY KEY (hit, version), UNIQUE (writer, seq, place)
   );
   CREATE UNIQUE INDEX hit_event_number ON hit_event (number);
   CREATE INDEX hit_event_open ON hit_event (writer, seq, place) WHERE number IS NULL;
   CREATE TABLE hit_news (
     hit text COLLATE "C" NOT NULL, version int4 NOT NULL, number int8, PRIMARY KEY (hit, version)
   );
   CREATE INDEX hit_news_number ON hit_news (number);

   CREATE TABLE answered (
     tenant text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, at int8 NOT NULL, fingerprint text NOT NULL,
     PRIMARY KEY (tenant, key)
   );
   CREATE INDEX answered_at ON answered (at);`;

/** Of an Idempotency-Key: it ends by its age. */
export const IS_FORGOTTEN = `NOT starts_with(key, '${LASTING_KEY}')`;

/** By age those alone that end by it: the others would be read again at each look for old ones, as long as they last. */
export const KEYS_BY_AGE = `
   CREATE INDEX answered_ends ON answered (at) WHERE ${IS_FORGOTTEN};
   DROP INDEX answered_at;`;

/** Who has a case, whether it is disputed, and the digests of its file, whose marks the hits of earlier versions get afterwards. */
export const CASE_FACTS = `
   ALTER TABLE hit ADD COLUMN md5_mark bytea, ADD COLUMN sha1_mark bytea, ADD COLUMN sha256_mark bytea,
     ADD COLUMN marked int4 NOT NULL DEFAULT 0, ADD COLUMN assignee text COLLATE "C",
     ADD COLUMN disputed int4 NOT NULL DEFAULT 0;
   CREATE INDEX hit_md5 ON hit (md5_mark) WHERE md5_mark IS NOT NULL;
   CREATE INDEX hit_sha1 ON hit (sha1_mark) WHERE sha1_mark IS NOT NULL;
   CREATE INDEX hit_sha256 ON hit (sha256_mark) WHERE sha256_mark IS NOT NULL;
   CREATE INDEX hit_unmarked ON hit (id) WHERE marked = 0;
   CREATE INDEX hit_assignee ON hit (tenant, assignee) WHERE assignee IS NOT NULL;
   CREATE INDEX hit_disputed ON hit (tenant, id) WHERE disputed = 1;`;
