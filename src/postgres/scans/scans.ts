/** Scans that several machines do together, in PostgreSQL: see the contract. Every change of a shard locks its duty first. */
import { AppError } from '../../core/errors.js';
import type { PathBytes } from '../../core/path-bytes.js';
import type { Lease } from '../../store/duties-contract.js';
import {
  type FinishedUnit,
  type JoinedFolder,
  type JoinedScan,
  type JoinedScanStore,
  LASTING_KEY,
  listingDuty,
  type OpenRange,
  type PublishedInventory,
  SCAN_SHARDS,
  type ScanRoots,
  type ShardState,
  shardDuty,
  shardKeys,
  type TriedFolder,
} from '../../store/joined-scans-contract.js';
import type { Database, Sql } from '../database.js';
import { deleteInSteps } from '../rows.js';
import { IS_HELD, isNewest } from '../service/duties.js';
import { addFolders, type FolderRow, folderOf, idOf } from './folders.js';
import { beginRanges, endOpenRange, failOpenRange, OPEN_RANGE, openRangeOf, type RangeRow } from './ranges.js';

interface ScanRow {
  readonly name: string;
  readonly run: number;
  readonly parameters: string;
  readonly began_ms: number;
  readonly ended_ms: number | null;
}

interface ShardRow {
  readonly shard: number;
  readonly run: number;
  readonly units: number;
  readonly found: number;
  readonly done: number;
  readonly sums: string | null;
  readonly inventory: string | null;
  readonly inventory_sha256: string | null;
  readonly prepared: Buffer | null;
  /** Fence of the newest holder that came on, or ended its duty by itself. */
  readonly rested: number;
  readonly is_closed: boolean;
}

/** Lines that are read at once: of a few units. */
const LINES_AT_A_TIME = 16;
const NOW_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::int8';
/** Characters before and behind a space. */
const BEHIND_SPACE = '!';

type TriedRow = FolderRow & { readonly tries: number };
const triedOf = (row: TriedRow): TriedFolder => ({ ...folderOf(row), tries: row.tries });
const scanOf = ({ began_ms, ended_ms, ...row }: ScanRow): JoinedScan => ({
  ...row,
  beganMs: began_ms,
  endedMs: ended_ms,
});
/** The bounds of all texts that begin with `prefix`, which ends with a space. */
const keysFrom = (prefix: string) => [prefix, `${prefix.slice(0, -1)}${BEHIND_SPACE}`] as const;

function stateOf(row: ShardRow, fence: number): ShardState {
  const { shard, units, sums, found, done, inventory, inventory_sha256: sha256, prepared, rested, is_closed } = row;
  return {
    shard,
    units,
    sums,
    found,
    done,
    inventory: inventory === null ? null : { blob: inventory, sha256: sha256! },
    prepared,
    deaths: Math.max(0, fence - 1 - rested),
    isClosed: is_closed,
  };
}

export class PostgresScans implements JoinedScanStore {
  readonly #database: Database;

  constructor(database: Database) {
    // Keys of answers are of tenants; scans are of the service.
    this.#database = database.forAll();
  }

