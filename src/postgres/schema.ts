/**
 * The schema of PostgreSQL, one text per version; never edited once released. Texts are compared by their bytes, as in
 * SQLite, whatever the locale of the database is. Times are texts where a digest or a caller depends on their form.
 *
 * Processes are replaced one after the other, so code of the version before uses the schema too. A text that only adds (tables,
 * indexes, columns with a default) begins with the line `-- additive`: that code also starts then (`migrate.ts`). What is
 * to be removed is removed in a later version.
 */

import { BLOB_TABLES } from './blobs/schema.js';
import { FENCE } from './fence.js';
import { CASE_FACTS, KEYS_BY_AGE, LEDGER_TABLES } from './ledger/schema.js';
import { LIST_DETAIL, LIST_TABLES } from './lists/schema.js';
import { END_OF_MOVE, MOVE_TABLES, MOVED_AWAY } from './move/schema.js';
import { SCAN_RANGES, SCAN_TABLES } from './scans/schema.js';

export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE store (
     id bool PRIMARY KEY DEFAULT true CHECK (id),
     usage_seed int8 NOT NULL
   );
   -- The first digits of a version 4 UUID are random, and strong.
   INSERT INTO store (usage_seed) VALUES (('x' || left(gen_random_uuid()::text, 8))::bit(32)::int8);

   CREATE TABLE duty (
     name text COLLATE "C" PRIMARY KEY, fence int8 NOT NULL, until timestamptz NOT NULL, lease_ms int8 NOT NULL,
     ended_ms int8
   );

   CREATE TABLE tenant (
     name text COLLATE "C" PRIMARY KEY, created_at text NOT NULL, disabled bool NOT NULL DEFAULT false,
     limits text NOT NULL DEFAULT '{}', alarm text
   );
   CREATE TABLE tenant_usage (
     tenant text COLLATE "C" NOT NULL, day text COLLATE "C" NOT NULL, checks int8 NOT NULL, bytes int8 NOT NULL,
     hashes bytea, PRIMARY KEY (tenant, day)
   );

   CREATE TABLE api_key (
     id text COLLATE "C" PRIMARY KEY, line text COLLATE "C" NOT NULL, sha256 bytea NOT NULL UNIQUE,
     tenant text COLLATE "C" NOT NULL REFERENCES tenant, name text, scopes text NOT NULL, created_at text NOT NULL,
     expires_at text, revoked_at text, last_used_at text,
     -- For the order of a listing only: transactions commit in another order than they take numbers.
     number int8 GENERATED ALWAYS AS IDENTITY
   );
   CREATE INDEX api_key_line ON api_key (line);

   CREATE TABLE import_job (
     id text COLLATE "C" PRIMARY KEY, list text COLLATE "C" NOT NULL, state text NOT NULL, facts text NOT NULL
   );

   CREATE TABLE audit (
     seq int8 PRIMARY KEY, at text NOT NULL, actor text NOT NULL, action text NOT NULL, tenant text COLLATE "C",
     target text, details text NOT NULL, hash text NOT NULL, outcome text, ends int8
   );
   CREATE INDEX audit_ends ON audit (ends) WHERE ends IS NOT NULL;
   CREATE TABLE audit_head (id int4 PRIMARY KEY CHECK (id = 1), seq int8 NOT NULL, hash text NOT NULL);
   INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, repeat('0', 64));`,
  // Webhooks and their events: once each, by subject. An end of a lease or a pause, with its length.
  `CREATE TABLE webhook (
     id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C", url text NOT NULL, secret_env text NOT NULL,
     created_at text NOT NULL, mark text NOT NULL, number int8 GENERATED ALWAYS AS IDENTITY
   );
   CREATE TABLE webhook_event (
     id text COLLATE "C" PRIMARY KEY, webhook_id text COLLATE "C" NOT NULL REFERENCES webhook ON DELETE CASCADE,
     kind text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, body text NOT NULL, created_at text NOT NULL,
     attempts int4 NOT NULL DEFAULT 0, last_error text, state text NOT NULL, claims int8 NOT NULL DEFAULT 0,
     until timestamptz NOT NULL DEFAULT '-infinity', length_ms int8 NOT NULL DEFAULT 0, done_ms int8 NOT NULL DEFAULT 0,
     number int8 GENERATED ALWAYS AS IDENTITY, UNIQUE (webhook_id, kind, subject)
   );
   CREATE INDEX webhook_event_open ON webhook_event (webhook_id, until) WHERE state <> 'done';`,
  LIST_TABLES,
  LEDGER_TABLES,
  // Shares of processes in tenants' limits, and notes between processes: all of them last for seconds.
  `CREATE TABLE share_holder (
     holder text COLLATE "C" PRIMARY KEY, until timestamptz NOT NULL, lease_ms int8 NOT NULL
   );
   CREATE TABLE share (
     tenant text COLLATE "C" NOT NULL, holder text COLLATE "C" NOT NULL REFERENCES share_holder ON DELETE CASCADE,
     use_checks float8 NOT NULL, use_requests float8 NOT NULL, claim_checks float8 NOT NULL,
     claim_requests float8 NOT NULL, PRIMARY KEY (tenant, holder)
   );
   CREATE INDEX share_of_holder ON share (holder);
   CREATE TABLE note (
     writer text COLLATE "C" NOT NULL, number int8 NOT NULL, body bytea NOT NULL, until timestamptz NOT NULL,
     kept_ms int8 NOT NULL, PRIMARY KEY (writer, number)
   );`,
  // The processes that use the store. Times are those of the server's clock.
  `CREATE TABLE replica (
     id text COLLATE "C" PRIMARY KEY, host text NOT NULL, kind text NOT NULL, code_version text NOT NULL,
     generation int8 NOT NULL, skew_ms int8 NOT NULL, seen_ms int8 NOT NULL
   );`,
  BLOB_TABLES,
  MOVE_TABLES,
  SCAN_TABLES,
  END_OF_MOVE,
  FENCE,
  MOVED_AWAY,
  KEYS_BY_AGE,
  CASE_FACTS,
  LIST_DETAIL,
  SCAN_RANGES,
];
