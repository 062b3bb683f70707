/** A store of shares in memory, with a clock that the test sets: an exchange is written, and then read, as over a network. */
import type { OtherClaims, Portions, ShareClaim, ShareStore } from '../../src/store/shares-contract.js';

const NOTHING: Portions = { checks: 0, requests: 0 };
const added = (a: Portions, b: Portions): Portions => ({
  checks: a.checks + b.checks,
  requests: a.requests + b.requests,
});

/** `step`: awaited before each access. */
export function memoryShares(
  nowMs: () => number,
  step: (holder: string) => Promise<void> = async () => {},
): ShareStore {
  const rows = new Map<string, { untilMs: number; claims: readonly ShareClaim[] }>();
  return {
    async exchange(holder, claims, leaseMs) {
      await step(holder);
      rows.set(holder, { untilMs: nowMs() + leaseMs, claims });
      await step(holder);
      const live = [...rows].filter(([name, { untilMs }]) => name !== holder && untilMs > nowMs());
      const tenants = new Map<string, OtherClaims>();
      for (const { tenant } of claims) {
        const of = live.flatMap(([, row]) => row.claims.filter((one) => one.tenant === tenant));
        if (of.length === 0) continue;
        tenants.set(tenant, {
          holders: of.length,
          use: of.map(({ use }) => use).reduce(added, NOTHING),
          claim: of.map(({ claim }) => claim).reduce(added, NOTHING),
        });
      }
      await step(holder);
      return { others: live.length, tenants };
    },
    async leave(holder) {
      rows.delete(holder);
    },
  };
}
