/**
 * The answer fields that this page reads; `test/dashboard/dashboard-types.test.ts` compares them with the service's schemas.
 * They are not imported from there, since the compiler would then emit the service's files for browsers too.
 */

export interface Access {
  readonly keyNeeded: boolean;
  readonly tenant: string | null;
  readonly scopes: readonly string[];
  /** Null where no key is needed or given. */
  readonly key: { readonly id: string; readonly name: string | null; readonly expiresAt: string | null } | null;
}

export interface Readiness {
  readonly ready: boolean;
  readonly notReady: readonly string[];
  readonly generation: number;
  readonly entries: number;
  readonly listsInForce: number;
  /** False: checks are refused, since they cannot be recorded. */
  readonly ledgerWritable: boolean;
  readonly clockSkewMs: number;
  readonly decoder: {
    readonly restarts: number;
    readonly restartsLastMinute: number;
    readonly underAttack: boolean;
    readonly queued: number;
    readonly capacity: number;
  };
}

export interface Totals {
  readonly checked: number;
  readonly matched: number;
  readonly suppressed: number;
  readonly notChecked: number;
}
export interface Point extends Totals {
  readonly start: string;
}
export interface Stats extends Totals {
  readonly byReason: Readonly<Record<string, number>>;
  readonly series: readonly Point[];
}

export interface Within {
  readonly hours: number;
  readonly count: number;
  /** Cases that were removed or whose deadline is past. */
  readonly due: number;
  /** Null where no deadline has passed yet. */
  readonly share: number | null;
}
export interface TenantTakedown {
  readonly tenant: string;
  readonly cases: number;
  readonly open: number;
  readonly removed: number;
  readonly falsePositives: number;
  readonly medianSeconds: number | null;
  readonly overdue: number;
  readonly within: readonly Within[];
}
export interface Report {
  readonly byList: readonly { readonly list: string }[];
  readonly byCategory: readonly { readonly category: string }[];
  readonly byTenant: readonly (Totals & { readonly tenant: string })[];
  readonly takedown: {
    readonly cases: number;
    /** All cases that are not closed, including notified and confirmed ones. */
    readonly open: number;
    readonly notified: number;
    readonly confirmed: number;
    readonly removed: number;
    readonly falsePositives: number;
    readonly within: readonly Within[];
    readonly medianSeconds: number | null;
    readonly medianSecondsFromFinding: number | null;
    readonly p90Seconds: number | null;
    readonly oldestOpenAt: string | null;
    readonly seenAgainAfterRemoval: number;
    readonly overdue: number;
    readonly byTenant: readonly TenantTakedown[];
  };
  readonly reversals: { readonly decided: number; readonly reversed: number; readonly errorRate: number | null };
}

export const STATUSES = ['open', 'notified', 'confirmed', 'removed', 'false_positive', 'possible'] as const;
export type Status = (typeof STATUSES)[number];

/** The part of the image that matched. */
export interface WindowFacts {
  readonly kind: string;
  readonly rectangle: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  readonly degrees: number;
  readonly proportion: number;
  readonly certainBitsWrong: number;
}

/** One match, as far as the key may see it. */
export interface MatchFacts {
  readonly list: string;
  readonly matchType: 'exact' | 'near';
  readonly suppressed: boolean;
  readonly quarantined: boolean;
  /** This and the next need the scope `details`. */
  readonly entryId?: string;
  readonly algorithm?: string;
  readonly distance?: number;
  readonly radius?: number;
  readonly orientation?: string | null;
  readonly family?: string | null;
  readonly window?: WindowFacts | null;
  /** `crop` or `rotation`, where the value that matched is of a part of the listed image. */
  readonly derived?: string | null;
  readonly category?: string | null;
  readonly severity?: string | null;
  readonly source?: string | null;
}

/** The fields of a hit that the page reads. */
export interface Hit {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  /** By the template of its tenant. */
  readonly referenceUrl?: string | null;
  readonly kind: 'image' | 'hash';
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly timesSeen: number;
  readonly seenAfterRemoval: number;
  readonly list: string;
  readonly matchType: 'exact' | 'near';
  /** With the scope `details`. */
  readonly entryId?: string;
  readonly matches: readonly MatchFacts[];
  /** `matches` are no matches, for a person to compare. */
  readonly possible: boolean;
  /** Never shown: only which there are is read. */
  readonly digests: { readonly sha256?: string };
  readonly distance?: number | null;
  readonly radius?: number | null;
  readonly orientation?: string | null;
  readonly category?: string | null;
  readonly severity?: string | null;
  readonly source?: string | null;
  readonly quarantined: boolean;
  readonly status: Status;
  readonly assignee: string | null;
  readonly disputed: boolean;
  readonly handling: readonly {
    readonly at: string;
    readonly assignee?: string | null | undefined;
    readonly disputed?: boolean | undefined;
    readonly note: string | null;
    readonly by: string;
    readonly key: { readonly id: string; readonly name: string | null } | null;
  }[];
  readonly history: readonly {
    readonly at: string;
    readonly status: string;
    readonly note: string | null;
    readonly by: string;
    readonly key: { readonly id: string; readonly name: string | null } | null;
  }[];
  readonly clock: {
    readonly foundAt: string;
    readonly startedAt: string;
    readonly stoppedAt: string | null;
    readonly seconds: number | null;
    readonly secondsFromFinding: number | null;
    readonly deadlines: readonly { readonly hours: number; readonly dueAt: string; readonly met: boolean | null }[];
  };
}
export interface Hits {
  readonly hits: readonly Hit[];
  readonly cursor: string | null;
}

export interface List {
  readonly list: string;
  readonly kind: 'match' | 'suppression';
  readonly enabled: boolean;
  readonly radiusBits: number;
  readonly detail: 'plain' | 'standard' | 'deep';
  readonly version: number;
  readonly importedAt: string | null;
  readonly entryCount: number;
  readonly rejectedCount: number;
  readonly quarantinedCount: number;
  readonly heldVersion: number | null;
}

/** A process that uses the store. */
export interface Replica {
  readonly id: string;
  readonly host: string;
  readonly kind: string;
  readonly codeVersion: string;
  readonly generation: number;
  readonly skewMs: number;
  readonly seenMsAgo: number;
  readonly isLive: boolean;
}

export interface Latency {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}
export interface Pace extends Latency {
  readonly checksPerSecond: number;
  readonly series: readonly (Latency & { readonly start: string; readonly checksPerSecond: number })[];
}
