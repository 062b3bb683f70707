/**
 * The contract of duties: work that one process of several does at a time. A lease ends by itself if its holder dies; the
 * fence distinguishes an earlier holder from a later one, whose writes win. The store measures leases by one clock of its
 * own, never by a caller's time of day: the monotonic clock of the machine, or that of the database server.
 */

/** A held duty. `fence` rises with every holder of the duty. */
export interface Lease {
  readonly duty: string;
  readonly fence: number;
}

export interface DutyState {
  readonly isHeld: boolean;
  /** Time of day at which a holder last ended it, in milliseconds; null: never. */
  readonly endedMs: number | null;
}

export interface DutyStore {
  /** Take a duty that no process holds, for `leaseMs`; null: another holder has it. */
  take(duty: string, leaseMs: number): Promise<Lease | null>;
  /** Hold it for `leaseMs` from now on. False: the lease ended and another holder took the duty. */
  extend(lease: Lease, leaseMs: number): Promise<boolean>;
  /** Return whether the duty is still this holder's. */
  holds(lease: Lease): Promise<boolean>;
  /** End a duty, unless another holder took it. `nowMs`: the time of day. */
  end(lease: Lease, nowMs: number): Promise<void>;
  state(duty: string): Promise<DutyState>;
}
