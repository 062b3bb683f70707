/**
 * Tables of scans that several machines do together. A folder is a row until it is in a published inventory; its path may be
 * longer than a key of an index, which is its digest. Shards are held as duties.
 */
export const SCAN_TABLES = `
   CREATE TABLE joined_scan (
     name text COLLATE "C" PRIMARY KEY, run int4 NOT NULL, parameters text NOT NULL, began_ms int8 NOT NULL, ended_ms int8
   );
   CREATE TABLE scan_shard (
     scan text COLLATE "C" NOT NULL REFERENCES joined_scan ON DELETE CASCADE, shard int4 NOT NULL,
     run int4 NOT NULL DEFAULT 0, units int8 NOT NULL DEFAULT 0, found int8 NOT NULL DEFAULT 0, done int8 NOT NULL DEFAULT 0, sums text,
     inventory text, inventory_sha256 text, prepared bytea, rested int8 NOT NULL DEFAULT 0,
     is_closed bool NOT NULL DEFAULT false, PRIMARY KEY (scan, shard)
   );
   CREATE TABLE scan_folder (
     scan text COLLATE "C" NOT NULL, shard int4 NOT NULL, id bytea NOT NULL, path bytea NOT NULL, is_slice bool NOT NULL,
     unit int8, tries int4 NOT NULL DEFAULT 0, PRIMARY KEY (scan, shard, id),
     FOREIGN KEY (scan, shard) REFERENCES scan_shard ON DELETE CASCADE
   );
   CREATE INDEX scan_folder_waiting ON scan_folder (scan, shard, id) WHERE unit IS NULL;
   CREATE INDEX scan_folder_unpublished ON scan_folder (scan, shard, id) WHERE unit IS NOT NULL;
   CREATE TABLE scan_line (
     scan text COLLATE "C" NOT NULL, shard int4 NOT NULL, unit int8 NOT NULL, body bytea NOT NULL,
     PRIMARY KEY (scan, shard, unit), FOREIGN KEY (scan, shard) REFERENCES scan_shard ON DELETE CASCADE
   );`;

/** Ranges of buckets: known as long as the scan is, since inventories have their objects by range. The last one of a root is open while it is listed. */
export const SCAN_RANGES = `-- additive
   ALTER TABLE scan_folder ADD COLUMN up_to bytea;
   CREATE TABLE scan_range (
     scan text COLLATE "C" NOT NULL REFERENCES joined_scan ON DELETE CASCADE, root bytea NOT NULL, number int8 NOT NULL,
     shard int4 NOT NULL, id bytea NOT NULL, path bytea NOT NULL, up_to bytea, is_open bool NOT NULL,
     tries int4 NOT NULL DEFAULT 0,
     PRIMARY KEY (scan, root, number)
   );
   CREATE INDEX scan_range_open ON scan_range (scan, id) WHERE is_open;`;
