/**
 * Shares in PostgreSQL. A process writes its own rows alone, and deletes those of processes that died, so none waits for
 * another. It reads the others after its commit: of two that claim at once, the later commit sees the earlier one.
 */
import type { OtherClaims, ShareClaim, ShareStore, SharesNow } from '../../store/shares-contract.js';
import type { Database } from '../database.js';
import { arraysOf, type Columns, unnested } from '../rows.js';

interface ShareRow {
  readonly tenant: string;
  readonly use_checks: number;
  readonly use_requests: number;
  readonly claim_checks: number;
  readonly claim_requests: number;
}

const COLUMNS: Columns<ShareRow> = {
  tenant: 'text',
  use_checks: 'float8',
  use_requests: 'float8',
  claim_checks: 'float8',
  claim_requests: 'float8',
};
const NAMES = Object.keys(COLUMNS);

/** One that ends later than it can is from before the clock was set back. */
const IS_LIVE = `(until > clock_timestamp() AND until <= clock_timestamp() + lease_ms * interval '1 millisecond')`;

export class PostgresShares implements ShareStore {
  readonly #database: Database;

  constructor(database: Database) {
    // A process has those of all tenants.
    this.#database = database.forAll();
  }

  async exchange(holder: string, claims: readonly ShareClaim[], leaseMs: number): Promise<SharesNow> {
    const rows = claims.map(({ tenant, use, claim }) => ({
      tenant,
      use_checks: use.checks,
      use_requests: use.requests,
      claim_checks: claim.checks,
      claim_requests: claim.requests,
    }));
    await this.#database.write(async (sql) => {
      await sql(
        `INSERT INTO share_holder (holder, until, lease_ms)
           VALUES ($1, clock_timestamp() + $2::int8 * interval '1 millisecond', $2)
         ON CONFLICT (holder) DO UPDATE SET until = excluded.until, lease_ms = excluded.lease_ms`,
        [holder, leaseMs],
      );
      // After its own row: two that return from an outage together would wait for each other's.
      await sql(
        `DELETE FROM share_holder WHERE holder IN (
           SELECT holder FROM share_holder WHERE holder <> $1 AND NOT ${IS_LIVE} FOR UPDATE SKIP LOCKED)`,
        [holder],
      );
      await sql('DELETE FROM share WHERE holder = $1 AND tenant <> ALL ($2::text[])', [
        holder,
        rows.map(({ tenant }) => tenant),
      ]);
      await sql(
        `INSERT INTO share (holder, ${NAMES.join(', ')}) SELECT $1, ${NAMES.join(', ')} FROM ${unnested(COLUMNS, 2)}
         ON CONFLICT (tenant, holder) DO UPDATE SET ${NAMES.map((name) => `${name} = excluded.${name}`).join(', ')}`,
        [holder, ...arraysOf(COLUMNS, rows)],
      );
    });
    return this.#others(holder, claims);
  }

  async leave(holder: string): Promise<void> {
    await this.#database.write((sql) => sql('DELETE FROM share_holder WHERE holder = $1', [holder]));
  }

  async #others(holder: string, claims: readonly ShareClaim[]): Promise<SharesNow> {
    const [count] = await this.#database.read<{ others: number }>(
      `SELECT count(*) AS others FROM share_holder WHERE holder <> $1 AND ${IS_LIVE}`,
      [holder],
    );
    const others = count!.others;
    if (others === 0 || claims.length === 0) return { others, tenants: new Map() };
    const sums = await this.#database.read<ShareRow & { holders: number }>(
      `SELECT tenant, count(*) AS holders, sum(use_checks) AS use_checks, sum(use_requests) AS use_requests,
         sum(claim_checks) AS claim_checks, sum(claim_requests) AS claim_requests
       FROM share JOIN share_holder USING (holder)
       WHERE tenant = ANY ($2::text[]) AND holder <> $1 AND ${IS_LIVE} GROUP BY tenant`,
      [holder, claims.map(({ tenant }) => tenant)],
    );
    const toOthers = (row: (typeof sums)[number]): OtherClaims => ({
      holders: row.holders,
      use: { checks: row.use_checks, requests: row.use_requests },
      claim: { checks: row.claim_checks, requests: row.claim_requests },
    });
    return { others, tenants: new Map(sums.map((row) => [row.tenant, toOthers(row)])) };
  }
}
