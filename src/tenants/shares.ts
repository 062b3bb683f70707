/**
 * The parts of its tenants' limits that this process may use. A process alone has all of each. Several exchange what they
 * use about once a second, and a part is the process's portion of all use.
 *
 * The parts of all processes never add up to more than 1, and a floor for each process beside: a process takes no more than
 * it has claimed in the store, nor than the claims of the others leave. One that joins others stays at the floor until
 * none of them can believe to be alone.
 */
import { randomUUID } from 'node:crypto';
import type { OtherClaims, Portions, ShareClaim, ShareStore } from '../store/shares-contract.js';

export const EXCHANGE_MS = 1_000;
/** Four exchanges may fail before the parts of a process end; those of one that died are free after this time. */
export const SHARE_LEASE_MS = 5_000;
/**
 * The least part, and the one of a process that cannot reach the store: twenty processes that are cut off together still
 * keep to the limits.
 */
export const SHARE_FLOOR = 0.05;
const WHOLE: Portions = { checks: 1, requests: 1 };
const FLOOR: Portions = { checks: SHARE_FLOOR, requests: SHARE_FLOOR };
const NONE: OtherClaims = { holders: 0, use: { checks: 0, requests: 0 }, claim: { checks: 0, requests: 0 } };

/** What clients wanted of this process lately. */
export interface Need {
  readonly tenant: string;
  readonly use: Portions;
  /** Parts that cannot be given back now: of requests in flight. */
  readonly held: Portions;
}

const each = (of: (name: keyof Portions) => number): Portions => ({ checks: of('checks'), requests: of('requests') });

/** With more than twenty processes, equal parts. */
const floorOf = ({ holders }: OtherClaims) => Math.min(SHARE_FLOOR, 1 / (holders + 1));

function wantedOf({ use, held }: Need, others: OtherClaims): Portions {
  const floor = floorOf(others);
  const processes = others.holders + 1;
  return each((name) => {
    const all = use[name] + others.use[name];
    const part = all > 0 ? floor + (1 - processes * floor) * (use[name] / all) : 1 / processes;
    return Math.min(1, Math.max(part, held[name]));
  });
}

export class Shares {
  readonly #holder = randomUUID();
  #untilMs = -Infinity;
  #isAlone = false;
  #floorUntilMs = -Infinity;
  /** Of tenants that were claimed, where this process is not alone. */
  #parts = new Map<string, Portions>();
  #others = new Map<string, OtherClaims>();

  /** `nowMs`: never jumps. */
  constructor(
    private readonly store: ShareStore,
    private readonly nowMs: () => number,
  ) {}

  /** False before the first exchange, and once the lease has ended. */
  get isKnown(): boolean {
    return this.nowMs() < this.#untilMs;
  }

  /** Return whether the tenant's part was exchanged, or is the whole. */
  has(tenant: string): boolean {
    return this.isKnown && (this.#isAlone || this.#parts.has(tenant));
  }

  partOf(tenant: string): Portions {
    if (!this.isKnown) return FLOOR;
    return this.#isAlone ? WHOLE : (this.#parts.get(tenant) ?? FLOOR);
  }

  /** Claim parts for all tenants that are served. `needs`: read before each claim, since requests begin meanwhile. Not called again before it has ended. Errors STORE_FAILED. */
  async exchange(needs: () => readonly Need[]): Promise<void> {
    if (this.isKnown && !this.#isAlone) {
      const isNew = needs().some(({ tenant }) => !this.#others.has(tenant));
      await this.#claim(needs);
      // The floor was claimed for a new tenant: now it is known what others use.
      if (isNew && !this.#isAlone) await this.#claim(needs);
      return;
    }
    const sentMs = this.nowMs();
    const { others } = await this.store.exchange(this.#holder, [], SHARE_LEASE_MS);
    const isStillAlone = this.isKnown;
    if (others > 0 && !isStillAlone) this.#join();
    if (others === 0 || !isStillAlone) {
      this.#isAlone = others === 0;
      this.#untilMs = sentMs + SHARE_LEASE_MS;
    }
    // Until that is answered, a process that was alone has the whole, which the one that joined knows.
    if (others > 0) await this.#claim(needs);
  }

  leave(): Promise<void> {
    this.#untilMs = -Infinity;
    return this.store.leave(this.#holder);
  }

  /** Until now one of the others may have read that it is alone: keep to the floor for as long as it may believe that. */
  #join(): void {
    this.#floorUntilMs = this.nowMs() + SHARE_LEASE_MS;
    this.#parts.clear();
    this.#others.clear();
  }

  async #claim(needs: () => readonly Need[]): Promise<void> {
    const claims = needs().map((need) => ({ tenant: need.tenant, use: need.use, claim: this.#claimOf(need) }));
    // What is given back is not used from now on: others see it before this process hears that they do.
    const lowered = ({ tenant, claim }: ShareClaim) => {
      const part = this.#parts.get(tenant) ?? FLOOR;
      return [tenant, each((name) => Math.min(part[name], claim[name]))] as const;
    };
    this.#parts = new Map(claims.map(lowered));
    const sentMs = this.nowMs();
    const { others, tenants } = await this.store.exchange(this.#holder, claims, SHARE_LEASE_MS);
    const isLate = !this.isKnown;
    this.#isAlone = others === 0;
    this.#untilMs = sentMs + SHARE_LEASE_MS;
    // The lease ended before the claim was made: it was not seen by those that were alone meanwhile.
    if (isLate && others > 0) return this.#join();
    this.#others = new Map(claims.map(({ tenant }) => [tenant, tenants.get(tenant) ?? NONE]));
    this.#parts = new Map(
      claims.map(({ tenant, claim }) => {
        const of = this.#others.get(tenant)!;
        return [tenant, each((name) => Math.max(floorOf(of), Math.min(claim[name], 1 - of.claim[name])))];
      }),
    );
  }

  #claimOf(need: Need): Portions {
    if (this.#isAlone) return WHOLE;
    const others = this.nowMs() < this.#floorUntilMs ? undefined : this.#others.get(need.tenant);
    return others ? wantedOf(need, others) : each((name) => Math.max(SHARE_FLOOR, need.held[name]));
  }
}
