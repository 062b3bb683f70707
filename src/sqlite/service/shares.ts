/** Shares in SQLite: a claim and the reading of the others are one transaction. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { OtherClaims, ShareClaim, ShareStore, SharesNow } from '../../store/shares-contract.js';
import { writeWithRetry } from '../busy.js';
import { prepared } from '../statements.js';
import { IS_TO_COME, storeMs } from './store-clock.js';

interface SumRow {
  readonly holders: number;
  readonly use_checks: number;
  readonly use_requests: number;
  readonly claim_checks: number;
  readonly claim_requests: number;
}

const toOthers = (row: SumRow): OtherClaims => ({
  holders: row.holders,
  use: { checks: row.use_checks, requests: row.use_requests },
  claim: { checks: row.claim_checks, requests: row.claim_requests },
});

export class SqliteShares implements ShareStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  exchange(holder: string, claims: readonly ShareClaim[], leaseMs: number): Promise<SharesNow> {
    return writeWithRetry(this.#db, () => {
      const now = { storeMs: storeMs() };
      const run = (sql: string, values: Record<string, unknown>) => prepared(this.#db, sql).run(values);
      run(`DELETE FROM share_holder WHERE NOT ${IS_TO_COME}`, now);
      run('INSERT OR REPLACE INTO share_holder (holder, until_ms, length_ms) VALUES (@holder, @untilMs, @leaseMs)', {
        holder,
        untilMs: now.storeMs + leaseMs,
        leaseMs,
      });
      run('DELETE FROM share WHERE holder = @holder OR holder NOT IN (SELECT holder FROM share_holder)', { holder });
      for (const { tenant, use, claim } of claims) {
        run(
          `INSERT INTO share (tenant, holder, use_checks, use_requests, claim_checks, claim_requests)
           VALUES (@tenant, @holder, @useChecks, @useRequests, @claimChecks, @claimRequests)`,
          {
            tenant,
            holder,
            useChecks: use.checks,
            useRequests: use.requests,
            claimChecks: claim.checks,
            claimRequests: claim.requests,
          },
        );
      }
      return this.#others(holder, claims);
    });
  }

  leave(holder: string): Promise<void> {
    return writeWithRetry(this.#db, () => {
      for (const table of ['share', 'share_holder']) {
        prepared(this.#db, `DELETE FROM ${table} WHERE holder = @holder`).run({ holder });
      }
    });
  }

  /** Inside the transaction in which all that ended was deleted. */
  #others(holder: string, claims: readonly ShareClaim[]): SharesNow {
    const count = prepared(this.#db, 'SELECT count(*) AS others FROM share_holder WHERE holder <> @holder');
    const { others } = count.get({ holder }) as { others: number };
    const sums = prepared(
      this.#db,
      `SELECT count(*) AS holders, sum(use_checks) AS use_checks, sum(use_requests) AS use_requests,
         sum(claim_checks) AS claim_checks, sum(claim_requests) AS claim_requests
       FROM share WHERE tenant = @tenant AND holder <> @holder`,
    );
    const tenants = new Map<string, OtherClaims>();
    for (const { tenant } of others > 0 ? claims : []) {
      const row = sums.get({ tenant, holder }) as SumRow;
      if (row.holders > 0) tenants.set(tenant, toOthers(row));
    }
    return { others, tenants };
  }
}