  join(
    { name, parameters }: Pick<JoinedScan, 'name' | 'parameters'>,
    roots: ScanRoots,
    { again }: { readonly again: boolean },
  ): Promise<JoinedScan> {
    return this.#database.writeLong(async (sql) => {
      await sql(
        `INSERT INTO joined_scan (name, run, parameters, began_ms, ended_ms) VALUES ($1, 0, $2, 0, 0)
         ON CONFLICT DO NOTHING`,
        [name, parameters],
      );
      const [held] = await sql<ScanRow>('SELECT * FROM joined_scan WHERE name = $1 FOR UPDATE', [name]);
      const isNew = held!.run === 0;
      if (!isNew && (held!.ended_ms === null || !again)) return scanOf(held!);
      await beginAgain(sql, held!, roots);
      const [row] = await sql<ScanRow>(
        `UPDATE joined_scan SET run = run + 1, parameters = $2, began_ms = ${NOW_MS}, ended_ms = NULL WHERE name = $1
         RETURNING *`,
        [name, parameters],
      );
      return scanOf(row!);
    });
  }

  async scan(name: string): Promise<JoinedScan | null> {
    const [row] = await this.#database.read<ScanRow>('SELECT * FROM joined_scan WHERE name = $1 AND run > 0', [name]);
    return row ? scanOf(row) : null;
  }

  free({ name }: JoinedScan) {
    return this.#database.snapshot(async (sql) => {
      const open = await sql<{ shard: number; isBusy: boolean; isHeld: boolean }>(
        `SELECT shard, prepared IS NOT NULL OR EXISTS (
             SELECT 1 FROM scan_folder WHERE scan_folder.scan = scan_shard.scan AND scan_folder.shard = scan_shard.shard
           ) AS "isBusy",
           EXISTS (SELECT 1 FROM duty WHERE duty.name = 'scan ' || scan || ' ' || shard AND ${IS_HELD}) AS "isHeld"
         FROM scan_shard WHERE scan = $1 AND NOT is_closed`,
        [name],
      );
      const [listed] = await sql(OPEN_RANGE, [name]);
      const isClosing = listed === undefined && open.every(({ isBusy }) => !isBusy);
      const shards = open.filter(({ isBusy, isHeld }) => !isHeld && (isBusy || isClosing)).map(({ shard }) => shard);
      return { shards, isClosing };
    });
  }

  async openRanges({ name, run }: JoinedScan): Promise<readonly OpenRange[]> {
    const rows = await this.#database.read<RangeRow>(
      `SELECT * FROM scan_range WHERE scan = $1 AND is_open
         AND EXISTS (SELECT 1 FROM joined_scan WHERE name = $1 AND run = $2)`,
      [name, run],
    );
    return rows.map(openRangeOf);
  }

  endRange(
    scan: JoinedScan,
    { range }: OpenRange,
    lease: Lease,
    end: { readonly upTo: PathBytes | null; readonly next: JoinedFolder | null },
  ): Promise<void> {
    return this.#listing(scan, lease, (sql) => endOpenRange(sql, scan.name, range, end));
  }

  failRange(scan: JoinedScan, { range }: OpenRange, lease: Lease): Promise<number> {
    return this.#listing(scan, lease, (sql) => failOpenRange(sql, scan.name, range));
  }

  shard(scan: JoinedScan, shard: number, lease: Lease): Promise<ShardState> {
    return this.#held(scan, shard, lease, async (_, row) => stateOf(row, lease.fence));
  }

  async shards({ name, run }: JoinedScan): Promise<readonly ShardState[]> {
    const rows = await this.#database.read<ShardRow>(
      'SELECT * FROM scan_shard WHERE scan = $1 AND run = $2 ORDER BY shard',
      [name, run],
    );
    if (rows.length !== SCAN_SHARDS) throw begunAgain(name);
    return rows.map((row) => stateOf(row, 0));
  }

  async waiting({ name }: JoinedScan, shard: number, limit: number) {
    const rows = await this.#database.read<TriedRow>(
      'SELECT * FROM scan_folder WHERE scan = $1 AND shard = $2 AND unit IS NULL ORDER BY id LIMIT $3',
      [name, shard, limit],
    );
    return rows.map(triedOf);
  }

  async unpublished({ name }: JoinedScan, shard: number): Promise<readonly TriedFolder[]> {
    const rows = await this.#database.read<TriedRow>(
      'SELECT * FROM scan_folder WHERE scan = $1 AND shard = $2 AND unit IS NOT NULL ORDER BY id',
      [name, shard],
    );
    return rows.map(triedOf);
  }

  async tryAlone(scan: JoinedScan, { shard, path, tries }: TriedFolder, lease: Lease): Promise<void> {
    await this.#held(scan, shard, lease, (sql) =>
      sql('UPDATE scan_folder SET tries = $4 WHERE scan = $1 AND shard = $2 AND id = $3', [
        scan.name,
        shard,
        idOf(path),
        tries + 1,
      ]),
    );
  }

  async prepare(
    scan: JoinedScan,
    shard: number,
    lease: Lease,
    { unit, body }: { unit: number; body: Uint8Array },
  ): Promise<void> {
    await this.#held(scan, shard, lease, (sql) =>
      // An earlier try of this holder may have stored it.
      sql('UPDATE scan_shard SET prepared = $3 WHERE scan = $1 AND shard = $2 AND units = $4', [
        scan.name,
        shard,
        body,
        unit - 1,
      ]),
    );
  }

  async finish(
    scan: JoinedScan,
    shard: number,
    lease: Lease,
    { unit, sums, done, found, lines, isSuspect }: FinishedUnit,
  ): Promise<void> {
    const { name } = scan;
    await this.#held(scan, shard, lease, async (sql, row) => {
      // An earlier try was committed, and its answer lost.
      if (row.units >= unit) return;
      if (row.prepared === null) throw new AppError('STORE_FAILED', { why: 'no unit is prepared', scan: name, shard });
      await addFolders(sql, name, found);
      await sql('UPDATE scan_folder SET unit = $4 WHERE scan = $1 AND shard = $2 AND id = ANY ($3::bytea[])', [
        name,
        shard,
        done.map(({ path }) => idOf(path)),
        unit,
      ]);
      if (lines !== null)
        await sql('INSERT INTO scan_line (scan, shard, unit, body) VALUES ($1, $2, $3, $4)', [
          name,
          shard,
          unit,
          lines,
        ]);
      await sql(
        `UPDATE scan_shard SET units = $3, sums = $4, found = found + $5, done = done + $6, prepared = NULL,
           rested = CASE WHEN $8 THEN rested ELSE $7 END
         WHERE scan = $1 AND shard = $2`,
        [name, shard, unit, sums, found.length, done.length, lease.fence, isSuspect],
      );
    });
  }

  async publish(scan: JoinedScan, shard: number, lease: Lease, inventory: PublishedInventory): Promise<void> {
    await this.#held(scan, shard, lease, async (sql) => {
      await sql('DELETE FROM scan_folder WHERE scan = $1 AND shard = $2 AND unit IS NOT NULL', [scan.name, shard]);
      await setInventory(sql, scan.name, shard, inventory);
    });
  }

  async rest(scan: JoinedScan, shard: number, lease: Lease): Promise<void> {
    await this.#held(scan, shard, lease, (sql) =>
      sql('UPDATE scan_shard SET rested = $3 WHERE scan = $1 AND shard = $2', [scan.name, shard, lease.fence]),
    );
  }

  async close(
    scan: JoinedScan,
    shard: number,
    lease: Lease,
    { sums, inventory }: { readonly sums: string; readonly inventory: PublishedInventory | null },
  ): Promise<void> {
    await this.#held(scan, shard, lease, async (sql) => {
      if (inventory !== null) await setInventory(sql, scan.name, shard, inventory);
      await sql(
        'UPDATE scan_shard SET sums = $3, is_closed = true, rested = $4 WHERE scan = $1 AND shard = $2 AND NOT is_closed',
        [scan.name, shard, sums, lease.fence],
      );
    });
  }

  async closeUntouched({ name, run }: JoinedScan, tenant: string): Promise<void> {
    await this.#database.writeOnce((sql) =>
      sql(
        `UPDATE scan_shard SET is_closed = true
         WHERE scan = $1 AND NOT is_closed AND units = 0 AND inventory IS NULL AND prepared IS NULL
           AND NOT EXISTS (SELECT 1 FROM scan_folder WHERE scan = $1) AND NOT EXISTS (${OPEN_RANGE})
           AND EXISTS (SELECT 1 FROM joined_scan WHERE name = $1 AND run = $2)
           AND NOT EXISTS (SELECT 1 FROM answered WHERE tenant = $3
             AND key >= $4 || shard || ' ' AND key < $4 || shard || '${BEHIND_SPACE}')`,
        [name, run, tenant, `${LASTING_KEY}${name} ${run} `],
      ),
    );
  }

  async recorded({ name, run }: JoinedScan, shard: number, tenant: string): Promise<ReadonlyMap<number, string>> {
    const prefix = shardKeys(name, run, shard);
    const rows = await this.#database.read<{ key: string; fingerprint: string }>(
      'SELECT key, fingerprint FROM answered WHERE tenant = $1 AND key >= $2 AND key < $3',
      [tenant, ...keysFrom(prefix)],
    );
    return new Map(rows.map(({ key, fingerprint }) => [Number(key.slice(prefix.length)), fingerprint]));
  }

  async end({ name, run }: JoinedScan): Promise<boolean> {
    const ended = await this.#database.writeOnce((sql) =>
      sql(
        `UPDATE joined_scan SET ended_ms = ${NOW_MS} WHERE name = $1 AND run = $2 AND ended_ms IS NULL
           AND NOT EXISTS (SELECT 1 FROM scan_shard WHERE scan = $1 AND NOT is_closed) RETURNING 1`,
        [name, run],
      ),
    );
    return ended.length > 0;
  }

  forget({ name }: JoinedScan): Promise<boolean> {
    return this.#database.writeLong(async (sql) => {
      await sql('SELECT 1 FROM joined_scan WHERE name = $1 FOR UPDATE', [name]);
      // Locked, no process takes a shard meanwhile.
      const duties = await sql<{ isHeld: boolean }>(
        `SELECT ${IS_HELD} AS "isHeld" FROM duty WHERE name >= $1 AND name < $2 FOR UPDATE`,
        keysFrom(`${LASTING_KEY}${name} `),
      );
      if (duties.some(({ isHeld }) => isHeld)) return false;
      await sql('DELETE FROM joined_scan WHERE name = $1', [name]);
      await deleteInSteps(sql, 'answered', 'key >= $1 AND key < $2', keysFrom(`${LASTING_KEY}${name} `));
      return true;
    });
  }

  async *lines({ name, run }: JoinedScan): AsyncGenerator<Uint8Array> {
    for (let after = { shard: -1, unit: 0 }; ; ) {
      const rows = await this.#database.read<{ shard: number; unit: number; body: Buffer }>(
        `SELECT shard, unit, body FROM scan_line WHERE scan = $1 AND (shard, unit) > ($2, $3)
           AND EXISTS (SELECT 1 FROM joined_scan WHERE name = $1 AND run = $4)
         ORDER BY shard, unit LIMIT ${LINES_AT_A_TIME}`,
        [name, after.shard, after.unit, run],
      );
      if (rows.length === 0) {
        if ((await this.scan(name))?.run !== run) throw begunAgain(name);
        return;
      }
      for (const { body } of rows) yield body;
      after = rows.at(-1)!;
    }
  }

  /** Run `act` in one transaction, in which no other process can list in place of this one. Errors LEASE_LOST. */
  #listing<T>({ name, run }: JoinedScan, lease: Lease, act: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#database.writeOnce(async (sql) => {
      const lost = new AppError('LEASE_LOST', { duty: lease.duty });
      // First, as where a scan is forgotten.
      const [scan] = await sql<ScanRow>('SELECT * FROM joined_scan WHERE name = $1 FOR SHARE', [name]);
      if (scan?.run !== run) throw lost;
      if (!lease.duty.startsWith(listingDuty(name, '')) || !(await isNewest(sql, lease))) throw lost;
      return act(sql);
    });
  }

  /** Run `act` in one transaction, in which no other process can take the shard. Errors LEASE_LOST. */
  #held<T>(
    { name, run }: JoinedScan,
    shard: number,
    lease: Lease,
    act: (sql: Sql, row: ShardRow) => Promise<T>,
  ): Promise<T> {
    // A unit may have hundreds of thousands of folders, or lines of a hundred megabytes.
    return this.#database.writeLong(async (sql) => {
      const lost = new AppError('LEASE_LOST', { duty: lease.duty });
      if (lease.duty !== shardDuty(name, shard) || !(await isNewest(sql, lease))) throw lost;
      // Others add folders to this shard meanwhile: their rows refer to it, and their transactions lock other shards.
      const [row] = await sql<ShardRow>('SELECT * FROM scan_shard WHERE scan = $1 AND shard = $2 FOR NO KEY UPDATE', [
        name,
        shard,
      ]);
      if (row?.run !== run) throw lost;
      return act(sql, row);
    });
  }
}

