/**
 * The contract of shares: processes of one store divide the limits of a tenant among them. Each one writes what it uses
 * and the largest part that it will take, then reads those of the others: of two that do so at once, at least one sees the
 * other. All of it ends with the lease of a process that died. The store measures leases by its own clock.
 */

/** Of the rate of checks, and of the requests in flight. */
export interface Portions {
  readonly checks: number;
  readonly requests: number;
}

export interface ShareClaim {
  readonly tenant: string;
  /** Checks a second, and requests at a time, that clients wanted of this process. */
  readonly use: Portions;
  /** Largest parts of the limits that this process takes until its next claim: 0..1. */
  readonly claim: Portions;
}

/** Sums over the other processes that serve a tenant. */
export interface OtherClaims {
  readonly holders: number;
  readonly use: Portions;
  readonly claim: Portions;
}

export interface SharesNow {
  /** Other processes with a lease, whatever they serve. */
  readonly others: number;
  /** By tenant: those of the claims that another process claims too. */
  readonly tenants: ReadonlyMap<string, OtherClaims>;
}

export interface ShareStore {
  /**
   * Replace what `holder` claims, for `leaseMs`. The result is read after the claims are visible to all.
   * Errors STORE_FAILED: it is unknown whether they are.
   */
  exchange(holder: string, claims: readonly ShareClaim[], leaseMs: number): Promise<SharesNow>;
  /** End the lease of `holder`. */
  leave(holder: string): Promise<void>;
}