async function beginAgain(sql: Sql, { name, run }: ScanRow, { folders, buckets }: ScanRoots): Promise<void> {
  // Those of the run that has ended stay: a process of it that stood still may wake and record its unit again.
  if (run > 0)
    await deleteInSteps(sql, 'answered', 'key >= $1 AND key < $2 AND NOT (key >= $3 AND key < $4)', [
      ...keysFrom(`${LASTING_KEY}${name} `),
      ...keysFrom(`${LASTING_KEY}${name} ${run} `),
    ]);
  await sql('DELETE FROM scan_line WHERE scan = $1', [name]);
  await sql(`INSERT INTO scan_shard (scan, shard) SELECT $1, generate_series(0, $2::int4 - 1) ON CONFLICT DO NOTHING`, [
    name,
    SCAN_SHARDS,
  ]);
  await addFolders(sql, name, folders);
  await beginRanges(sql, name, buckets);
  await sql(
    `UPDATE scan_shard SET run = $2, units = 0, done = 0, sums = NULL, is_closed = false, prepared = NULL,
       found = (SELECT count(*) FROM scan_folder WHERE scan_folder.scan = $1 AND scan_folder.shard = scan_shard.shard),
       rested = coalesce((SELECT fence FROM duty WHERE name = 'scan ' || scan || ' ' || shard), 0)
     WHERE scan = $1`,
    [name, run + 1],
  );
}

const begunAgain = (scan: string) =>
  new AppError('REQUEST_INVALID', { field: 'join', scan, why: 'it was begun again, or forgotten' });

const setInventory = (sql: Sql, scan: string, shard: number, { blob, sha256 }: PublishedInventory) =>
  sql('UPDATE scan_shard SET inventory = $3, inventory_sha256 = $4 WHERE scan = $1 AND shard = $2', [
    scan,
    shard,
    blob,
    sha256,
  ]);
